"""The record at the end of a DAG file: written as a Python literal, read back without running anything."""

from __future__ import annotations

import ast
import hashlib
import pprint
import re
from dataclasses import asdict
from typing import Any

from deployer.models.record import RECORD_FORMAT, Provenance, Record

_HEADER = "# What mfdeploy deployed here. It is read back to plan the next change; do not edit.\n"
_BLOCK = re.compile(r"^MFDEPLOY_RECORD = (\{\n.*?^\})\n", re.MULTILINE | re.DOTALL)
_START = f"\n\n{_HEADER}MFDEPLOY_RECORD = "
MAX_RECORD_BYTES = 8_000_000


class RecordError(ValueError):
    """A file carries a record that cannot be understood; the message says why."""


def digest_body(body: str) -> str:
    """SHA-256 (hex) of a DAG file's text without its record."""
    return hashlib.sha256(body.encode()).hexdigest()


def write(body: str, record: Record) -> str:
    """The DAG file: its body, which must end with one newline, and the record after it."""
    values: dict[str, Any] = asdict(record)
    lines = [f"    {key!r}: {_literal(value)},\n" for key, value in values.items() if value is not None]
    return f"{body}{_START}{{\n{''.join(lines)}}}\n"


def body(text: str) -> str:
    """A DAG file's text without its record; all of it when it has none."""
    start = text.rfind(_START)
    return text if start < 0 else text[:start]


def read(text: str) -> tuple[Record, bool] | None:
    """The record of a DAG file, and whether the body is still the one that it was made for.

    None for a file without a record. Raises RecordError for a record that is damaged or of a later format.
    """
    start = text.rfind(_START)
    if start < 0:
        if re.search(r"^MFDEPLOY_RECORD\b", text, re.MULTILINE):
            raise RecordError("the record is not where mfdeploy writes it")
        return None
    found = _BLOCK.match(text, start + len(_START) - len("MFDEPLOY_RECORD = "))
    if found is None or len(found.group(1)) > MAX_RECORD_BYTES:
        raise RecordError("the record is cut off or not a literal")
    try:
        values = ast.literal_eval(found.group(1))
        record = _build(values)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, KeyError) as error:
        raise RecordError(f"the record is damaged ({type(error).__name__}: {error})") from error
    intact = digest_body(text[:start]) == record.body_digest and found.end() == len(text)
    return record, intact


def _build(values: dict[str, Any]) -> Record:
    if values.get("format") != RECORD_FORMAT:
        raise ValueError(f"record format {values.get('format')!r}, this mfdeploy reads {RECORD_FORMAT}")
    provenance = values.pop("provenance", None)
    record = Record(**values, provenance=Provenance(**provenance) if provenance else None)
    texts = (record.owner, record.environment, record.address, record.dag_id, record.body_digest)
    if not all(isinstance(text, str) for text in texts) or not isinstance(record.description, dict):
        raise ValueError("a field has another type")
    return record


def _literal(value: Any) -> str:
    """`value` as Python source, its lines after the first indented so that none starts at column 0."""
    text = pprint.pformat(value, width=112, sort_dicts=True)
    return text.replace("\n", "\n     ")

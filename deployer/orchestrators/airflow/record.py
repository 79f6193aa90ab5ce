"""The record at the end of a DAG file: written as a Python literal, read back without running anything."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from deployer.models.plain_data import MAX_WORDS, check_plain, check_size, count_words, is_name
from deployer.models.record import RECORD_FORMAT, Inputs, Provenance, Record

_HEADER = "# What mfdeploy deployed here. It is read back to plan the next change; do not edit.\n"
_BLOCK = re.compile(r"^MFDEPLOY_RECORD = (\{\n.*?^\})\n", re.MULTILINE | re.DOTALL)
_START = f"\n\n{_HEADER}MFDEPLOY_RECORD = "
MAX_RECORD_BYTES = 8_000_000
_WIDTH = 100


class RecordError(ValueError):
    """A file carries a record that cannot be understood; the message says why."""


class LaterRecordError(RecordError):
    """The record is of a format that this program does not know: a later one wrote it."""


def digest_body(body: str) -> str:
    """SHA-256 (hex) of a DAG file's text without its record."""
    return hashlib.sha256(body.encode()).hexdigest()


def write(body: str, record: Record) -> str:
    """The DAG file: its body, which must end with one newline, and the record after it."""
    lines = [f"    {key!r}: {_literal(value)},\n" for key, value in to_data(record).items()]
    return f"{body}{_START}{{\n{''.join(lines)}}}\n"


def is_too_large(description: Mapping[str, Any]) -> bool:
    """Whether a record with this description might be more than is read back; with it stands little else."""
    text = json.dumps(description, ensure_ascii=False)
    return len(text) > MAX_RECORD_BYTES // 2 or (len(text) > MAX_WORDS and count_words(text) > MAX_WORDS // 2)


def body(text: str) -> str:
    """A DAG file's text without its record; all of it when it has none. What somebody wrote after it belongs to it."""
    start = text.rfind(_START)
    if start < 0:
        return text
    found = _block(text, start)
    return text[:start] + (text[found.end() :] if found else "")


def read(text: str) -> tuple[Record, bool] | None:
    """The record of a DAG file, and whether the body is still the one that it was made for.

    None for a file without a record. Raises RecordError for a record that is damaged or of a later format.
    """
    start = text.rfind(_START)
    if start < 0:
        if re.search(r"^MFDEPLOY_RECORD\b", text, re.MULTILINE):
            raise RecordError("the record is not where mfdeploy writes it")
        return None
    found = _block(text, start)
    if found is None or len(found.group(1)) > MAX_RECORD_BYTES:
        raise RecordError("the record is cut off or not a literal")
    try:
        check_size(found.group(1))
        values = ast.literal_eval(found.group(1))
        record = _build(values)
    except LaterRecordError:
        raise
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, KeyError, AttributeError) as error:
        raise RecordError(f"the record is damaged: {error}") from error
    intact = digest_body(text[:start]) == record.body_digest and found.end() == len(text)
    return record, intact


def _block(text: str, start: int) -> re.Match[str] | None:
    return _BLOCK.match(text, start + len(_START) - len("MFDEPLOY_RECORD = "))


def to_data(record: Record) -> dict[str, Any]:
    """A record as data for JSON. The description is not copied: it is large, and there may be a thousand of them."""
    found = {each.name: getattr(record, each.name) for each in fields(record)}
    parts = {name: asdict(part) for name in ("provenance", "inputs") if (part := found[name]) is not None}
    return {key: value for key, value in {**found, **parts}.items() if value is not None}


def from_data(values: Mapping[str, Any]) -> Record:
    """A record from its data. Raises ValueError, TypeError or KeyError for what is none."""
    return _build(dict(values))


def _build(values: dict[str, Any]) -> Record:
    check_plain(values)
    written = values.get("format")
    if written != RECORD_FORMAT or isinstance(written, bool):
        kind = LaterRecordError if isinstance(written, int) and written > RECORD_FORMAT else ValueError
        raise kind(f"record format {written!r}, this mfdeploy reads {RECORD_FORMAT}")
    provenance, inputs = values.pop("provenance", None), values.pop("inputs", None)
    _check_names(values, Record, {"provenance", "inputs", "format"})
    if provenance is not None:
        _check_names(provenance, Provenance, {"commit"})
    if inputs is not None:
        _check_names(inputs, Inputs, set())
    record = Record(
        **values,
        provenance=Provenance(**{"commit": None, **provenance}) if provenance else None,
        inputs=Inputs(**inputs) if inputs else None,
    )
    _check_types(record)
    if datetime.fromisoformat(record.since).tzinfo is None:
        raise ValueError("since has no timezone")
    return record


def _check_types(record: Record) -> None:
    names: list[Any] = [record.owner, record.environment, record.address, record.name, record.body_digest]
    if made := record.provenance:
        names += [made.applied_by, made.applied_at, made.tool_version, made.commit or ""]
    if given := record.inputs:
        names.append(given.production_token or "")
        _check_map(given.parameters)
    if not all(map(is_name, [*names, record.since])):
        raise ValueError("a field has another type")
    _check_map(record.description)
    for section in record.description.values():
        _check_map(section)
    for section, name in (("code", "files"), ("graph", "steps")):
        _check_map(record.description.get(section, {name: {}}).get(name))
    for parameter in record.description.get("parameters", {}).values():
        _check_map(parameter)


def _check_map(value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"a map was expected, there is a value of the type {type(value).__name__}")


def _check_names(
    values: dict[str, Any], kind: type[Record] | type[Provenance] | type[Inputs], optional: set[str]
) -> None:
    known = {each.name for each in fields(kind)}
    for name in sorted((known - optional) - set(values)):
        raise ValueError(f"{name!r} is missing")
    for name in sorted(set(values) - known):
        raise ValueError(f"{name!r} is unknown")


def _literal(value: Any, indent: int = 4) -> str:
    """`value` as Python source, on one line where it fits and else an item a line; no line of it starts at column 0."""
    line = _one_line(value)
    if not isinstance(value, (dict, list)) or not value or indent + len(line) <= _WIDTH:
        return line
    margin = " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{key!r}: {_literal(value[key], indent + 4)}" for key in sorted(value)]
    else:
        items = [_literal(item, indent + 4) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + "".join(f"{margin}{item},\n" for item in items) + " " * indent + closing


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_one_line(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_one_line, value)) + "]"
    return repr(value)

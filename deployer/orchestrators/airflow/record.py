"""The record at the end of a DAG file: written as a Python literal, read back without running anything."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import fields
from typing import Any

from deployer.models.description import Description, to_json
from deployer.models.format_1 import upgrade_record
from deployer.models.plain_data import MAX_WORDS, check_size, count_words
from deployer.models.reading import NewerFormatError, adapter, read_model
from deployer.models.record import RECORD_FORMAT, Record

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


def is_too_large(description: Description) -> bool:
    """Whether a record with this description might be more than is read back; the rest of a record is small."""
    text = json.dumps(to_json(description), ensure_ascii=False)
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
        record = from_data(ast.literal_eval(found.group(1)))
    except NewerFormatError as error:
        raise LaterRecordError(f"the record cannot be read: {error}") from error
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise RecordError(f"the record is damaged: {error}") from error
    intact = digest_body(text[:start]) == record.body_digest and found.end() == len(text)
    return record, intact


def _block(text: str, start: int) -> re.Match[str] | None:
    return _BLOCK.match(text, start + len(_START) - len("MFDEPLOY_RECORD = "))


def to_data(record: Record) -> dict[str, Any]:
    """A record as data for JSON."""
    values = adapter(Record).dump_python(record, mode="json", exclude={"description"})
    values["description"] = to_json(record.description)
    return {each.name: values[each.name] for each in fields(record) if values[each.name] is not None}


def from_data(values: object) -> Record:
    """A record from its data, in this format or an older one. Raises ReadingError for what is not a record."""
    return read_model(Record, values, RECORD_FORMAT, {1: upgrade_record})


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

"""The record at the end of a DAG file: written as a Python literal, and read without executing the file."""

from __future__ import annotations

import ast
import json
import re

from deployer.models.description import Description, to_json
from deployer.models.digest import digest_text
from deployer.models.plain_data import MAX_WORDS, check_size, count_words
from deployer.models.reading import NewerFormatError
from deployer.models.record import Record
from deployer.models.record_data import from_data, to_data

_HEADER = "# What mfdeploy deployed here. It is read back to plan the next change; do not edit.\n"
_BLOCK = re.compile(r"^MFDEPLOY_RECORD = (\{\n.*?^\})\n", re.MULTILINE | re.DOTALL)
_START = f"\n\n{_HEADER}MFDEPLOY_RECORD = "
MAX_RECORD_BYTES = 8_000_000
_WIDTH = 100


class RecordError(ValueError):
    """A file has a record that cannot be read; the message says why."""


class LaterRecordError(RecordError):
    """The format of the record is newer than this version of mfdeploy supports."""


def write(body: str, record: Record) -> str:
    """The DAG file: its body, which must end with one newline, and the record after it."""
    lines = [f"    {key!r}: {_literal(value)},\n" for key, value in to_data(record).items()]
    return f"{body}{_START}{{\n{''.join(lines)}}}\n"


def is_too_large(description: Description) -> bool:
    """Whether a record with this description might be too large to be read. The rest of a record is small."""
    text = json.dumps(to_json(description), ensure_ascii=False)
    return len(text) > MAX_RECORD_BYTES // 2 or (len(text) > MAX_WORDS and count_words(text) > MAX_WORDS // 2)


def body(text: str) -> str:
    """A DAG file's text without its record; the whole text if it has none. Text after the record is kept."""
    start = text.rfind(_START)
    if start < 0:
        return text
    found = _block(text, start)
    return text[:start] + (text[found.end() :] if found else "")


def read(text: str) -> tuple[Record, bool] | None:
    """The record of a DAG file, and whether the rest of the file is unchanged since it was written.

    None for a file without a record. Raises RecordError for a record that is damaged or of a newer format.
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
    intact = digest_text(text[:start]) == record.body_digest and found.end() == len(text)
    return record, intact


def _block(text: str, start: int) -> re.Match[str] | None:
    return _BLOCK.match(text, start + len(_START) - len("MFDEPLOY_RECORD = "))


def _literal(value: object, indent: int = 4) -> str:
    """`value` as Python source, on one line if it fits, else with one item per line. No line starts at column 0."""
    line = _one_line(value)
    if not isinstance(value, (dict, list)) or not value or indent + len(line) <= _WIDTH:
        return line
    margin = " " * (indent + 4)
    if isinstance(value, dict):
        items = [f"{key!r}: {_literal(item, indent + 4)}" for key, item in value.items()]
    else:
        items = [_literal(item, indent + 4) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + "".join(f"{margin}{item},\n" for item in items) + " " * indent + closing


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_one_line, value)) + "]"
    return repr(value)

"""Reads untrusted documents into models: records, saved plans, entries of the history.

A document must have a known format, a bounded depth, and exactly the keys and types of its model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from deployer.models.plain_data import check_plain

Model = TypeVar("Model")
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]

_MOST_PROBLEMS = 50  # enough for a file that is not written by hand
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_Schema = Mapping[str, Any]
_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


@dataclass(frozen=True)
class Problem:
    """A problem at a path of the document (``changes[1].address``); `known` are the keys that are allowed there."""

    path: str
    message: str
    known: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ReadingError(ValueError):
    """A document is not valid. The message is the first problem."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems


class NewerFormatError(ReadingError):
    """The document has a newer format than this mfdeploy can read."""


def parse_json(text: str | bytes) -> object:
    """The value of a JSON document. Raises json.JSONDecodeError, or ReadingError for other invalid documents."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise ReadingError(Problem("", "values are nested too deeply")) from error
    except ValueError as error:  # bytes that are not UTF-8, numbers that are too long
        raise ReadingError(Problem("", str(error))) from error


def read_model(kind: type[Model], data: object, newest: int, upgrades: Mapping[int, Upgrade]) -> Model:
    """The model of type `kind` in a document (decoded JSON) of format `newest`, or of one that can be upgraded to it.

    `upgrades` has, for each older format, a function that converts a document to the next format. It gets a copy of the
    top level, and must leave unchanged what does not have the expected form. Raises ReadingError.
    """
    try:
        check_plain(data)
    except ValueError as error:
        raise ReadingError(Problem("", str(error))) from error
    if not isinstance(data, dict):
        raise ReadingError(Problem("", f"expected an object, found a value of the type {type(data).__name__}"))
    document = dict(data)
    for number in range(_format(document, newest, upgrades), newest):
        document = {**upgrades[number](document), "format": number + 1}
    return validate(kind, document)


def validate(kind: type[Model], data: object) -> Model:
    """The model of type `kind` that plain data describes. Raises ReadingError, with at most 50 problems."""
    try:
        return adapter(kind).validate_python(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[:_MOST_PROBLEMS]
        schema = adapter(kind).json_schema()
        raise ReadingError(*(_problem(each, schema) for each in found)) from error


def adapter(kind: type[Model]) -> TypeAdapter[Model]:
    """Pydantic's validator and serializer of a type, made once."""
    return _ADAPTERS.get(kind) or _ADAPTERS.setdefault(kind, TypeAdapter(kind))


def _format(document: Mapping[str, Any], newest: int, upgrades: Mapping[int, Upgrade]) -> int:
    found = document.get("format")
    if type(found) is int and (found == newest or found in upgrades):
        return found
    known = " and ".join(map(str, sorted({newest, *upgrades})))
    if type(found) is int and found > newest:
        raise NewerFormatError(Problem("format", f"{found} is the format of a later mfdeploy; this one reads {known}"))
    raise ReadingError(Problem("format", f"{found!r} is not a format that this mfdeploy reads ({known})"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is duplicated")
        found[key] = value
    return found


def _problem(error: ErrorDetails, schema: _Schema) -> Problem:
    parts, holder = _locate(error["loc"], schema)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")
    if error["type"] in _UNKNOWN_KEY:
        return Problem(path, "unknown key", tuple(holder.get("properties", ())))
    if error["type"] == "missing":
        return Problem(path, "the key is missing")
    message = error["msg"].removeprefix("Value error, ")
    return Problem(path, message[:1].lower() + message[1:])


def _locate(location: tuple[int | str, ...], schema: _Schema) -> tuple[list[int | str], _Schema]:
    """Pydantic's location without its names of variants, and the schema of the object that holds the last part."""
    parts: list[int | str] = []
    node, holder = schema, schema
    for part in location:
        variant = next((each for each in _variants(node, schema) if part in _names(each)), None)
        if variant is not None:
            node = variant
            continue
        holder = _object(node, schema)
        node = _inside(holder, part)
        parts.append(part)
    return parts, holder


def _resolved(node: _Schema, schema: _Schema) -> _Schema:
    reference = node.get("$ref")
    return schema["$defs"][reference.rpartition("/")[2]] if reference else node


def _variants(node: _Schema, schema: _Schema) -> Iterator[_Schema]:
    """The object types of a union; none if there are fewer than two."""
    choices = _choices(node)
    found = [_resolved(each, schema) for choice in choices for each in (_choices(choice) or [choice])]
    objects = [each for each in found if "properties" in each]
    yield from objects if len(objects) > 1 else ()


def _choices(node: _Schema) -> list[_Schema]:
    return [*node.get("anyOf", ()), *node.get("oneOf", ())]


def _names(variant: _Schema) -> list[object]:
    """Pydantic's names of a variant: its type, or the value of its discriminator."""
    return [variant.get("title"), variant["properties"].get("kind", {}).get("const")]


def _object(node: _Schema, schema: _Schema) -> _Schema:
    """The object or array of a node that may also be null."""
    found = _resolved(node, schema)
    kinds = [_resolved(each, schema) for each in _choices(found)]
    return next((each for each in kinds if each.get("type") != "null"), found)


def _inside(holder: _Schema, part: int | str) -> _Schema:
    if isinstance(part, int):
        found = holder.get("items")
    else:
        found = holder.get("properties", {}).get(part, holder.get("additionalProperties"))
    return found if isinstance(found, dict) else {}

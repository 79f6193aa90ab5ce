"""The types of expressions, and those of variables as a JSON Schema declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Basic:
    """A type without parts, by the name that messages give it. Of a string `words` are all that it may be."""

    name: str
    words: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class ListType:
    """A list."""

    item: Type


@dataclass(frozen=True)
class MapType:
    """A map with any keys."""

    key: Type
    value: Type


@dataclass(frozen=True)
class Record:
    """A map with known keys. Which of them are set is known only when the expression is evaluated."""

    name: str
    fields: Mapping[str, Type] = field(compare=False)


Type = Basic | ListType | MapType | Record

BOOL: Final = Basic("a bool")
INT: Final = Basic("a whole number")
DOUBLE: Final = Basic("a number")
STRING: Final = Basic("a string")
NULL: Final = Basic("null")
TIMESTAMP: Final = Basic("a timestamp")
DURATION: Final = Basic("a duration")
DYN: Final = Basic("any value")
NUMBERS: Final = (INT, DOUBLE)


def words_of(kind: Type) -> str:
    """The type in a message."""
    if isinstance(kind, ListType):
        return "a list"
    return "a map" if isinstance(kind, MapType | Record) else kind.name


def fits(kind: Type, wanted: Type) -> bool:
    """Whether a value of one type may be used as one of the other; what is not known may."""
    if DYN in (kind, wanted):
        return True
    if isinstance(kind, MapType | Record) and isinstance(wanted, MapType | Record):
        return True
    if isinstance(kind, ListType) and isinstance(wanted, ListType):
        return fits(kind.item, wanted.item)
    return kind == wanted


def may_be_equal(one: Type, other: Type) -> bool:
    """Whether values of the two types can be equal: numbers of both kinds are compared, and anything may be null."""
    return fits(one, other) or NULL in (one, other) or (one in NUMBERS and other in NUMBERS)


def joined(kinds: list[Type]) -> Type:
    """The type of what is one of these."""
    first = kinds[0] if kinds else DYN
    return first if all(kind == first for kind in kinds) else DYN


def from_schema(schema: Mapping[str, Any]) -> Mapping[str, Type]:
    """The types of variables: each property of a JSON Schema is one."""
    reader = _Reader(schema.get("$defs", {}))
    return {name: reader.read(part, name) for name, part in schema["properties"].items()}


_BY_WORD: Final[Mapping[str, Type]] = {
    "string": STRING,
    "integer": INT,
    "number": DOUBLE,
    "boolean": BOOL,
    "null": NULL,
}


class _Reader:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self.definitions = definitions
        self.known: dict[str, Type] = {}

    def read(self, part: Mapping[str, Any], name: str) -> Type:
        if reference := part.get("$ref"):
            return self.definition(str(reference).rpartition("/")[2])
        for key in ("allOf", "anyOf", "oneOf"):
            if key in part:
                return self.one_of([self.read(each, name) for each in part[key]], name)
        if "enum" in part or "const" in part:
            words = part.get("enum", [part.get("const")])
            return Basic(STRING.name, tuple(words)) if all(isinstance(word, str) for word in words) else DYN
        if part.get("format") == "date-time":
            return TIMESTAMP
        kind = part.get("type")
        if kind == "object":
            return self.object(part, name)
        if kind == "array":
            return ListType(self.read(part.get("items", {}), name))
        return _BY_WORD.get(kind, DYN) if isinstance(kind, str) else DYN

    def definition(self, name: str) -> Type:
        if name not in self.known:
            self.known[name] = DYN  # a type that contains itself
            self.known[name] = self.read(self.definitions[name], name)
        return self.known[name]

    def object(self, part: Mapping[str, Any], name: str) -> Type:
        fields = part.get("properties", {})
        if fields and part.get("additionalProperties", False) is False:
            return Record(name, {key: self.read(value, key) for key, value in fields.items()})
        value = part.get("additionalProperties")
        return MapType(STRING, self.read(value, name) if isinstance(value, Mapping) and not fields else DYN)

    def one_of(self, kinds: list[Type], name: str) -> Type:
        """A value that may be null has the type that it has otherwise; records become one with the fields of all."""
        kinds = [kind for kind in kinds if kind != NULL] or [NULL]
        records = [kind for kind in kinds if isinstance(kind, Record)]
        if len(kinds) > 1 and len(records) == len(kinds):
            names = {key for record in records for key in record.fields}
            fields = {key: [record.fields[key] for record in records if key in record.fields] for key in sorted(names)}
            return Record(name, {key: self.one_of(found, key) for key, found in fields.items()})
        if all(kind in NUMBERS for kind in kinds):
            return joined(kinds) if joined(kinds) != DYN else DOUBLE
        words = [word for kind in kinds if isinstance(kind, Basic) for word in kind.words]
        if all(kind == STRING for kind in kinds):
            closed = all(isinstance(kind, Basic) and kind.words for kind in kinds)
            return Basic(STRING.name, tuple(dict.fromkeys(words)) if closed else ())
        return joined(kinds)

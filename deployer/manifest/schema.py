"""The JSON Schema of a manifest, for editors."""

from __future__ import annotations

from typing import Any, Final

from deployer.manifest.keys import (
    MANIFEST,
    AnyValue,
    Choice,
    Flag,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Section,
    Text,
    Whole,
)

# A number, true/false or a closed word may also come from a variable.
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{var\."}
Schema = dict[str, Any]


def manifest_schema() -> Schema:
    """The JSON Schema (draft 2020-12) of one manifest file, made from the sections.

    A file alone need not be complete, so no top-level key is required.
    """
    definitions: dict[str, Schema] = {}
    top = _section(MANIFEST, definitions)
    found = {name: definitions[name] for name in sorted(definitions)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": found, **top}


def _section(section: Section, definitions: dict[str, Schema]) -> Schema:
    required = [name for name, key in section.keys.items() if key.required]
    whole: Schema = {
        "additionalProperties": False,
        "description": section.description,
        "properties": {name: _key(key, definitions) for name, key in section.keys.items()},
        **({"required": required} if required else {}),
        "type": "object",
    }
    return {"anyOf": [whole["properties"][section.short], whole]} if section.short else whole


def _key(key: Key, definitions: dict[str, Schema]) -> Schema:
    return {**_kind(key.kind, definitions), "description": key.description}


def _kind(kind: Kind, definitions: dict[str, Schema]) -> Schema:
    if isinstance(kind, Section):
        if kind.name not in definitions:
            definitions[kind.name] = _section(kind, definitions)
        return {"$ref": f"#/$defs/{kind.name}"}
    if isinstance(kind, AnyValue):
        return dict(kind.schema or {})
    if isinstance(kind, ListOf):
        return {"items": _kind(kind.item, definitions), "type": "array"}
    if isinstance(kind, MapOf):
        return _map(kind, definitions)
    if isinstance(kind, Text):
        return _text(kind)
    return {"anyOf": [_closed(kind), _REFERENCE]}


def _map(kind: MapOf, definitions: dict[str, Schema]) -> Schema:
    if kind.schema:
        return dict(kind.schema)
    values = _kind(kind.value, definitions)
    if kind.name.pattern:
        return {
            "additionalProperties": False,
            "patternProperties": {f"^{kind.name.pattern}$": values},
            "type": "object",
        }
    names = {"propertyNames": {"minLength": kind.name.at_least}} if kind.name.at_least else {}
    return {"additionalProperties": values, **names, "type": "object"}


def _text(kind: Text) -> Schema:
    bounds: Schema = {
        "maxLength": kind.at_most,
        "minLength": kind.at_least or None,
        "pattern": f"^{kind.pattern}$" if kind.pattern else None,
    }
    types = ["string", "null"] if kind.or_null else "string"
    return {**{name: bound for name, bound in bounds.items() if bound is not None}, "type": types}


def _closed(kind: Whole | Number | Flag | Choice) -> Schema:
    if isinstance(kind, Flag):
        return {"type": "boolean"}
    if isinstance(kind, Choice):
        return {"enum": list(kind.words), "type": "string"}
    if isinstance(kind, Whole):
        bounds: Schema = {"maximum": kind.at_most, "minimum": kind.at_least}
    else:
        bounds = {"exclusiveMinimum": kind.more_than, "minimum": kind.at_least}
    type_ = "integer" if isinstance(kind, Whole) else "number"
    return {**{name: bound for name, bound in bounds.items() if bound is not None}, "type": type_}

"""The JSON Schema of a Param: the values that a run takes, and the field that Airflow's trigger form shows.

A form that nobody changed must give back every default. What the forms do with a schema was read in their code (of
Airflow 2 www/templates/airflow/trigger.html and www/static/js/trigger.js, of Airflow 3 FlexibleForm), and is tested
with a browser:

- Airflow 2 reads an empty field as null. A required field that is empty is not submitted; if it is an editor for JSON,
  not even after it was filled. A line of text loses its line ends, and several lines lose carriage returns.
- Airflow 2 shows an editor for JSON where the types have "array" and `items` has no type. The editor takes and gives
  any JSON value, but it starts empty where the default is a number or a boolean.
- Airflow 3 gives back what nobody touched. If there are several types, 3.0 shows the field of the first one; 3.3 takes
  JSON of each of the types, and other text where "string" is one of them.

So the types may be more than what a run takes, to get the right field; then `allOf` says what a run takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from deployer.models.flow import Parameter

Schema = dict[str, JsonValue]
TEXT_IN_EDITOR: Final = "In Airflow 2, write the text as JSON, in double quotes."
_ANY_JSON: Final[list[JsonValue]] = ["object", "array", "string", "number", "boolean", "null"]
_ITEMS: Final[Schema] = {"description": "any JSON value"}
# Up to draft 7 a `$ref` switches off what is beside it: forms read the type, and a run takes any value.
_ANY_VALUE: Final[Schema] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$ref": "#/definitions/any",
    "definitions": {"any": {}},
}


def schema(parameter: Parameter, default: JsonValue, required: bool) -> Schema:
    """The schema of the parameter's Param. A `required` one has no default, and `default` is None."""
    if parameter.type == "json":
        return _json(default, required)
    if parameter.type == "boolean" and default is None:
        return _editor("boolean", empty=True, nullable=not required)
    if parameter.type == "file" and isinstance(default, Mapping):
        # Metaflow's description of an uploaded file, which is text in most cases.
        return {"type": ["object", "string"]}
    if isinstance(default, str) and _needs_editor(default):
        # Null leaves the value to the flow, where it must be the same one.
        nullable = parameter.default == default
        return _editor("string", empty=nullable, nullable=nullable)
    if isinstance(default, str) and "\n" in default:
        return {"type": "string", "format": "multiline"}
    kind = "string" if parameter.type == "file" else parameter.type
    return {"type": kind if required or default is not None else ["null", kind]}


def note(parameter: Parameter, default: JsonValue) -> str:
    """What a person has to know to fill in the field; empty if there is nothing special about it."""
    is_text = isinstance(default, str) and parameter.type != "json"
    return TEXT_IN_EDITOR if is_text and _needs_editor(str(default)) else ""


def _json(default: JsonValue, required: bool) -> Schema:
    if isinstance(default, bool):
        return {**_ANY_VALUE, "type": "boolean"}
    if isinstance(default, (int, float)):
        return {**_ANY_VALUE, "type": ["number", "null"]}
    found: Schema = {"type": _ANY_JSON, "items": _ITEMS}
    return {**found, "allOf": [{"type": _ANY_JSON[:-1]}]} if required else found


def _editor(kind: str, *, empty: bool, nullable: bool) -> Schema:
    """An editor for JSON in Airflow 2, for one type of value. `empty`: the editor may be submitted empty."""
    return {
        "type": [kind, "array", *(["null"] if empty else [])],
        "items": _ITEMS,
        "allOf": [{"type": [kind, "null"] if nullable else kind}],
    }


def _needs_editor(text: str) -> bool:
    """Whether neither a line nor several lines of text give this one back."""
    return text == "" or text.startswith("\n") or "\r" in text or "\0" in text

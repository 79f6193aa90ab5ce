"""The JSON Schema of a manifest, for editors: pydantic's, in the form that manifests need."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from deployer.manifest.keys import ManifestFile

# A number, true/false or a closed word may also come from a variable.
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{var\."}


class _ManifestSchema(GenerateJsonSchema):
    """Without titles, which repeat the keys, and without defaults that say no more than that there is no value."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        return made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        is_value = isinstance(default, (bool, int, float, str)) and default != ""
        return {**inner, "default": default} if is_value else inner

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        return _or_reference(super().int_schema(schema))

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return _or_reference(super().float_schema(schema))

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        return _or_reference(super().bool_schema(schema))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        made = super().literal_schema(schema)
        return made if "const" in made else _or_reference(made)


def _or_reference(schema: JsonSchemaValue) -> JsonSchemaValue:
    return {"anyOf": [schema, _REFERENCE]}


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one manifest file.

    A file alone need not be complete, so no top-level key is required.
    """
    schema = ManifestFile.model_json_schema(schema_generator=_ManifestSchema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

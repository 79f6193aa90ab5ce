"""The JSON Schemas of a manifest and of a projects file: pydantic's, in the form that editors and SchemaStore need.

SchemaStore recommends draft-07, which editors know best, with an `$id`, and titles that name types.
Source: its CONTRIBUTING.md, "Schema Authoring".
"""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from deployer.manifest.fields import Settings
from deployer.manifest.keys import ManifestFile
from deployer.manifest.projects import ProjectsFile

ID: Final = "https://json.schemastore.org/mfdeploy.json"
_TITLES: Final = {
    "AirflowAccess": "running Airflow",
    "ClusterSettings": "pods of an environment",
    "EnvironmentEntry": "environment",
    "ExemptionEntry": "exemption of several flows",
    "FlowEntry": "flow",
    "FlowExemption": "exemption of a flow",
    "FlowSettings": "settings of a flow",
    "Override": "settings of a flow in one environment",
    "PackageSettings": "code package",
    "PodSettings": "settings of pods",
    "ProjectLimits": "limits of a project",
    "PolicyEntry": "policy",
    "PolicyExample": "example of a policy",
    "PolicyScope": "what a policy is about",
    "RemovedEntry": "removed flow",
    "Retries": "retries",
    "Schedule": "schedule",
    "SecurityContext": "security context",
    "Toleration": "toleration",
    "TriggerSettings": "what starts runs",
}
# A number, true/false or a closed word may also come from a variable.
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{var\."}


class _Schema(GenerateJsonSchema):
    """Without titles of keys, which repeat them, and without defaults that say no more than that there is no value."""

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


class _ManifestSchema(_Schema):
    """Where a variable may stand in place of a number, true or false or a closed word."""

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
    """The JSON Schema (draft-07) of one manifest file.

    A file alone need not be complete, so no top-level key is required.
    """
    return _schema_of(ManifestFile, _ManifestSchema, {"$id": ID, "title": "mfdeploy manifest"})


def projects_schema() -> dict[str, Any]:
    """The JSON Schema (draft-07) of a projects file."""
    return _schema_of(ProjectsFile, _Schema, {"$id": "urn:mfdeploy:projects", "title": "mfdeploy projects"})


def _schema_of(model: type[Settings], generator: type[_Schema], head: dict[str, Any]) -> dict[str, Any]:
    schema = _as_draft_07(model.model_json_schema(schema_generator=generator, ref_template="#/definitions/{model}"))
    definitions = {name: {"title": _TITLES[name], **part} for name, part in schema.pop("$defs").items()}
    return {"$schema": "http://json-schema.org/draft-07/schema#", **head, **schema, "definitions": definitions}


def _as_draft_07(part: Any) -> Any:
    """The same schema for draft-07, where everything beside a ``$ref`` is ignored."""
    if isinstance(part, list):
        return [_as_draft_07(item) for item in part]
    if not isinstance(part, dict):
        return part
    found = {key: _as_draft_07(value) for key, value in part.items()}
    if isinstance(found.get("$ref"), str) and len(found) > 1:
        reference = found.pop("$ref")
        found = {"allOf": [{"$ref": reference}], **found}
    return found

"""What a policy sees: the variables of its expressions, as a JSON Schema and as types.

The schema is made from the models of plans and descriptions, so that a rule reads what the plan's JSON has, by the same
names. The settings that the registry declares are named too: a field that nothing has is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from deployer.manifest.fields import Settings, setting
from deployer.manifest.keys import EnvironmentSettings, FlowSettings
from deployer.manifest.pod_keys import PodSettings
from deployer.models.plan import Change
from deployer.models.reading import adapter
from deployer.policies.cel.types import Type, from_schema

_DESCRIPTIONS: Final = {
    "change": "The change, as the plan's JSON has it, without `before` and `after`.",
    "before": "What is deployed; null for what is not deployed yet. Without most sections for Metaflow's own DAGs.",
    "after": "What would be deployed; null for a delete.",
    "environment": "The environment's name.",
    "flow": "The flow's name in the manifests.",
    "project": "The project of the manifests.",
    "now": "When the plan is made.",
    "minutes_between_runs": "The least minutes between two runs of the planned schedule; null without a cron.",
}
NOT_IN_VALIDATE: Final = frozenset(("change", "before"))
"""What is known only with a target."""
_OF_CHANGE: Final = ("before", "after")


@cache
def input_schema() -> dict[str, Any]:
    """The JSON Schema of the variables. Not to be changed."""
    whole = adapter(Change).json_schema(mode="serialization")
    definitions = whole.pop("$defs")
    change = {key: value for key, value in whole["properties"].items() if key not in _OF_CHANGE}
    definitions["SettingsDescription"] = _with_settings(definitions["SettingsDescription"])
    definitions["Pod"] = _pod()
    resources = definitions["Description"]["properties"]["resources"]
    resources["additionalProperties"] = {"$ref": "#/$defs/Pod"}
    definitions["PolicyChange"] = {**whole, "properties": change, "required": [*change]}
    properties: dict[str, Any] = {
        "change": {"$ref": "#/$defs/PolicyChange"},
        **{name: whole["properties"][name] for name in _OF_CHANGE},
        **{name: {"type": "string"} for name in ("environment", "flow", "project")},
        "now": {"type": "string", "format": "date-time"},
        "minutes_between_runs": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }
    for name, text in _DESCRIPTIONS.items():
        properties[name] = {**properties[name], "description": text}
        properties[name].pop("default", None)
    return {
        "type": "object",
        "description": "The variables of a policy's expressions. What is not set is absent: ask has(...) first.",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
        "$defs": definitions,
    }


@cache
def input_types() -> Mapping[str, Type]:
    """The types of the variables by name."""
    return from_schema(input_schema())


def _with_settings(described: Mapping[str, Any]) -> dict[str, Any]:
    """The section `settings` with the keys of the registry that it holds by value."""
    found = dict(described["properties"])
    for model in (FlowSettings, EnvironmentSettings):
        for name in model.model_fields:
            if name not in found and setting(model, name).is_described_by_value:
                found[name] = _of_setting(model, name)
    return {**described, "properties": found, "additionalProperties": False}


def _of_setting(model: type[Settings], name: str) -> dict[str, Any]:
    """The schema of a setting's value in a description, without the parts of settings of settings."""
    field = model.model_fields[name]
    kind: Any = field.annotation
    made: dict[str, Any] = TypeAdapter(kind).json_schema()
    made.pop("$defs", None)
    kept: dict[str, Any] = {key: made[key] for key in ("type", "items", "enum", "additionalProperties") if key in made}
    if made.get("type") == "object" and "properties" in made:
        kept = {"type": "object", "additionalProperties": {}}
    if "anyOf" in made:
        kept = {"anyOf": [part if "$ref" not in part else {} for part in made["anyOf"]]}
    return {**kept, "description": setting(model, name).purpose}


def _pod() -> dict[str, Any]:
    """A step's pod. Metaflow writes most amounts as strings: int(...) reads both."""
    fields = {name: {"description": setting(PodSettings, name).purpose} for name in PodSettings.model_fields}
    return {
        "type": "object",
        "description": "A step's pod, as Metaflow has it. Amounts are strings or numbers: int(...) reads both.",
        "properties": fields,
        "additionalProperties": False,
    }

"""Which differing fields follow from another field that differs, so that a reader has to see only the first one.

The variables are those that every task gets (`deployer.compiler.worker.variables`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from deployer.models.plan import FieldChange

_VARIABLES = "settings.variables."
_OPTIONS = ".options"
# The field that decides a variable. A variable that is not here was written in a manifest.
_DECIDED_BY: Mapping[str, str] = {
    "METAFLOW_OWNER": "settings.owner",
    "METAFLOW_USER": "settings.owner",
    "USER": "settings.owner",
    "METAFLOW_DEFAULT_DATASTORE": "settings.datastore",
    "METAFLOW_DATASTORE_SYSROOT_S3": "settings.datastore",
    "METAFLOW_DATASTORE_SYSROOT_GS": "settings.datastore",
    "METAFLOW_DATASTORE_SYSROOT_AZURE": "settings.datastore",
    "METAFLOW_KUBERNETES_WORKLOAD": "settings.compute",
    "METAFLOW_RUNTIME_ENVIRONMENT": "settings.compute",
    "METAFLOW_FLOW_NAME": "code.flow",
    "METAFLOW_FLOW_CONFIG_VALUE": "settings.configs",
}
# The field that decides an option of the steps, by the option's beginning.
_OPTION_DECIDED_BY = {"--environment=": "settings.package_environment", "--with=kubernetes": "settings.compute"}
# Of every task, if no manifest says otherwise.
_DEFAULTS = {"METAFLOW_RUNTIME_NAME": "airflow", "METAFLOW_DEFAULT_METADATA": "local"}


def is_derived_variable(name: str, value: object) -> bool:
    """Whether a variable of the tasks says nothing that another field or a default does not say."""
    return name in _DECIDED_BY or _DEFAULTS.get(name) == value


def is_derived_option(option: str) -> bool:
    """Whether an option of a step says nothing that another field does not say."""
    return option.startswith(tuple(_OPTION_DECIDED_BY))


def with_follows(fields: Iterable[FieldChange], differing: Collection[str]) -> Iterator[FieldChange]:
    """The fields, each with the field that it follows from. `differing` are the paths of all fields that differ."""
    for field in fields:
        yield replace(field, follows=_decided_by(field, differing))


def _decided_by(field: FieldChange, differing: Collection[str]) -> str:
    if field.field.startswith(_VARIABLES):
        found = _DECIDED_BY.get(field.field[len(_VARIABLES) :], "")
        return found if found and _differs(found, differing) else ""
    if field.field.startswith("settings.steps.") and field.field.endswith(_OPTIONS):
        return _of_options(field.before, field.after, differing)
    return ""


def _differs(path: str, differing: Collection[str]) -> bool:
    return any(each == path or each.startswith(f"{path}.") for each in differing)


def _of_options(before: JsonValue, after: JsonValue, differing: Collection[str]) -> str:
    """The field that explains all differences between two lists of options; empty if there is none."""
    for start, path in _OPTION_DECIDED_BY.items():
        if _differs(path, differing) and _without(before, start) == _without(after, start):
            return path
    return ""


def _without(options: JsonValue, start: str) -> list[JsonValue]:
    return [each for each in options if not str(each).startswith(start)] if isinstance(options, list) else []

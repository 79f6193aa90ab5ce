"""Which values Airflow takes for a parameter, whatever field its form shows: tests/airflow/test_trigger_form.py."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from deployer.models.flow import Parameter, ParameterType
from deployer.orchestrators.airflow import trigger_form
from deployer.orchestrators.airflow.parameters import build
from tests.renderer import flows

ANY_JSON = (None, True, 0, 2.5, "text", "[1]", "", [1, 2.5, None], {"a": [1]})
# What a parameter of each type takes, where its default is none.
TAKEN: dict[ParameterType, tuple[Any, ...]] = {
    "string": ("", "text"),
    "integer": (0, -7),
    "number": (0, 2.5),
    "boolean": (True, False),
    "json": tuple(value for value in ANY_JSON if value is not None),
}
DEFAULTS: tuple[tuple[ParameterType, Any], ...] = (
    *(("string", default) for default in ("", "text", "one\ntwo", "\none\r", None)),
    *(("integer", default) for default in (0, 7, None)),
    *(("number", default) for default in (0.0, 2.5, None)),
    *(("boolean", default) for default in (True, False, None)),
    *(("json", default) for default in ANY_JSON),
)


def schema(kind: ParameterType, default: Any, **more: Any) -> trigger_form.Schema:
    parameter = Parameter("p", kind, 8, default=default, **more)
    (param,) = build(flows.deployment(), flows.linear(parameters=(parameter,)), flows.package(flows.linear()))
    return param.schema


def takes(schema: trigger_form.Schema, value: Any) -> bool:
    """As Airflow asks, which takes the draft that a schema names and else the newest."""
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("kind", "default"), DEFAULTS)
def test_any_value_of_the_type_is_taken(kind: ParameterType, default: Any) -> None:
    found = schema(kind, default)
    assert takes(found, default)
    assert [value for value in TAKEN[kind] if not takes(found, value)] == []


@pytest.mark.parametrize(("kind", "default"), [each for each in DEFAULTS if each[0] != "json"])
def test_a_value_of_another_type_is_refused(kind: ParameterType, default: Any) -> None:
    others: dict[ParameterType, tuple[Any, ...]] = {
        "string": (0, True, [], ["a"], {}),
        "integer": ("1", 2.5, True, []),
        "number": ("1", True, [2.5]),
        "boolean": ("true", 1, []),
    }
    assert [value for value in others[kind] if takes(schema(kind, default), value)] == []


@pytest.mark.parametrize("kind", list(TAKEN))
def test_a_required_parameter_takes_no_null(kind: ParameterType) -> None:
    found = schema(kind, None, required=True)
    assert not takes(found, None)
    assert [value for value in TAKEN[kind] if not takes(found, value)] == []


def test_null_is_taken_where_the_flow_itself_has_the_default() -> None:
    """An editor that was emptied gives null, and the flow's own default is what the run gets for it."""
    parameter = Parameter("p", "string", 8, default="")
    assert takes(trigger_form.schema(parameter, "", required=False), None)
    of_the_manifest = Parameter("p", "string", 8, default="text")
    assert not takes(trigger_form.schema(of_the_manifest, "", required=False), None)


def test_a_person_learns_what_an_editor_takes() -> None:
    empty = Parameter("p", "string", 8, default="", help="The suffix.")
    (param,) = build(flows.deployment(), flows.linear(parameters=(empty,)), flows.package(flows.linear()))
    assert param.help == f"The suffix. {trigger_form.TEXT_IN_EDITOR}"

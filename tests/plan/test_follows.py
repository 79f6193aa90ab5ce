"""What follows from another field is told once: the field names the one that it follows from."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.description import explain
from tests.views.samples import LINE, described

SETTINGS: dict[str, Any] = {
    "compute": "local",
    "datastore": "s3://a/b",
    "cluster": {},
    "variables": {"METAFLOW_OWNER": "ada", "METAFLOW_USER": "ada", "USER": "ada", "METAFLOW_SERVICE_URL": "https://a"},
    "configs": {},
    "steps": {"start": {"options": ["--environment=local"]}, "end": {"options": ["--environment=local"]}},
    "owner": "ada",
    "package_environment": "local",
}


def follows(**values: Any) -> dict[str, str]:
    """What each differing setting follows from, once these settings have other values."""
    before, after = (described(LINE, settings=each) for each in (SETTINGS, {**SETTINGS, **values}))
    return {field.field: field.follows for reason in explain(before, after) for field in reason.fields}


def variables(**values: str) -> dict[str, str]:
    return {**SETTINGS["variables"], **values}


def test_the_variables_of_an_owner_follow_from_the_owner() -> None:
    owner = dict.fromkeys(("METAFLOW_OWNER", "METAFLOW_USER", "USER"), "grace")
    assert follows(owner="grace", variables=variables(**owner)) == {
        "settings.owner": "",
        **{f"settings.variables.{name}": "settings.owner" for name in owner},
    }


def test_a_variable_stands_for_itself_where_its_field_does_not_differ() -> None:
    assert follows(variables=variables(USER="grace")) == {"settings.variables.USER": ""}


def test_a_variable_of_the_manifest_follows_from_nothing() -> None:
    found = follows(owner="grace", variables=variables(METAFLOW_SERVICE_URL="https://b"))
    assert found["settings.variables.METAFLOW_SERVICE_URL"] == ""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--environment=conda"], "settings.package_environment"),
        (["--production", "--environment=conda"], ""),
    ],
)
def test_options_follow_only_where_nothing_else_of_them_differs(options: list[str], expected: str) -> None:
    steps = {name: {"options": options} for name in ("start", "end")}
    found = follows(package_environment="conda", steps=steps)
    assert found["settings.steps.start.options"] == expected
    assert found["settings.package_environment"] == ""

"""What a DAG file makes of the values that a run is given, and what it refuses."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.models.flow import Parameter
from deployer.orchestrators.airflow.render import render
from tests.renderer import flows


class RefusedError(Exception):
    """In place of Airflow's AirflowFailException."""


@pytest.fixture(scope="module")
def run_parameters() -> Callable[..., str]:
    """The function as it stands in a DAG file."""
    flow = flows.linear()
    tree = ast.parse(render(flows.deployment(), flow, flows.package(flow)))
    wanted = [node for node in tree.body if getattr(node, "name", "") in ("run_parameters", "no_parameter")]
    names: dict[str, Any] = {"json": json, "difflib": difflib, "FLOW": "F", "AirflowFailException": RefusedError}
    exec(compile(ast.Module(wanted, []), "dag", "exec"), names)
    found: Callable[..., str] = names["run_parameters"]
    return found


def test_the_values_are_json_in_the_order_of_their_keys(run_parameters: Callable[..., str]) -> None:
    values = {"a": {"y": 1, "x": [{"d": 1, "c": "ä"}]}, "b": None}
    given = {"a": {"y": 1, "x": [{"d": 1, "c": "ä"}]}, "openlineage": {"parent": 1}}
    assert run_parameters(values, given, ["a", "b"]) == json.dumps(values, ensure_ascii=False)
    assert run_parameters({}, {}, []) == "{}"


@pytest.mark.parametrize(
    ("given", "known", "message"),
    [
        ({"regoin": 1}, ["region", "rate"], "the run was given a value for 'regoin', and F has no such parameter: did"),
        ({"regoin": 1}, ["region", "rate"], "did you mean 'region'?"),
        ({"REGION": 1}, ["region", "rate"], "did you mean 'region'?"),
        ({"METAFLOW_RUN_ID": 1}, ["region", "rate"], "its parameters are region, rate"),
        ({"x": 1}, [], "'x', and F has no such parameter: it has none"),
        ({"regoin": 1, "rat": 1}, ["region", "rate"], "'region'?; the run was given a value for 'rat'"),
        ({"a\nb\x1b" + "x" * 1_000_000: 1}, ["region"], r"'a\nb\x1bxxx"),
        ({"region": "apac"}, ["region"], "set [core] dag_run_conf_overrides_params to True"),
    ],
)
def test_what_would_be_lost_is_refused(
    run_parameters: Callable[..., str], given: dict[str, Any], known: list[str], message: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        run_parameters(dict.fromkeys(known, "eu"), given, known)
    text = str(refused.value)
    assert message in text
    assert "\n" not in text
    assert len(text) < 1000


def test_more_than_can_be_handed_over_is_refused(run_parameters: Callable[..., str]) -> None:
    assert len(run_parameters({"a": "x" * 40_000_000}, {}, ["a"])) > 40_000_000
    message = r"have 50,\d{3},\d{3} bytes \(most of them b\), and a task takes 50,000,000"
    with pytest.raises(RefusedError, match=message):
        run_parameters({"a": 1, "b": "é" * 25_000_000}, {}, ["a", "b"])


@pytest.mark.parametrize(
    ("kind", "client"), [("s3", "S3Hook"), ("gs", "google.cloud import storage"), ("azure", "azure.storage.blob")]
)
def test_a_pod_is_handed_over_what_airflow_stores(kind: str, client: str) -> None:
    flow = flows.with_pods(flows.linear(parameters=(Parameter("a", "string", 3),)))
    deployment = flows.deployment(environment=flows.environment(compute="kubernetes", datastore_type=kind))
    text = render(deployment, flow, flows.package(flow))
    assert "most=50_000_000" in text
    assert client in text
    assert sum(other in text for other in ("S3Hook", "google.cloud", "azure.storage")) == 1

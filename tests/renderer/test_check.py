"""What the renderer refuses, and where it says so."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.errors import Diagnostic
from deployer.models.deployment import Schedule
from deployer.models.flow import Parameter, ProjectNames
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from tests.renderer import flows


def only(found: list[Diagnostic]) -> Diagnostic:
    (diagnostic,) = found
    return diagnostic


def test_a_parallel_step_is_refused_in_pods_alone_and_at_its_line() -> None:
    flow = flows.parallel()
    found = only(check(flows.kubernetes(), flows.with_pods(flow)))
    assert found.code == "unsupported"
    assert str(found.location) == "deployments/flows/train.py:14"
    assert "parallel" in found.message
    assert found.hint
    assert check(flows.deployment(), flow) == []


def test_an_unknown_attribute_of_kubernetes_is_refused() -> None:
    flow = flows.with_pods(flows.linear(), start={"warp_drive": "on", "executable": None})
    found = only(check(flows.kubernetes(), flow))
    assert "'warp_drive'" in found.message and found.location and found.location.line == 10


def test_everything_is_reported_at_once() -> None:
    flow = flows.with_pods(flows.parallel())
    deployment = flows.kubernetes(parameters={"x": 1}, schedule=Schedule.model_construct(cron="bad"))
    deployment = deployment.model_copy(update={"tags": ("t" * 101,)})
    assert len(check(deployment, flow)) == 4


ALPHA = Parameter("alpha", "number", 8, default=0.5)


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        ("number", 1, True),
        ("number", 0.5, True),
        ("number", True, False),
        ("number", float("inf"), False),
        ("number", "1", False),
        ("integer", 1, True),
        ("integer", 1.5, False),
        ("integer", True, False),
        ("boolean", False, True),
        ("boolean", "no", False),
        ("string", "x", True),
        ("string", 1, False),
        ("json", {"a": [1]}, True),
        ("json", "x", True),
        ("file", "x", True),
    ],
)
def test_types_of_parameters(kind: Any, value: Any, fits: bool) -> None:
    flow = flows.linear(parameters=(Parameter("alpha", kind, 8, default=value),))
    found = check(flows.deployment(parameters={"alpha": value}), flow)
    assert [problem.code for problem in found] == ([] if fits else ["wrong-type"])
    assert all(str(problem.location) == "deployments/flows.yaml:35:18" for problem in found)


def test_a_misspelt_parameter_is_told_with_the_right_one() -> None:
    found = only(check(flows.deployment(parameters={"alhpa": 1}), flows.linear(parameters=(ALPHA,))))
    assert (found.code, found.path) == ("unknown-parameter", "flows.train.parameters.alhpa")
    assert found.hint == "did you mean 'alpha'?"


def test_a_required_parameter_needs_a_value_only_on_a_schedule() -> None:
    flow = flows.linear(parameters=(Parameter("alpha", "number", 8, required=True),))
    scheduled = Schedule(cron="daily")
    assert check(flows.deployment(), flow) == []
    assert only(check(flows.deployment(schedule=scheduled), flow)).code == "missing-parameter"
    assert check(flows.deployment(schedule=scheduled, parameters={"alpha": 1}), flow) == []


def test_dag_ids() -> None:
    staging = flows.environment(name="staging", production=False)
    project = ProjectNames("growth", "test.pr-1", "growth.test.pr-1.TrainFlow")
    assert dag_id(flows.deployment(), flows.linear()) == "TrainFlow"
    assert dag_id(flows.deployment(environment=staging), flows.linear()) == "TrainFlow.staging"
    assert dag_id(flows.deployment(), flows.linear(project=project)) == "growth.test.pr-1.TrainFlow"
    assert dag_id(flows.deployment(dag_id="mine"), flows.linear(project=project)) == "mine"


@pytest.mark.parametrize("name", ["a b", "a/b", "é", "x" * 251])
def test_a_dag_id_that_airflow_refuses(name: str) -> None:
    assert only(check(flows.deployment().model_copy(update={"dag_id": name}), flows.linear())).code == "bad-dag-id"


def test_the_key_of_the_service_is_no_variable_of_a_step() -> None:
    flow = flows.with_step(flows.linear(), "end", environment={"METAFLOW_SERVICE_AUTH_KEY": "hush"})
    found = only(check(flows.deployment(), flow))
    assert (found.code, found.severity, found.location and found.location.line) == ("secret-in-dag", "error", 14)
    assert "hush" not in str(found)


@pytest.mark.parametrize("variables", [{"DB_PASSWORD": "hush"}, {"DB": "postgresql://ada:hush@db/x"}])
def test_what_looks_like_a_credential_is_a_warning(variables: dict[str, str]) -> None:
    found = only(check(flows.deployment(), flows.with_step(flows.linear(), "end", environment=variables)))
    assert (found.code, found.severity) == ("secret-in-dag", "warning")
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ('secrets:sources=[{"type": "inline", "id": "x", "options": {"env_vars": {"A": "sesame"}}}]', "inline source"),
        (
            r"secrets:sources=[{\"type\": \"inline\", \"options\": {\"env_vars\": {\"A\": \"sesame\"}}}]",
            "inline source",
        ),
        (r'secrets:sources=[{"type": "\u0069nline", "options": {"env_vars": {"A": "sesame"}}}]', "inline source"),
        ('secrets:sources=["inline.sesame"]', "inline source"),
        ('environment:vars={"DB_PASSWORD": "sesame"}', "sets DB_PASSWORD"),
        ('environment:vars={"URL": "https://ada:sesame@host/"}', "contain a credential"),
        ('card:options={"api_key": "sesame"}', "contain a credential"),
    ],
)
def test_credentials_in_the_manifests_decorators_are_refused_and_not_shown(spec: str, message: str) -> None:
    found = only(check(flows.deployment(decorators=("retry:times=2", spec)), flows.linear()))
    assert found.code == "secret-in-dag"
    assert message in found.message and found.hint
    assert "sesame" not in str(found)


@pytest.mark.parametrize(
    "spec",
    [
        'secrets:sources=["aws-secrets-manager.warehouse"]',
        'secrets:sources=[{"type": "aws-secrets-manager", "id": "x"}]',
        'environment:vars={"LEVEL": "inline.", "AWS_SECRETS_MANAGER_DEFAULT_ROLE": "arn:x"}',
        "card:type=blank",
    ],
)
def test_other_decorators_of_the_manifest_are_taken(spec: str) -> None:
    assert check(flows.deployment(decorators=(spec,)), flows.linear()) == []

"""DAG ids, tags and sensors of a branch."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.models.branches import Branch
from deployer.models.flow import ProjectNames, Sensor
from deployer.models.record import UNKNOWN_ORIGIN
from deployer.orchestrators.airflow import AirflowOrchestrator
from deployer.orchestrators.airflow.names import dag_id, own_tags
from deployer.orchestrators.airflow.variables import run_tags

from . import flows

PREVIEW = Branch("pr_12", "dev")
STAGING = flows.environment(name="staging", production=False)


def deployed(branch: Branch = PREVIEW, **more: Any) -> Any:
    environment = STAGING.model_copy(update={"branch": branch})
    return flows.deployment(**{"environment": environment, "own_branch": branch, **more})


@pytest.mark.parametrize(
    ("branch", "written", "expected"),
    [
        (Branch(), None, "TrainFlow.staging"),
        (PREVIEW, None, "TrainFlow.staging.pr_12"),
        (Branch("feature/x", "dev"), None, f"TrainFlow.staging.{Branch('feature/x').safe_name}"),
        (Branch(), "sales", "sales"),
        (PREVIEW, "sales", "sales.pr_12"),
        (PREVIEW, "sales-pr_12", "sales-pr_12"),  # written as sales-${var.branch}
        (PREVIEW, "salespr_12", "salespr_12.pr_12"),
    ],
)
def test_the_branch_is_a_part_of_the_id(branch: Branch, written: str | None, expected: str) -> None:
    given = {} if written is None else {"dag_id": written}
    assert dag_id(deployed(branch, **given), flows.linear()) == expected


def test_what_metaflow_calls_a_flow_of_a_project_has_it_already() -> None:
    project = ProjectNames("growth", "test.pr_12", "growth.test.pr_12.TrainFlow")
    assert dag_id(deployed(), flows.linear(project=project)) == "growth.test.pr_12.TrainFlow"


def test_the_dag_and_its_runs_have_the_branch_as_a_tag() -> None:
    assert own_tags(deployed())["branch"] == "branch:pr_12"
    assert "branch:pr_12" in run_tags(deployed(), UNKNOWN_ORIGIN)
    assert "branch" not in own_tags(deployed(Branch()))
    assert run_tags(deployed(Branch()), UNKNOWN_ORIGIN) == ["env:staging", "mfdeploy", "team:growth"]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("LoadFlow.staging", "LoadFlow.staging.pr_12"),
        ("sales", "sales.pr_12"),  # a dag_id of these manifests
        ("LoadFlow.prod", "LoadFlow.prod"),
        ("somebody_elses", "somebody_elses"),
        ("{{ 'LoadFlow' }}.staging", "{{ 'LoadFlow' }}.staging"),
    ],
)
def test_a_sensor_waits_for_the_dag_of_the_same_branch(named: str, expected: str) -> None:
    sensor = Sensor("upstream", "external_task", 5, {"external_dag_id": named})
    key = Sensor("orders", "s3_key", 6, {"bucket_key": "s3://acme/LoadFlow.staging"})
    flow = flows.linear(sensors=(sensor, key))
    found = AirflowOrchestrator().in_branch(deployed(branch_dag_ids={"sales": "sales.pr_12"}), flow)
    assert found.sensors[0].arguments == {"external_dag_id": expected}
    assert found.sensors[1] == key
    assert AirflowOrchestrator().in_branch(deployed(Branch()), flow) == flow
    # A branch of the flow's own is not that of the others.
    own = deployed(PREVIEW, environment=STAGING)
    assert AirflowOrchestrator().in_branch(own, flow) == flow


def test_an_id_that_is_too_long_with_its_branch_is_one_error_that_names_the_branch() -> None:
    long = deployed(Branch("b" * 64, ""), dag_id="d" * 200)
    (problem,) = AirflowOrchestrator().check(long, flows.linear())
    assert problem.code == "bad-dag-id"
    assert f"with the branch {'b' * 64!r} is not a valid DAG id" in problem.message
    assert "shorter branch" in problem.hint

"""Where the limits of names are: each Airflow takes the longest that a plan takes, and refuses what a plan refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest

from deployer.models.flow import Flow
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import VERSIONS, installed, new_home
from tests.renderer import flows
from tests.renderer.test_names import renamed

pytestmark = pytest.mark.airflow

LONG = {"start": "s" * 249 + "a", "pick": "p" * 249 + "a", "spread": "s" * 249 + "b", "sum_up": "s" * 195}
# By the DAG id: what its deployment and its flow have.
CASES: dict[str, tuple[dict[str, Any], Flow]] = {
    "d" * 250: ({}, flows.linear()),
    "d" * 251: ({}, flows.linear()),
    "a b": ({}, flows.linear()),
    "task": ({}, renamed(flows.linear(), end="e" * 250)),
    "long_task": ({}, renamed(flows.linear(), end="e" * 251)),
    "groups": ({}, renamed(flows.nested(), **LONG)),
    "tag": ({"tags": ("t" * 100,)}, flows.linear()),
    "long_tag": ({"tags": ("t" * 101,)}, flows.linear()),
    "of_environment": ({"environment": flows.environment(name="e" * 97)}, flows.linear()),
    "pool": ({"worker_pool": "p" * 250}, flows.linear()),
    "long_pool": ({"worker_pool": "p" * 251}, flows.linear()),
    "pool_of_words": ({"worker_pool": "gpu pool"}, flows.linear()),
    "owner": ({"owner": "Ada, of the team"}, flows.linear()),
}
# Only the operators of this Airflow look at the name of a pool.
CHECKS_POOLS = "2.11.2"


@pytest.mark.parametrize("version", VERSIONS)
def test_airflow_refuses_what_a_plan_refuses(version: str, tmp_path: Any) -> None:
    home = new_home(installed(version), tmp_path / "airflow", tmp_path / "dags")
    for number, (name, (changes, flow)) in enumerate(CASES.items()):
        deployment = flows.deployment().model_copy(update={"dag_id": name, **changes})
        assert dag_id(deployment, flow) == name
        (home.dags / f"{number}.py").write_text(render(deployment, flow, flows.package(flow)))
    refused = {list(CASES)[int(re.sub(r"\D", "", file))] for file in home.import_errors()}
    planned = {
        name
        for name, (changes, flow) in CASES.items()
        if check(flows.deployment().model_copy(update={"dag_id": name, **changes}), flow)
    }
    assert "groups" not in planned
    assert refused == {name for name in planned if "pool" not in name or version == CHECKS_POOLS}

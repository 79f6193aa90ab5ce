"""Every shape of a graph, run by real Airflows: the same tasks and artifacts as in a run by Metaflow itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.graphs.conftest import FLOWS
from tests.graphs.running import Ran, class_name, project_of, read_runs, run_in_airflow, summary

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module", params=["2.11.2", "3.3.2"])
def ran(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    by_metaflow: Mapping[str, Mapping[str, Any]],
) -> Ran:
    folder = tmp_path_factory.mktemp("graphs")
    project = project_of(folder, FLOWS)
    outcomes = run_in_airflow(request.param, project, folder, FLOWS)
    return Ran(outcomes, read_runs(project, project.datastore, FLOWS), by_metaflow)


@pytest.mark.parametrize("flow", [class_name(file) for file in FLOWS])
def test_airflow_runs_what_metaflow_runs(ran: Ran, flow: str) -> None:
    assert ran.outcomes[flow]["state"] == "success", ran.outcomes[flow]
    assert ran.by_airflow[flow]["successful"]
    assert summary(ran.by_airflow[flow]) == summary(ran.by_metaflow[flow])


def test_inputs_of_joins_are_in_the_order_of_their_items(ran: Ran) -> None:
    (joined,) = ran.artifacts("NestedTwoFlow", "outer_join")
    assert joined["items"] == [["<0.0>"], ["<1.0>", "<1.1>"]]
    (joined,) = ran.artifacts("NestedThreeFlow", "join_one")
    assert joined["values"] == [[[1], [2, 3]], [[4]]]


def test_a_retry_inside_of_a_nested_foreach_is_that_of_its_item(ran: Ran) -> None:
    (joined,) = ran.artifacts("NestedTwoFlow", "outer_join")
    assert joined["attempts"] == [[0], [0, 1]]


def test_what_a_switch_leaves_out_is_skipped(ran: Ran) -> None:
    for step, state in (("first", "success"), ("brief", "skipped"), ("extra", "skipped"), ("deep_end", "skipped")):
        assert ran.states("SwitchesFlow", step) == [state], step
    assert "brief" not in ran.by_airflow["SwitchesFlow"]["steps"]
    assert ran.states("SwitchInForeachFlow", "cut") == ["success", "skipped", "skipped"]
    assert ran.states("SwitchInForeachFlow", "pack") == ["success", "success", "skipped"]
    assert set(ran.states("ForeachNotChosenFlow", "work")) == {"skipped"}

"""DAGs under a scheduler that runs several tasks at a time, and that is killed with its tasks half-way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.graphs.running import run_in_metaflow, summary
from tests.scheduler.conftest import MAX_WORKERS, SHAPES, Stage

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def by_metaflow(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """The runs of the shapes by Metaflow itself."""
    return run_in_metaflow(tmp_path_factory.mktemp("metaflow"), SHAPES)


def most_at_a_time(tasks: list[dict[str, Any]]) -> int:
    """The most tasks that ran at one moment, by the times in Airflow's database."""
    changes = sorted((moment, change) for task in tasks for moment, change in ((task["start"], 1), (task["end"], -1)))
    found = running = 0
    for _, change in changes:
        running += change
        found = max(found, running)
    return found


class TestSeveralAtATime:
    def test_no_item_of_a_foreach_waits_for_another_one(self, stage: Stage) -> None:
        gates = stage.gates("items", "first-0-0")
        run = stage.trigger("GatedFlow", "local", "items", gates=str(gates.folder))
        gates.until_at("first-0-0")
        # The others go through both steps of the body meanwhile.
        for item in (1, 2):
            gates.until_at(f"second-{item}-0")
        assert not gates.reached("second-0-0")
        gates.open("first-0-0")
        assert run.ended() == "success"
        (first,) = run.tasks("first", 0)
        for item in (1, 2):
            (second,) = run.tasks("second", item)
            assert first["start"] < second["start"] < first["end"]
        found = stage.metaflow("GatedFlow", run)
        assert found["successful"]
        assert found["steps"]["join"][0]["artifacts"]["letters"] == ["a", "b", "c"]

    def test_a_step_has_no_more_than_max_workers(self, stage: Stage) -> None:
        gates = stage.gates("workers", "first-0-0", "first-1-0", "first-2-0")
        run = stage.trigger("GatedFlow", "local", "workers", gates=str(gates.folder))
        stage.airflow.until(lambda: sum(gates.reached(f"first-{item}-0") for item in range(3)) >= 2, "two at work")
        gates.open(*(f"first-{item}-0" for item in range(3)))
        assert run.ended() == "success"
        assert most_at_a_time(run.tasks("first")) == MAX_WORKERS

    def test_every_shape_gives_what_metaflow_gives(
        self, stage: Stage, by_metaflow: Mapping[str, Mapping[str, Any]]
    ) -> None:
        runs = {flow: stage.trigger(flow, "local", "shapes") for flow in by_metaflow}
        assert {flow: run.ended() for flow, run in runs.items()} == dict.fromkeys(runs, "success")
        for flow, run in runs.items():
            assert summary(stage.metaflow(flow, run)) == summary(by_metaflow[flow])
        tasks = [task for run in runs.values() for task in run.seen()["tasks"] if task["start"] and task["end"]]
        assert most_at_a_time(tasks) > 1

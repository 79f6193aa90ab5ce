"""DAGs under a scheduler that runs several tasks at a time, and that is killed with its tasks half-way."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.scheduler import Run
from tests.scheduler.conftest import ITEMS, LIMIT, MAX_WORKERS, Stage

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(
        not {"MFDEPLOY_CONFORMANCE", "MFDEPLOY_KILLS", "MFDEPLOY_FOREACH_ITEMS"} & set(os.environ),
        reason="make conformance runs it",
    ),
]
# An Airflow on an overloaded machine takes tasks for dead that are not, and then other things happen than those here.
on_a_free_machine = pytest.mark.skipif(
    not os.environ.get("MFDEPLOY_KILLS"), reason="MFDEPLOY_KILLS=1 asks for tasks and schedulers to be killed"
)


def most_at_a_time(tasks: list[dict[str, Any]]) -> int:
    """The most tasks that ran at one moment, by the times in Airflow's database."""
    changes = sorted((moment, change) for task in tasks for moment, change in ((task["start"], 1), (task["end"], -1)))
    found = running = 0
    for _, change in changes:
        running += change
        found = max(found, running)
    return found


def parent_of(process: int) -> int:
    """The process above one: of a task's process Airflow's supervisor."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def attempts(found: Mapping[str, Any], step: str) -> list[int]:
    """The last attempt of each task of a step as Metaflow has it, by the task's place in the foreach."""
    return [task["attempt"] for task in sorted(found["steps"][step], key=lambda task: task["index"] or 0)]


def airflow_attempts(run: Run, step: str) -> list[int]:
    return [task["try_number"] - 1 for task in run.tasks(step)]


def artifacts(found: Mapping[str, Any], step: str) -> dict[str, Any]:
    (task,) = found["steps"][step]
    return dict(task["artifacts"])


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
        assert most_at_a_time(run.tasks("first")) == MAX_WORKERS
        found = stage.metaflow("GatedFlow", run)
        assert found["successful"]
        assert artifacts(found, "join")["letters"] == ["a", "b", "c"]

    def test_nested_foreaches_retries_and_switches(self, stage: Stage) -> None:
        runs = {flow: stage.trigger(flow, "local", "shapes") for flow in ("NestedTwoFlow", "SwitchInForeachFlow")}
        assert {flow: run.ended() for flow, run in runs.items()} == dict.fromkeys(runs, "success")
        tasks = [task for run in runs.values() for task in run.seen()["tasks"] if task["start"] and task["end"]]
        assert most_at_a_time(tasks) > 1
        nested = artifacts(stage.metaflow("NestedTwoFlow", runs["NestedTwoFlow"]), "outer_join")
        assert nested["items"] == [["<0.0>"], ["<1.0>", "<1.1>"]]
        assert nested["attempts"] == [[0], [0, 1]]
        switched = artifacts(stage.metaflow("SwitchInForeachFlow", runs["SwitchInForeachFlow"]), "gather")
        assert switched["found"] == [["big", "cut", "sand", "pack"], ["odd", "mend"], ["small", "pack"]]


@dataclass(frozen=True)
class Killed:
    """A run in whose middle tasks and schedulers were killed."""

    run: Run
    state: str
    found: Mapping[str, Any]


@pytest.fixture(scope="module")
def killed(stage: Stage) -> Killed:
    closed = ("first-0-0", "first-1-0", "second-0-0", "second-1-0", "join-0-0")
    gates = stage.gates("killed", *closed)
    run = stage.trigger("GatedFlow", "local", "killed", gates=str(gates.folder))

    # Of one task its process is killed; of another one also that above it, so that nobody says that it ended.
    steps = [gates.until_at(f"first-{item}-0") for item in (0, 1)]
    tasks = [run.until_running("first", item)["pid"] for item in (0, 1)]
    for process in (tasks[0], parent_of(tasks[1]), tasks[1]):
        os.kill(process, signal.SIGKILL)
    stage.airflow.until(lambda: not any(map(is_alive, steps)), "end of the steps whose tasks were killed")

    # The machine of the scheduler is lost, with all tasks that run.
    for item in (0, 1):
        gates.until_at(f"second-{item}-0")
        run.until_running("second", item)
    stage.airflow.processes["scheduler"].end()
    stage.airflow.start_scheduler()

    # The scheduler alone; the task ends before there is another one.
    gates.until_at("join-0-0")
    run.until_running("join")
    stage.airflow.processes["scheduler"].kill()
    gates.open("join-0-0")
    stage.airflow.until(lambda: run.tasks("join")[0]["state"] == "success", "end of the join")
    stage.airflow.start_scheduler()

    state = run.ended()
    return Killed(run, state, stage.metaflow("GatedFlow", run))


@on_a_free_machine
class TestKills:
    def test_the_run_finishes(self, killed: Killed) -> None:
        assert killed.state == "success"
        assert killed.found["successful"]

    def test_a_killed_task_is_the_next_attempt(self, killed: Killed) -> None:
        found = attempts(killed.found, "first")
        assert found == airflow_attempts(killed.run, "first")
        # On a busy machine Airflow takes one more for dead.
        assert min(found[:2]) >= 1

    def test_a_task_of_a_lost_scheduler_is_the_next_attempt(self, killed: Killed) -> None:
        """Also where the step has no retries: Airflow does not count what it lost itself."""
        found = attempts(killed.found, "second")
        assert found == airflow_attempts(killed.run, "second")
        assert min(found[:2]) >= 1

    def test_a_task_outlives_its_scheduler(self, killed: Killed) -> None:
        assert attempts(killed.found, "join") == airflow_attempts(killed.run, "join") == [0]

    def test_no_result_is_lost(self, killed: Killed) -> None:
        join = artifacts(killed.found, "join")
        assert join["letters"] == ["a", "b", "c"]
        last = {step: attempts(killed.found, step) for step in ("first", "second")}
        assert join["way"] == [[f"{step}-{item}-{last[step][item]}" for step in last] for item in range(3)]
        assert attempts(killed.found, "start") == [0]


@on_a_free_machine
class TestPods:
    def test_no_attempt_is_started_twice(self, stage: Stage) -> None:
        gates = stage.gates("pods", "first-0-0", "first-1-0")
        gates.fail("join-0-0")
        run = stage.trigger("GatedFlow", "pods", "pods", gates=str(gates.folder))
        for item in (0, 1):
            gates.until_at(f"first-{item}-0")
        # The pod goes on, and the task's next try finds it.
        os.kill(run.until_running("first", 0)["pid"], signal.SIGKILL)
        stage.airflow.until(lambda: found_its_pod(run, 0, 2), "pod of the killed task, found again")
        # The same for a scheduler that is lost with all of its tasks.
        stage.airflow.processes["scheduler"].end()
        stage.airflow.start_scheduler()
        for item, try_number in ((0, 3), (1, 2)):
            found = partial(found_its_pod, run, item, try_number)
            stage.airflow.until(found, f"pod of the lost task {item}, found again")
        gates.open("first-0-0", "first-1-0")
        assert run.ended() == "failed"
        run.clear("join", "end")
        assert run.ended() == "success"
        pods = [pod for step in ("start", "first", "second", "join", "end") for pod in stage.pods(run, step)]
        notes = [pod["manifest"]["metadata"]["annotations"] for pod in pods]
        started = Counter((note["metaflow/task_id"], note["metaflow/attempt"]) for note in notes)
        assert set(started.values()) == {1}
        seen = stage.metaflow("GatedFlow", run, "pods")
        assert seen["successful"]
        assert attempts(seen, "first") == [0, 0, 0]
        assert attempts(seen, "join") == [1]
        assert artifacts(seen, "join")["letters"] == ["a", "b", "c"]


def found_its_pod(run: Run, item: int, try_number: int) -> bool:
    return "Reusing existing pod" in run.log("first", item, try_number)


class TestWidth:
    def test_a_foreach_that_is_too_long_says_what_to_set(self, stage: Stage) -> None:
        run = stage.trigger("WideFlow", "local", "wide", outer=LIMIT + 1)
        assert run.ended() == "failed"
        said = (
            f"the foreach of start has {LIMIT + 1} items, and this Airflow takes {LIMIT} at most. Set "
            f"AIRFLOW__CORE__MAX_MAP_LENGTH to {LIMIT + 1} or more for the scheduler, the workers and the API server"
        )
        assert said in run.log("start")

    def test_all_items_of_a_nested_foreach_count(self, stage: Stage) -> None:
        run = stage.trigger("WideFlow", "local", "wide-inside", inner=LIMIT // 2 + 1)
        assert run.ended() == "failed"
        assert f"the foreach of spread has {2 * (LIMIT // 2 + 1)} items" in run.log("all-spread-items")
        assert stage.metaflow("WideFlow", run)["steps"].keys() == {"start", "spread"}

    @pytest.mark.skipif(not ITEMS, reason="MFDEPLOY_FOREACH_ITEMS says how many items to run")
    def test_many_items_run(self, stage: Stage) -> None:
        run = stage.trigger("WideFlow", "local", "many", outer=1, inner=ITEMS)
        assert run.ended(seconds=60 + 10 * ITEMS) == "success"
        assert artifacts(stage.metaflow("WideFlow", run), "join")["sums"] == [sum(range(ITEMS))]

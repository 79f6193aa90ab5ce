"""The tests of a column: each of its cases came out as its flow says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance import checks
from tests.conformance.columns import Run
from tests.graphs.running import differences


def check(run: Run, by_metaflow: Mapping[str, Any] | None) -> None:
    """Raises AssertionError where a case's run is not what the case says."""
    case = run.case
    assert run.outcomes[0]["state"] == case.state, run.outcomes[0]
    assert len(run.runs) == len(case.runs)
    assert run.runs[0]["successful"] is (case.state == "success")
    for outcome in run.outcomes:
        _names_its_tasks(run, outcome)
    if case.like_metaflow:
        assert by_metaflow is not None
        assert differences(run.runs[0], by_metaflow) == {}
    _expected(run)
    special = getattr(checks, case.name, None)
    if special:
        special(run)


def _expected(run: Run) -> None:
    case = run.case
    for step, count in case.tasks.items():
        assert len(run.tasks(step)) == count, step
    for step, wanted in case.artifacts.items():
        found = [task["artifacts"] for task in run.tasks(step)]
        wanted = wanted if isinstance(wanted, list) else [wanted]
        assert [{name: one[name] for name in some} for one, some in zip(found, wanted, strict=True)] == wanted, step
    for step, attempt in case.attempts.items():
        newest = run.tasks(step)[-1]
        assert newest["attempt"] == attempt, step
        assert [value for name, value in newest["metadata"] if name == "attempt"] == [
            str(number) for number in range(attempt + 1)
        ]
    for step, states in case.states.items():
        assert run.states(step) == states, step
    for step, texts in case.logs.items():
        for text in texts:
            assert text in run.tasks(step)[0]["stdout"], step
    assert set(case.tags) <= set(run.runs[0]["tags"])


def _names_its_tasks(run: Run, outcome: Mapping[str, Any]) -> None:
    """Airflow's page of rendered templates has the Metaflow run and task of each of its tasks, and of no other."""
    shown = {
        task["rendered"]["metaflow_pathspec"]
        for task in outcome["tasks"]
        if task["state"] in ("success", "failed") and "metaflow_pathspec" in (task["rendered"] or {})
    }
    known = {
        f"{run.case.flow}/{one['id']}/{step}/{task['id']}"
        for one in run.runs
        for step, tasks in one["steps"].items()
        for task in tasks
    }
    assert shown
    assert shown <= known

"""Every example flow, applied by the command line, run by a real Airflow, and read back with Metaflow's Client."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.airflow.harness import installed, new_home, versions
from tests.e2e.project import Project, checkout

pytestmark = pytest.mark.airflow

CLIENT = Path(__file__).with_name("client.py")
DAGS = {
    "CompareModelsFlow": "CompareModelsFlow.local",
    "ChurnFlow": "growth.test.local.ChurnFlow",
    "DebugFlow": "DebugFlow.local",
    "DeploymentInfoFlow": "DeploymentInfoFlow.local",
    "HourlyFlow": "HourlyFlow.local",
    "ParameterFlow": "ParameterFlow.local",
    "RegionsFlow": "RegionsFlow.local",
    "ResilientFlow": "ResilientFlow.local",
    "SalesReportFlow": "SalesReportFlow.local",
    "ScoringFlow": "ScoringFlow.local",
    "StockFlow": "StockFlow.local",
    "TuningFlow": "TuningFlow.local",
    "WordCountFlow": "WordCountFlow.local",
}
# What somebody types into the trigger form; nothing of it may reach a shell or a template.
HOSTILE = '"it\'s" $HOME `id` $(id) {{ ds }} {% raw %} \\ ä\n漢字'
TRIGGERED = {
    "recipient": HOSTILE,
    "top": 1,
    "threshold": 0.5,
    "dry_run": False,
    "regions": "west,east",
    "labels": {"east": HOSTILE},
}


@dataclass(frozen=True)
class Ran:
    """One Airflow's account of all runs, and Metaflow's."""

    project: Project
    dags: Mapping[str, Any]
    outcomes: Mapping[str, Sequence[Mapping[str, Any]]]
    runs: Mapping[str, Sequence[Mapping[str, Any]]]

    def outcome(self, flow: str) -> Mapping[str, Any]:
        """Airflow's account of the flow's first run."""
        return self.outcomes[DAGS[flow]][0]

    def dag(self, flow: str) -> Mapping[str, Any]:
        return dict(self.dags[DAGS[flow]])

    def run(self, flow: str, number: int = 0) -> Mapping[str, Any]:
        """Metaflow's account of a run."""
        return self.runs[flow][number]

    def artifacts(self, flow: str, step: str = "end", number: int = 0) -> Mapping[str, Any]:
        """The artifacts of a step of one task."""
        (task,) = self.run(flow, number)["steps"][step]
        return dict(task["artifacts"])

    def tries(self, flow: str) -> dict[str, tuple[int, int]]:
        """How often each step's (first) task was tried, and how often it could have been tried again."""
        tasks = reversed(self.outcome(flow)["tasks"])
        return {task["task_id"]: (task["try_number"], task["max_tries"]) for task in tasks}


@pytest.fixture(scope="module", params=versions("3.3.2"))
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All example flows, applied and run; one process of each Airflow runs all DAGs."""
    folder = tmp_path_factory.mktemp("examples")
    project = checkout(folder / "project", folder / "home")
    project.apply()
    home = new_home(installed(request.param), folder / "airflow", project.dags)
    asked = [{"dag_id": dag_id} for dag_id in DAGS.values()]
    again = [
        {"dag_id": DAGS["SalesReportFlow"], "conf": TRIGGERED, "minute": 1},
        {"dag_id": DAGS["DeploymentInfoFlow"], "minute": 1},
    ]
    answer = home.ask([*asked, *again], timeout=900)
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    assert sorted(answer["dags"]) == sorted(DAGS.values())
    outcomes: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in answer["runs"]:
        outcomes.setdefault(outcome["dag_id"], []).append(outcome)
    return Ran(project, answer["dags"], outcomes, ask_client(project, *DAGS))


def metaflow_environ(project: Project) -> dict[str, str]:
    """How a user points Metaflow at the local environment's runs."""
    return {
        **project.environ(),
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(project.datastore),
    }


def ask_client(project: Project, *flows: str) -> dict[str, Any]:
    command = [sys.executable, str(CLIENT), *flows]
    done = subprocess.run(command, env=metaflow_environ(project), cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("flow", [name for name in DAGS if name != "DebugFlow"])
def test_a_run_succeeds(ran: Ran, flow: str) -> None:
    outcome = ran.outcome(flow)
    assert outcome["state"] == "success", outcome
    assert ran.run(flow)["successful"]
    assert ran.run(flow)["finished"]


@pytest.mark.parametrize("flow", DAGS)
def test_the_rendered_page_names_the_run_and_each_task(ran: Ran, flow: str) -> None:
    run = ran.run(flow)
    shown = {
        task["rendered"]["metaflow_pathspec"]
        for task in ran.outcome(flow)["tasks"]
        if task["state"] in ("success", "failed") and "metaflow_pathspec" in (task["rendered"] or {})
    }
    known = {f"{flow}/{run['id']}/{step}/{task['id']}" for step, tasks in run["steps"].items() for task in tasks}
    assert run["id"].startswith("airflow-")
    assert shown == known


def test_a_foreach_has_a_task_for_each_item(ran: Ran) -> None:
    tasks = ran.run("WordCountFlow")["steps"]["count"]
    assert {task["artifacts"]["title"]: task["index"] for task in tasks} == {"haiku": 0, "proverb": 1, "riddle": 2}
    assert ran.artifacts("WordCountFlow")["total"] == 29
    assert ran.dag("WordCountFlow")["tasks"]["count"]["max_active_tis_per_dagrun"] == 2


def test_a_foreach_body_of_several_steps_stays_with_its_item(ran: Ran) -> None:
    steps = ran.run("RegionsFlow")["steps"]
    assert [len(steps[name]) for name in ("clean", "forecast", "check", "collect")] == [3, 3, 3, 1]
    assert ran.artifacts("RegionsFlow", "collect")["forecasts"] == {"north": 130.0, "east": 100.0, "south": 245.0}


def test_each_item_of_a_nested_foreach_goes_its_own_way(ran: Ran) -> None:
    steps = ran.run("StockFlow")["steps"]
    assert [len(steps[name]) for name in ("open", "count", "order", "close", "collect_shelves")] == [2, 3, 2, 3, 2]
    assert ran.artifacts("StockFlow")["orders"] == {"helsinki": {"chairs": 20}, "oulu": {"tables": 20}}


def test_a_split_is_joined(ran: Ran) -> None:
    assert ran.artifacts("CompareModelsFlow")["best"] == "linear"
    assert len(ran.artifacts("CompareModelsFlow")["points"]) == 4


def test_a_project_is_told_to_each_step(ran: Ran) -> None:
    artifacts = ran.artifacts("ChurnFlow")
    assert artifacts["qualified_name"] == "growth.test.local.ChurnFlow"
    assert (artifacts["project"], artifacts["branch"], artifacts["production"]) == ("growth", "test.local", False)
    assert {"project:growth", "project_branch:test.local"} <= set(ran.run("ChurnFlow")["tags"])


def test_tags_are_on_the_runs(ran: Ran) -> None:
    assert "examples" in ran.run("WordCountFlow")["user_tags"]
    assert {"examples", "team:sales"} <= set(ran.run("SalesReportFlow")["user_tags"])
    assert {"examples", "metaflow", "env:local"} <= set(ran.dag("WordCountFlow")["tags"])


class TestFailures:
    def test_attempts_are_counted_by_airflow(self, ran: Ran) -> None:
        tries = ran.tries("ResilientFlow")
        assert tries["start"] == (1, 0)  # @retry(times=0) is stronger than the manifest's default
        assert tries["flaky"] == (2, 2)
        assert tries["bounded"] == (1, 1)  # the manifest's default for the environment

    def test_attempts_are_known_to_metaflow(self, ran: Ran) -> None:
        steps = ran.run("ResilientFlow")["steps"]
        assert ran.artifacts("ResilientFlow")["first_attempt"] == 0
        assert ran.artifacts("ResilientFlow")["attempt"] == 1
        (flaky,) = steps["flaky"]
        assert flaky["attempt"] == 1
        assert [value for name, value in flaky["metadata"] if name == "attempt"] == ["0", "1"]

    def test_catch_keeps_the_error_after_the_last_attempt(self, ran: Ran) -> None:
        assert "this never works" in ran.artifacts("ResilientFlow")["failure"]
        (hopeless,) = ran.run("ResilientFlow")["steps"]["hopeless"]
        assert hopeless["attempt"] >= 1

    def test_the_environment_of_a_step_is_set(self, ran: Ran) -> None:
        assert ran.artifacts("ResilientFlow")["language"] == "fi"
        assert ran.dag("ResilientFlow")["tasks"]["bounded"]["execution_timeout"] is not None

    def test_the_default_retries_are_the_manifests(self, ran: Ran) -> None:
        assert ran.tries("ParameterFlow") == {"start": (1, 1), "end": (1, 1)}
        assert ran.tries("DebugFlow")["start"] == (1, 0)

    def test_a_failed_run_is_resumed_locally(self, ran: Ran, tmp_path: Path) -> None:
        states = {task["task_id"]: task["state"] for task in ran.outcome("DebugFlow")["tasks"]}
        assert states == {
            "start": "success",
            "a": "success",
            "b": "failed",
            "join": "upstream_failed",
            "end": "upstream_failed",
        }
        failed = ran.run("DebugFlow")
        mended = tmp_path / "debug.py"
        mended.write_text(ran.project.flow_file("debug").read_text().replace('int("2fail")', "2"))
        command = [sys.executable, str(mended), "resume", "--origin-run-id", failed["id"]]
        done = subprocess.run(command, env=metaflow_environ(ran.project), cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        resumed = ask_client(ran.project, "DebugFlow")["DebugFlow"][-1]
        assert resumed["successful"]
        assert resumed["steps"]["end"][0]["artifacts"]["total"] == 3
        origins = {name: dict(resumed["steps"][name][0]["metadata"]).get("origin-run-id") for name in ("start", "a")}
        assert origins == {"start": failed["id"], "a": failed["id"]}


class TestParameters:
    def test_defaults_are_the_manifests_or_the_flows(self, ran: Ran) -> None:
        assert ran.artifacts("ParameterFlow")["alpha"] == 0.01
        sales = ran.artifacts("SalesReportFlow")
        assert (sales["recipient"], sales["top"]) == ("sales@example.com", 2)  # the manifest's
        assert (sales["threshold"], sales["dry_run"]) == (50.5, True)  # the flow's own
        assert sales["regions"] == ["north", "south"]
        assert sales["summary"] == "would send south, North to sales@example.com"

    def test_values_given_at_trigger_time_arrive_unchanged(self, ran: Ran) -> None:
        sales = ran.artifacts("SalesReportFlow", number=1)
        given = {name: sales[name] for name in TRIGGERED}
        assert given == {**TRIGGERED, "regions": ["west", "east"]}
        assert sales["summary"] == f"sends {HOSTILE} to {HOSTILE}"

    def test_the_trigger_form_knows_their_types(self, ran: Ran) -> None:
        params = ran.dag("SalesReportFlow")["params"]
        assert sorted(params) == sorted(TRIGGERED)
        assert "boolean" in params["dry_run"]["type"]
        assert "integer" in params["top"]["type"]
        assert "number" in params["threshold"]["type"]

    def test_a_deploy_time_parameter_is_evaluated_by_the_apply_alone(self, ran: Ran) -> None:
        first, second = (ran.artifacts("DeploymentInfoFlow", number=number)["info"] for number in (0, 1))
        assert first == second
        assert first["who"] == ran.project.user

    def test_a_config_is_no_parameter(self, ran: Ran) -> None:
        tuning = ran.artifacts("TuningFlow")
        assert tuning["losses"] == {"0.1": 5.832, "0.3": 2.744}
        assert tuning["best"] == 0.3
        assert ran.dag("TuningFlow")["params"] == {}

    def test_a_package_beside_the_flow_is_imported(self, ran: Ran) -> None:
        assert ran.artifacts("ScoringFlow")["scores"] == [12, 22]


class TestSchedules:
    def next_runs(self, ran: Ran, flow: str) -> list[datetime]:
        return [datetime.fromisoformat(text) for text in ran.dag(flow)["next_runs"]["runs"]]

    def test_hourly_is_every_hour_on_the_hour(self, ran: Ran) -> None:
        runs = self.next_runs(ran, "HourlyFlow")
        assert len(runs) == 4
        assert all((run.minute, run.second) == (0, 0) for run in runs)
        assert {after - before for before, after in pairwise(runs)} == {timedelta(hours=1)}

    def test_a_cron_is_in_its_timezone(self, ran: Ran) -> None:
        for run in self.next_runs(ran, "SalesReportFlow"):
            there = run.astimezone(ZoneInfo("Europe/Helsinki"))
            assert (there.hour, there.minute) == (6, 30)
            assert there.weekday() < 5

    def test_no_schedule_is_none(self, ran: Ran) -> None:
        assert self.next_runs(ran, "WordCountFlow") == []
        assert self.next_runs(ran, "ChurnFlow") == []  # the manifest takes it away on a laptop

    def test_what_airflow_changed_its_mind_about_is_set(self, ran: Ran) -> None:
        for flow in DAGS:
            assert ran.dag(flow)["catchup"] is False
        assert ran.dag("SalesReportFlow")["max_active_runs"] == 1
        assert ran.dag("SalesReportFlow")["is_paused_upon_creation"] is True

"""A plan says what the running Airflow knows about its changes, and what of it would fail there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.models.live import Needs
from deployer.models.waiting import WaitPolicy
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import BearerLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport
from deployer.orchestrators.airflow.needs import needs
from deployer.pipeline.known import lacks
from tests.history.applying import AppliedFolder
from tests.live.folder_airflow import FolderAirflow
from tests.live.stand_in import Reply, Request, StandIn, standing_in
from tests.live.test_waiting import MANIFEST
from tests.plan import made

EARLY, LATE = "0 1 * * *", "0 2 * * *"


def run(state: str, **more: Any) -> dict[str, Any]:
    return {"dag_run_id": f"r{state}", "state": state, "run_type": "scheduled", **more}


@dataclass
class Knowing:
    """An Airflow that knows runs, pools and settings too."""

    folder: FolderAirflow
    runs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: str = ""
    silent: bool = False
    broken: str = ""

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api/v2")
        if self.silent:
            return Reply(silent=True)
        if self.broken and path.startswith(self.broken):
            return Reply(500, {"detail": "out of order"})
        if self.refused and path.startswith(self.refused):
            return Reply(403, {"detail": "Forbidden"})
        if path.endswith("/dagRuns"):
            return Reply(200, {"dag_runs": self.runs.get(path.split("/")[2], [])})
        if path.startswith("/config/"):
            options = [{"key": "max_map_length", "value": "1024"}]
            return Reply(200, {"sections": [{"name": "core", "options": options}]})
        return self.folder.answer(request)


@dataclass(frozen=True)
class Stage:
    """`prod/train` got another schedule, which a rollback to the entry `first` would undo; it deletes `prod/fit`."""

    site: AppliedFolder
    airflow: Knowing
    server: StandIn
    first: str

    def plan(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
        out = self.site.folder / "plan.json"
        capsys.readouterr()
        assert cli.run(["rollback", self.first, "--out", str(out), *arguments]) == 0, capsys.readouterr()
        found: dict[str, Any] = json.loads(out.read_text())
        return found

    def known(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[str]]:
        plan = self.plan(capsys, *arguments)
        return {each["address"]: [known["text"] for known in each["known"]] for each in plan["changes"]}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    site = AppliedFolder(tmp_path)
    first = site.apply(train=EARLY)
    site.apply(train=LATE, fit=EARLY)
    airflow = Knowing(FolderAirflow(site.dags))
    airflow.folder.find_new()
    with standing_in(airflow.answer) as server:
        (tmp_path / "deployments").mkdir(exist_ok=True)
        (tmp_path / "deployments" / "a.yaml").write_text(MANIFEST % (site.dags, tmp_path / "datastore", server.url, ""))
        yield Stage(site, airflow, server, first)


def test_what_runs_and_how_the_last_one_ended(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.runs = {
        "Train": [run("running"), run("queued"), run("failed", end_date="2026-01-01T03:04:05Z"), run("success")],
        "Fit": [run("running"), run("success", end_date="2026-01-01T03:04:05Z")],
    }
    assert stage.known(capsys) == {
        "prod/train": [
            "2 runs are active: what has not started of them runs as the new file says",
            "the last run failed, 2026-01-01 03:04",
        ],
        "prod/fit": [
            "1 run is active: what has not started of it never will",
            "the last run succeeded, 2026-01-01 03:04",
        ],
    }
    capsys.readouterr()
    assert cli.run(["plan", "--from", "plan.json"]) == 0
    text = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "airflow 2 runs are active: what has not started of them runs as the new file says" in lines
    assert "the last run failed, 2026-01-01 03:04" in lines
    assert cli.run(["plan", "--from", "plan.json", "--format", "markdown"]) == 0
    assert "; **the last run failed, 2026-01-01 03:04**" in capsys.readouterr().out


def test_paused_broken_and_not_known(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.folder.dags["Train"]["is_paused"] = True
    del stage.airflow.folder.dags["Fit"]
    stage.airflow.folder.finds_new = False
    stage.airflow.folder.breaks = {"CRON": "no such hour"}
    stage.airflow.folder.parse("Train.py")
    assert stage.known(capsys) == {
        "prod/train": [
            "Airflow cannot import what is deployed: ValueError: no such hour",
            "paused: no run starts until somebody unpauses it",
        ],
        "prod/fit": ["Airflow does not know the deployed DAG"],
    }


def test_the_last_run_decides_what_starts_now(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    def starts(day: str) -> bool:
        stage.airflow.runs = {"Train": [run("success", logical_date=day)]}
        train = next(each for each in stage.plan(capsys)["changes"] if each["address"] == "prod/train")
        return any(effect["word"] == "starts now" for effect in train["effects"])

    assert starts("2026-02-01T02:00:00Z")
    assert not starts("2999-01-01T02:00:00Z")


def test_offline_nobody_is_asked(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage.known(capsys, "--offline") == {"prod/train": [], "prod/fit": []}
    assert stage.server.asked == []


def warnings(stage: Stage, capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [each["message"].replace(stage.server.url, "URL") for each in stage.plan(capsys)["warnings"]]


def test_dags_that_the_target_has_not_are_told(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    known = stage.airflow.folder
    known.finds_new = False
    others: dict[str, dict[str, Any]] = {
        "Ghost": {},
        "Gone": {"is_stale": True},
        "Other": {"tags": [{"name": "env:staging"}, {"name": "project:growth"}]},
        "Preview": {"tags": [{"name": "env:prod"}, {"name": "branch:x"}]},
    }
    for name, more in others.items():
        known.dags[name] = {**known.dags["Fit"], "dag_id": name, **more}
    ghosts = "Airflow at URL has DAGs of this environment that are not at the target: Ghost"
    assert ghosts in warnings(stage, capsys)


def test_what_may_not_be_seen_is_not_checked(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.refused = "/importErrors"
    told = "not checked: Airflow at URL: the account may not read the import errors: Forbidden"
    assert told in warnings(stage, capsys)


def test_an_airflow_that_is_not_there_stops_no_plan(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.silent = True
    # Which of them depends on the machine: whether the question itself fails within these seconds.
    said = ("Airflow was not asked: no answer", "did not answer everything within 2 seconds")
    given = warnings(stage, capsys)
    assert any(each in warning for each in said for warning in given)


def test_what_airflow_cannot_answer_is_said(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.broken = "/importErrors"
    assert any("out of order" in each for each in warnings(stage, capsys))


def test_no_two_plans_differ_by_it(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.runs = {"Train": [run("running")]}
    stage.plan(capsys)
    stage.airflow.runs = {}
    # The saved plan is applied though Airflow says something else now.
    assert cli.run(["apply", "plan.json", "--no-wait", "--allow-rollback", "--allow-mass-change"]) == 0


def test_what_an_older_airflow_cannot_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    site = AppliedFolder(tmp_path)
    first = site.apply(train=(EARLY, "30 9 * * *"))
    site.apply(train=LATE)
    (tmp_path / "deployments").mkdir(exist_ok=True)
    with standing_in(lambda _: Reply(404, {}), {"version": "2.11.2"}) as server:
        (tmp_path / "deployments" / "a.yaml").write_text(MANIFEST % (site.dags, tmp_path / "datastore", server.url, ""))
        assert cli.run(["rollback", first, "--out", "plan.json"]) == 1
        assert (
            "prod/train: a schedule of several crons that one cannot say needs Airflow 3.0 or later, and that at "
            f"{server.url} is 2.11.2"
        ) in " ".join(capsys.readouterr().err.split())
        assert cli.run(["rollback", first, "--out", "plan.json", "--offline"]) == 0


def test_what_is_not_there_and_who_would_not_be_told_of_it() -> None:
    answers = {
        "/api/v2/providers": Reply(200, {"providers": [{"package_name": "apache-airflow-providers-http"}]}),
        "/api/v2/connections/hooks": Reply(200, {"connection_id": "hooks"}),
    }
    needed = Needs(
        told_by=frozenset({"hooks", "slack_ml"}),
        notifiers=frozenset({"apache-airflow-providers-http", "apache-airflow-providers-slack"}),
        versions=frozenset({("late", "3.3"), ("more", "3.4")}),
    )
    with standing_in(lambda request: answers.get(request.path, Reply(404, {}))) as server:
        lacking = LiveAirflow(HttpTransport(server.url, BearerLogin("x"), WaitPolicy(20))).lacks(needed)
    assert lacking == Needs(
        told_by=frozenset({"slack_ml"}),
        notifiers=frozenset({"apache-airflow-providers-slack"}),
        versions=frozenset({("more", "3.4")}),
    )
    hints = [(kind, name, hint.partition(":")[0]) for kind, name, hint in lacks(lacking)]
    assert hints == [
        ("connection", "slack_ml", "somebody would not be told of a run"),
        ("provider", "apache-airflow-providers-slack", "somebody would not be told of a run"),
    ]


def test_what_a_deployment_needs() -> None:
    plain = made.desired().description
    assert needs(plain) == Needs()
    values = plain.settings.model_dump()
    sensor = {"kind": "s3_key", "pool": "waiting", "aws_conn_id": "lake", "bucket_key": "s3://a/b"}
    changed = {**values, "compute": "kubernetes", "worker_pool": "gpu", "sensors": {"wait": sensor}}
    described = plain.model_copy(update={"settings": type(plain.settings).model_validate(changed, strict=False)})
    assert needs(described) == Needs(
        pools=frozenset({"gpu", "waiting"}),
        connections=frozenset({"lake"}),
        providers=frozenset({"apache-airflow-providers-amazon", "apache-airflow-providers-cncf-kubernetes"}),
    )

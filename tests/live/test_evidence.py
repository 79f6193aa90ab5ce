"""A plan for production says whether the same code runs in the environment before, and how it went there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from tests.live.stand_in import Reply, Request, StandIn, standing_in
from tests.sources import two_steps

MANIFEST = """\
version: 1
project: growth
environments:
  staging:
    target: ../build/staging
    compute: local
    datastore: ../build/metaflow
    airflow: {url: "%s", token: "${env.AIRFLOW_TOKEN}", wait: none}
  prod: {target: ../build/prod, compute: local, datastore: ../build/metaflow, promotes_from: staging}
flows:
  train: {file: ../flows/train.py}
"""


@dataclass
class Runs:
    """An Airflow that knows the runs of every DAG."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def answer(self, request: Request) -> Reply:
        if request.path.endswith("/dagRuns"):
            return Reply(self.status, {"dag_runs": self.runs})
        return Reply(404, {"detail": "no such page"})


@dataclass(frozen=True)
class Stage:
    airflow: Runs
    server: StandIn
    folder: Path

    def flow(self, text: str) -> None:
        (self.folder / "flows" / "train.py").write_text(text)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_TOKEN", "secret")
    for name in ("deployments", "flows"):
        (tmp_path / name).mkdir()
    airflow = Runs()
    with standing_in(airflow.answer) as server:
        (tmp_path / "deployments" / "a.yaml").write_text(MANIFEST % server.url)
        found = Stage(airflow, server, tmp_path)
        found.flow(two_steps("TrainFlow"))
        yield found


def evidence(capsys: pytest.CaptureFixture[str]) -> tuple[list[tuple[str, bool]], list[str]]:
    capsys.readouterr()
    assert cli.run(["plan", "--env", "prod", "--format", "json"]) == 0, capsys.readouterr()
    plan = json.loads(capsys.readouterr().out)
    (change,) = plan["changes"]
    known = [(each["text"], each["serious"]) for each in change["known"] if each["topic"] == "evidence"]
    return known, [each["message"] for each in plan["warnings"]]


def run(state: str, started: str, ended: str | None = None) -> dict[str, Any]:
    return {"dag_run_id": started, "state": state, "start_date": started, "end_date": ended}


def test_from_nothing_to_promoted(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert evidence(capsys) == ([("staging does not have train", True)], [])
    assert cli.run(["apply", "--env", "staging", "--yes"]) == 0
    ((text, serious),), _ = evidence(capsys)
    head = text.partition(";")[0]
    assert head.startswith("same code as staging/train, there since 20")
    assert (text, serious) == (f"{head}; it has not run to an end there", True)

    stage.airflow.runs = [
        run("running", "2999-01-03T00:00:00Z"),
        run("success", "2999-01-02T00:00:00Z", "2999-01-02T00:05:12Z"),
        run("failed", "2999-01-01T00:00:00Z", "2999-01-01T00:00:01Z"),
        run("success", "2000-01-01T00:00:00Z", "2000-01-01T00:00:01Z"),  # of an earlier file
    ]
    told = f"{head}: 3 runs, 1 succeeded, 1 failed, the last good one took 5 min 12 s"
    assert evidence(capsys) == ([(told, False)], [])

    stage.flow(two_steps("TrainFlow") + "# another\n")
    assert evidence(capsys) == ([("not what staging runs: train.py differs", True)], [])


def test_what_is_not_known_stops_no_plan(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["apply", "--env", "staging", "--yes"]) == 0
    stage.airflow.status = 403
    ((text, serious),), warnings = evidence(capsys)
    assert (text.startswith("same code as staging/train, there since "), serious) == (True, False)
    assert any(each.startswith("how it went in staging is not known: ") for each in warnings)
    monkeypatch.delenv("AIRFLOW_TOKEN")
    _, warnings = evidence(capsys)
    assert warnings == ["how it went in staging is not known: the environment variable AIRFLOW_TOKEN is not set"]


@pytest.mark.parametrize(
    ("name", "told"), [("stagin", "no environment 'stagin'; did you mean 'staging'?"), ("prod", "promoted from itself")]
)
def test_what_does_not_exist(stage: Stage, capsys: pytest.CaptureFixture[str], name: str, told: str) -> None:
    manifest = stage.folder / "deployments" / "a.yaml"
    manifest.write_text(manifest.read_text().replace("promotes_from: staging", f"promotes_from: {name}"))
    assert cli.run(["plan"]) == 1
    assert told in capsys.readouterr().err

"""mfdeploy forecast, in the process of the tests: with an Airflow and without, and with a plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from deployer import cli
from tests.history.applying import AppliedFolder
from tests.live.stand_in import Reply, Request, StandIn, standing_in
from tests.live.test_command_line import MANIFEST

FLOW = """\
from metaflow import FlowSpec, resources, step


class NightFlow(FlowSpec):
    @step
    def start(self):
        self.parts = [1, 2, 3]
        self.next(self.work, foreach="parts")

    @resources(cpu=2, memory=4000)
    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    NightFlow()
"""


def instance(step: str, seconds: int, index: int = -1, state: str = "success") -> dict[str, Any]:
    begin, end = "2026-01-01T00:00:00Z", f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z"
    return {"task_id": step, "map_index": index, "state": state, "try_number": 1, "start_date": begin, "end_date": end}


@dataclass
class Script:
    """What the stand-in says: pools, whether `Train` is paused, and the tasks of its runs."""

    paused: bool = False
    seconds: tuple[int, ...] = (120, 600)
    refused: set[str] = field(default_factory=set)
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix("/api/v2")
        if any(part in path for part in self.refused):
            return Reply(403, {"detail": "you may not"})
        if path == "/pools":
            return Reply(200, {"pools": [{"name": "default_pool", "slots": 64}, {"name": "free", "slots": -1}]})
        if path.startswith("/config/"):
            return Reply(200, {"sections": [{"options": [{"key": "parallelism", "value": "48"}]}]})
        if path == "/dags":
            return Reply(200, {"dags": [{"dag_id": "Train", "is_paused": self.paused}]})
        if path == "/dags/Train/dagRuns":
            self.queries.append(parse_qs(request.query))
            return Reply(200, {"dag_runs": [{"dag_run_id": f"r{n}", "state": "success"} for n in range(2)]})
        if path.endswith("/taskInstances"):
            start, end = self.seconds
            return Reply(200, {"task_instances": [instance("start", start), instance("end", end)]})
        return Reply(404, {"detail": "no such page"})


@dataclass(frozen=True)
class Stage:
    """A deployed flow, `prod/train`, that runs each hour, and the stand-in for the Airflow that has it."""

    folder: Path
    site: AppliedFolder
    script: Script
    server: StandIn


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    site, script = AppliedFolder(tmp_path), Script()
    site.apply(train="0 * * * *")
    monkeypatch.setenv("AIRFLOW_TOKEN", "secret")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    with standing_in(script.answer) as server:
        (tmp_path / "deployments").mkdir(exist_ok=True)
        manifest = MANIFEST % (site.dags, tmp_path / "datastore", server.url)
        (tmp_path / "deployments" / "a.yaml").write_text(manifest)
        yield Stage(tmp_path, site, script, server)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run(["forecast", *arguments]) == code, capsys.readouterr()
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err
    return said.out if code == 0 and "--format" in arguments else said.out + said.err


def test_what_is_deployed_with_the_times_of_its_last_runs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(run(capsys, "--deployed", "--days", "2", "--format", "json"))
    (flow,) = data["now"]["flows"]
    assert flow == {
        "address": "prod/train",
        "name": "Train",
        "starts": 48,
        "seconds": 720,
        "tasks": 2,
        "measured": ["end", "start"],
    }
    assert (data["slots"], data["pools"]) == (48, {"default_pool": 64})
    assert (data["now"]["runs"], data["now"]["peaks"]["runs"]["value"], data["planned"]) == (48, 1, None)
    assert data["assumptions"][0] == "steps take as long as in the last 3 runs, for 1 of 1 flows"
    assert stage.script.queries == [{"limit": ["3"], "order_by": ["-run_after"], "state": ["success"]}]


def test_without_an_airflow_everything_is_assumed_and_said(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "--deployed", "--offline", "--step-minutes", "40", "--pool", "default_pool=1")
    assert stage.server.asked == []
    assert "each step takes 40 minutes (--step-minutes), and a foreach has 10 items (--items)" in text
    assert "at most 32 tasks run at once, Airflow's default" in text
    assert "Limits: 32 in all, 1 in default_pool" in text
    assert "processes that wait" in text
    assert "the default pool has 128" not in text


def test_what_is_paused_starts_nothing(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.script.paused = True
    text = run(capsys, "--deployed")
    assert "prod/train: paused in Airflow" in text
    assert "runs start       0\n" in text


def test_what_airflow_does_not_tell_is_a_warning(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.script.refused = {"/pools", "/dagRuns"}
    text = run(capsys, "--deployed")
    assert "not known: " in text
    assert "the account may not see pools: you may not" in text
    assert "each step takes 5 minutes" in text
    assert "128 in default_pool" in text


def test_an_airflow_that_is_away_is_a_warning(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFDEPLOY_TIMEOUT", "1")
    manifest = stage.folder / "deployments" / "a.yaml"
    manifest.write_text(manifest.read_text().replace(stage.server.url, "http://127.0.0.1:9"))
    text = run(capsys, "--deployed")
    assert "Airflow was not asked: no answer from Airflow at http://127.0.0.1:9" in text
    assert "runs start" in text


def test_what_an_apply_would_make_of_it(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    (stage.folder / "night.py").write_text(FLOW)
    manifest = stage.folder / "deployments" / "a.yaml"
    entry = "flows: {night: {file: ../night.py, schedule: '0 0 * * *'}}"
    manifest.write_text(manifest.read_text().replace("flows: {}", entry))
    data = json.loads(run(capsys, "--format", "json", "--items", "4"))
    assert (data["now"]["runs"], data["planned"]["runs"]) == (168, 7)
    assert [each["address"] for each in data["planned"]["flows"]] == ["prod/night"]
    assert data["planned"]["peaks"]["tasks"]["value"] == 4
    text = run(capsys)
    assert "prod: what the schedules start, " in text
    assert "deployed" in text.splitlines()[2]
    assert "-161" in text
    assert "new flows are unpaused at once" in text
    markdown = run(capsys, "--format", "markdown")
    assert markdown.startswith("### prod: what the schedules start, ")
    assert "| runs start | 168 | 7 | -161 |" in markdown
    assert run(capsys, "--format", "html").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--pool", "gpus"), "--pool 'gpus' is not NAME=SLOTS"),
        (("--pool", "gpus=1", "--pool", "gpus=2"), "--pool gpus is given twice"),
        (("--days", "400"), "--days"),
        (("--timezone", "Europe/Nowhere", "--deployed"), "unknown timezone 'Europe/Nowhere'"),
        (("--env", "prood", "--deployed"), "prood"),
    ],
)
def test_usage(arguments: tuple[str, ...], message: str, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in run(capsys, *arguments, code=1)


def test_the_page_of_a_plan_has_what_the_plan_changes_of_it(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    (stage.folder / "night.py").write_text(FLOW)
    manifest = stage.folder / "deployments" / "a.yaml"
    entry = "flows: {night: {file: ../night.py, schedule: '0 0 * * *'}}"
    manifest.write_text(manifest.read_text().replace("flows: {}", entry))
    assert cli.run(["plan", "--format", "html", "--offline"]) == 0
    page = capsys.readouterr().out
    assert "The load in prod: what the schedules start" in page
    assert "<td>168</td><td>7</td><td>-161</td>" in page
    assert page.count('<figure class="chart">') == 1
    assert "more of it: <code>mfdeploy forecast --env prod</code>" in page

    manifest.write_text(manifest.read_text().replace("schedule: '0 0 * * *'", "schedule: none"))
    assert cli.run(["plan", "--format", "html", "--offline", "--flow", "night"]) == 0
    assert "The load in" not in capsys.readouterr().out


def test_it_has_no_form_for_github(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert "'github' is not one of 'text', 'json', 'markdown', 'html'" in run(capsys, "--format=github", code=1)

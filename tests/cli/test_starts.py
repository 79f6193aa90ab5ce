"""Flows that start each other, from their files to the plan that a user reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer import cli

pytestmark = pytest.mark.slow

MANIFEST = """\
version: 1
project: growth
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  load: {file: ../flows/load.py, dag_id: nightly_load}
  train: {file: ../flows/train.py}
  report: {file: ../flows/report.py, triggers: [{flow: TrainFlow}, {event: day}]}
"""
FLOW = """\
from metaflow import FlowSpec, step, trigger_on_finish


%sclass %sFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "mfdeploy.yaml").write_text(MANIFEST)
    (tmp_path / "flows").mkdir()
    for name, decorator in (("load", ""), ("train", '@trigger_on_finish(flow="LoadFlow")\n'), ("report", "")):
        (tmp_path / "flows" / f"{name}.py").write_text(FLOW % (decorator, name.capitalize()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plan(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> str:
    assert cli.run(["plan", *options]) == code
    said = capsys.readouterr()
    return " ".join((said.out + said.err).split())


def test_a_plan_says_who_starts_whom(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = plan(capsys)
    assert "starts local/train, when a run succeeds" in text
    assert "started by the end of local/load (once unpaused) starts local/report, when a run succeeds" in text
    assert "started by the end of local/train and the event day (once unpaused)" in text
    assert "no deployment publishes" not in text
    # The flow that it waits for is in the manifests, and was not compiled.
    assert "no deployment publishes" not in plan(capsys, "--flow", "local/train")
    assert cli.run(["show", "report", "--env", "local"]) == 0
    assert "triggers" in capsys.readouterr().out


def test_what_cannot_go_well_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = project / "deployments" / "mfdeploy.yaml"
    manifest.write_text(MANIFEST.replace("flow: TrainFlow", "flow: TrianFlow"))
    message = "local/report waits for metaflow.TrianFlow.local.end, and no deployment publishes that event"
    assert message in plan(capsys)
    manifest.write_text(MANIFEST.replace("dag_id: nightly_load", "triggers: [{flow: ReportFlow}]"))
    text = plan(capsys, code=1)
    assert "local/load -> local/train -> local/report -> local/load: the end of each starts the next one" in text


def test_show_says_what_starts_a_flow_and_what_it_starts(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["show", "train", "--env", "local", "--starts"]) == 0
    assert {"started by local/load", "starts local/report"} <= set(capsys.readouterr().out.splitlines())
    assert cli.run(["show", "report", "--env", "local", "--starts", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["address"] or each["event"] for each in shown["started_by"]] == ["local/train", "day"]
    assert shown["starts"] == []
    # Of another flow that is broken nothing is known, and that is said.
    (project / "flows" / "load.py").write_text("import no_such_module\n")
    assert cli.run(["show", "train", "--env", "local", "--starts"]) == 0
    said, warned = capsys.readouterr()
    assert "started by the event metaflow.LoadFlow.local.end" in said
    assert "warning" in warned
    assert "no_such_module" in warned
    assert cli.run(["show", "--starts"]) == 1
    assert "--starts is about one flow" in capsys.readouterr().err

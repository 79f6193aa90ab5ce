"""Flows that start each other, from their files to the plan that a user reads."""

from __future__ import annotations

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

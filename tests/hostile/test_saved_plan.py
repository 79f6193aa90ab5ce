"""A plan file may come from a job that ran somebody else's code: it widens nothing that its caller does not allow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from tests.sources import two_steps

MANIFEST = """\
version: 1
project: {project}
environments:
  prod: {{target: ../dags, compute: local, datastore: ../data, production: true}}
  staging: {{target: ../staging, compute: local, datastore: ../data}}
flows:
  train: {{file: flow.py}}
"""
Output = pytest.CaptureFixture[str]


@pytest.fixture
def dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The DAG file of a deployment that was applied twice; the manifests say what is deployed."""
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST.format(project="growth"))
    monkeypatch.chdir(tmp_path)
    for line in ("# first", "# second"):
        (tmp_path / "deployments" / "flow.py").write_text(f"{two_steps('TrainFlow')}{line}\n")
        assert cli.run(["apply", "--env", "prod", "--yes"]) == 0
    return tmp_path / "dags" / "TrainFlow.py"


def entries(capsys: Output) -> list[str]:
    capsys.readouterr()
    assert cli.run(["history", "--env", "prod", "--format", "json"]) == 0
    return [each["id"] for each in json.loads(capsys.readouterr().out)["entries"]]


def saved(*command: str) -> dict[str, Any]:
    """The plan that a command saves."""
    assert cli.run([*command, "--out", "plan.json"]) == 0
    return dict(json.loads(Path("plan.json").read_text()))


def forge(plan: Mapping[str, Any], **fields: Any) -> None:
    Path("plan.json").write_text(json.dumps({**plan, **fields}))


def refused(capsys: Output, *options: str) -> str:
    capsys.readouterr()
    assert cli.run(["apply", "plan.json", *options]) == 1
    return capsys.readouterr().err


def test_no_changes_in_the_comment_and_a_rollback_in_the_file(dag: Path, capsys: Output) -> None:
    """The fields that the plan shows are those of an innocent plan."""
    before = dag.read_bytes()
    harmless = saved("plan", "--env", "prod")
    assert [change["action"] for change in harmless["changes"]] == ["none"]
    first = entries(capsys)[-1]
    forge(harmless, rollback=first)
    assert f"the saved plan is a rollback to {first}; if this is intended, allow it with --allow-rollback" in refused(
        capsys, "--expect-env", "prod"
    )
    assert cli.run(["apply", "plan.json", "--expect-env", "prod", "--allow-rollback"]) == 0
    assert dag.read_bytes() == before  # what the plan does not hold is not applied


def test_a_rollback_as_it_is(dag: Path, capsys: Output) -> None:
    before = dag.read_bytes()
    saved("rollback", entries(capsys)[-1], "--env", "prod")
    assert "allow it with --allow-rollback" in refused(capsys)
    assert dag.read_bytes() == before


def test_a_plan_of_another_environment(dag: Path, capsys: Output) -> None:
    plan = saved("plan", "--env", "staging")
    told = "the saved plan is for the environment 'staging', and expected is 'prod'"
    assert told in refused(capsys, "--expect-env", "prod")
    both = {**plan["targets"], "prod": "../dags"}
    forge(plan, targets=both)
    assert "expect this one too with --expect-env staging" in refused(capsys, "--expect-env", "prod")
    forge(plan, targets={"prod": "../dags"})  # its changes are still of staging
    assert told in refused(capsys, "--expect-env", "prod")
    forge({**plan, "summary": dict.fromkeys(plan["summary"], 0)}, targets={}, changes=[])
    assert "the saved plan names no environment" in refused(capsys, "--expect-env", "prod")
    assert not (dag.parents[1] / "staging").exists()


def test_a_plan_that_destroys(dag: Path, capsys: Output) -> None:
    saved("destroy", "--env", "prod")
    assert "the saved plan destroys what is deployed in 'prod'" in refused(capsys, "--expect-env", "prod")
    assert "allow it with --allow-destroy" in refused(capsys)
    assert dag.exists()


def test_a_plan_that_takes_over_what_others_deployed(dag: Path, capsys: Output) -> None:
    before = dag.read_bytes()
    Path("deployments/m.yaml").write_text(MANIFEST.format(project="risk"))
    plan = saved("plan", "--env", "prod", "--adopt", "project:growth")
    assert "prod/train: the saved plan takes over a DAG that somebody else deployed" in refused(capsys)
    assert "allow it with --allow-adopt prod/train" in refused(capsys, "--expect-env", "prod")
    message = refused(capsys, "--allow-adopt", "prod/trian")
    assert "the saved plan does not take over this address; did you mean 'prod/train'?" in message
    told = {**plan["changes"][0], "reasons": []}
    forge(plan, changes=[told])
    assert "no longer give the planned result" in refused(capsys)
    assert dag.read_bytes() == before
    saved("plan", "--env", "prod", "--adopt", "project:growth")
    assert cli.run(["apply", "plan.json", "--expect-env", "prod", "--allow-adopt", "prod/train"]) == 0
    assert b"risk" in dag.read_bytes()

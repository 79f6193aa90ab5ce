"""No two runs have one id in Metaflow, and the runs of a DAG that is deployed keep the ids that they have."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.models.digest import digest_text
from deployer.models.record import FIRST_RUN_IDS, NEWEST_RUN_IDS, RunIds
from deployer.orchestrators.airflow import record
from deployer.orchestrators.airflow.render import render
from tests.renderer import flows

PAIRS = (("X-eu", "train"), ("X", "eu-train"), ("X-eu-", "train"), ('X", "eu', "train"), ("X-eu-train", ""))
MANIFEST = """version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../store, production: true}
flows:
  train: {file: ../flow.py, tags: [TAG]}
"""
FLOW = """from metaflow import FlowSpec, step

class TrainFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TrainFlow()
"""
JOINED = "metaflow_id(run, self.dag_id)"


def run_id(text: str, run: str, dag_id: str) -> str:
    """What a DAG file makes of a run's id in Airflow."""
    tree = ast.parse(text)
    [function] = [node for node in tree.body if getattr(node, "name", "") == "metaflow_id"]
    [made] = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.metaflow_run_id"
    ]
    names: dict[str, Any] = {"hashlib": hashlib, "json": json, "run": run, "self": type("Self", (), {"dag_id": dag_id})}
    exec(compile(ast.Module([function], []), "dag", "exec"), names)
    return str(eval(compile(ast.Expression(made), "dag", "eval"), names))


def rendered(run_ids: RunIds = NEWEST_RUN_IDS) -> str:
    flow = flows.linear()
    return render(flows.deployment(), flow, flows.package(flow), run_ids=run_ids)


def test_no_two_runs_have_one_id() -> None:
    new = {run_id(rendered(), *pair) for pair in PAIRS}
    assert len(new) == len(PAIRS)
    # Nor with a run of a DAG that keeps the old way.
    assert not new & {run_id(rendered(FIRST_RUN_IDS), *pair) for pair in PAIRS}


def test_a_run_that_exists_keeps_its_id() -> None:
    expected = hashlib.sha256(b"manual__2026-eu-train").hexdigest()[:12]
    assert run_id(rendered(FIRST_RUN_IDS), "manual__2026", "eu-train") == f"airflow-{expected}"


def test_a_dag_keeps_the_way_that_it_was_deployed_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "deployments").mkdir()
    _apply(tmp_path, "one")
    dag = tmp_path / "dags" / "TrainFlow.py"
    assert "'run_ids': 2" in dag.read_text()
    assert JOINED not in dag.read_text()
    _as_it_was(dag)
    assert cli.run(["plan"]) == 0
    for tag in ("two", "three"):
        _apply(tmp_path, tag)
        assert "'run_ids': 1" in dag.read_text()
        assert JOINED in dag.read_text()
    dag.unlink()
    _apply(tmp_path, "four")
    assert JOINED not in dag.read_text()


def _apply(folder: Path, tag: str) -> None:
    (folder / "deployments" / "m.yaml").write_text(MANIFEST.replace("TAG", tag))
    assert cli.run(["apply", "--yes"]) == 0


def _as_it_was(dag: Path) -> None:
    """Makes a deployed file what it was before records said how ids are made."""
    text = dag.read_text()
    found = record.read(text)
    assert found is not None
    body = re.sub(
        r" *# Not joined .*\n( *self.metaflow_run_id = ).*",
        rf"        self.metaflow_run_id = {JOINED}",
        record.body(text),
    )
    whole = record.write(body, replace(found[0], body_digest=digest_text(body)))
    dag.write_text(whole.replace("    'run_ids': 2,\n", ""))

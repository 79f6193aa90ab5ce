"""A DAG file of Metaflow's own command is known by its text; no other file is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.orchestrators.airflow import native_dag

# Written by Metaflow 2.19.39: USER=ada python train.py --with retry airflow create dag.py
DAG = Path(__file__).parent / "native" / "train.dag.txt"


def test_a_native_file_says_what_it_holds() -> None:
    found = native_dag.read(DAG.read_text())
    assert found is not None
    assert (found.name, found.flow, found.cron) == ("TrainFlow", "TrainFlow", "0 3 * * *")
    assert (found.parameters, found.steps) == ({"alpha": 0.05}, ("start", "end"))
    assert found.production_token == "trainflow-0-rjwm"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from airflow import DAG\ndag = DAG('TrainFlow')\n",
        "CONFIG = {}\ndag = Workflow.from_dict(CONFIG).compile()\n",
        "CONFIG = open('x')\ndag = Workflow.from_dict(CONFIG).compile()\n",
        "CONFIG = {'dag_instantiation_params': {'dag_id': 7}, 'metadata': {'flow_name': 'F'}, 'states': {}}\n"
        "dag = Workflow.from_dict(CONFIG).compile()\n",
        "# Workflow.from_dict(CONFIG)\n",
        "dag = Workflow.from_dict(CONFIG).compile(\n",
    ],
)
def test_any_other_file_is_not_taken_for_one(text: str) -> None:
    assert native_dag.read(text) is None


def test_reading_one_runs_nothing(tmp_path: Path) -> None:
    text = DAG.read_text().replace("import hashlib\n", f"open({str(tmp_path / 'ran')!r}, 'w')\nimport hashlib\n", 1)
    assert native_dag.read(text) == native_dag.read(DAG.read_text())
    assert not (tmp_path / "ran").exists()

"""Whether a DAG is paused is Airflow's to keep: a new DAG file, as an update writes one, does not change it."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import Home
from tests.renderer import flows

pytestmark = pytest.mark.airflow

PAUSED = {"starts_paused": True, "starts_unpaused": False, "starts_as_airflow_says": None}


def write(dags: Path, name: str, paused: bool | None, description: str) -> None:
    """Put a DAG file there, as an apply does."""
    said = {} if paused is None else {"paused": paused}
    deployment = flows.deployment(name=name, dag_id=name, description=description, **said)
    flow = flows.linear()
    (dags / f"{name}.py").write_text(render(deployment, flow, flows.package(flow)))


def airflow(home: Home, *words: str) -> None:
    """A command of Airflow, as an operator types it."""
    command = [str(home.airflow.python), "-m", "airflow", *words]
    done = subprocess.run(command, env=home.environment(), cwd=home.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def known(home: Home, column: str) -> dict[str, object]:
    """What Airflow's database says of each DAG."""
    with closing(sqlite3.connect(home.folder / "airflow.db")) as database:
        return dict(database.execute(f"select dag_id, {column} from dag").fetchall())


def test_an_update_leaves_paused_what_is_and_unpaused_what_is_not(airflow_home: Callable[..., Home]) -> None:
    home = airflow_home()
    for name, paused in PAUSED.items():
        write(home.dags, name, paused, "before")
    airflow(home, "dags", "reserialize")
    assert known(home, "is_paused") == {"starts_paused": 1, "starts_unpaused": 0, "starts_as_airflow_says": 1}
    airflow(home, "dags", "unpause", "starts_paused")
    airflow(home, "dags", "pause", "starts_unpaused")
    airflow(home, "dags", "unpause", "starts_as_airflow_says")
    by_hand = {"starts_paused": 0, "starts_unpaused": 1, "starts_as_airflow_says": 0}
    assert known(home, "is_paused") == by_hand
    for name, paused in PAUSED.items():
        write(home.dags, name, paused, "after")
    # What the manifest says of `paused` now is for a DAG that Airflow has not seen.
    write(home.dags, "starts_as_airflow_says", True, "after")
    airflow(home, "dags", "reserialize")
    assert set(known(home, "description").values()) == {"after"}
    assert known(home, "is_paused") == by_hand

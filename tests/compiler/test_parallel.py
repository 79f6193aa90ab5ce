"""A `@parallel` step on a worker: one task of Airflow, and the workers that its process starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.compiler.by_hand import Operator, deployed, read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parallel")


@pytest.fixture(scope="module")
def operator(folder: Path) -> Operator:
    """A run whose first step is done."""
    found = deployed(folder, "parallel.py", config_values={"settings": {"rate": 7}}, tags=("team:growth",))
    started = found.task("start", parameters={"size": 2})
    assert started.returncode == 0, started.stderr
    return found


def train(operator: Operator, task: str, **variables: str) -> subprocess.CompletedProcess[str]:
    triggers = [{"timestamp": 1, "id": "e", "name": "orders", "type": "event"}]
    shared = {"MFDEPLOY_EVENTS": "1", "MFDEPLOY_TRIGGERS": json.dumps(triggers)}
    return operator.task("train", operator.path("start"), task=task, variables={**shared, **variables})


def test_a_worker_is_a_task_as_the_control_task_is(operator: Operator, folder: Path) -> None:
    done = train(operator, "t", PATH="/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert "start" not in operator.results
    assert operator.results["t"]["nodes"] == 2
    assert sorted(event["payload"]["node"] for event in operator.results["t"]["events"]) == [0, 1]
    joined = operator.task("join", f"{operator.run}/train/:t,t_node_1")
    assert joined.returncode == 0, joined.stderr

    about = "[task.id, task.successful, task.metadata_dict['airflow-job-id'], task.code is not None]"
    tasks = f"sorted({about} for task in run['train'] if task.id in ('t', 't_node_1'))"
    control = "[task.id for task in run['train'].control_tasks()]"
    seen, *rest = read(folder, "ParallelFlow", f"[run['join'].task['seen'].data, {tasks}, {control}]")
    shared = {"nodes": 2, "control": "t", "rate": 7, "tags": ["team:growth"], "events": ["orders"], "left": []}
    assert seen == [{"node": node, **shared} for node in range(2)]
    assert rest == [[[task, True, "7", True] for task in ("t", "t_node_1")], ["t"]]


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("raise", "Worker 1 of step train raised ValueError: asked\n"),
        ("exit", "The process of worker 1 of step train ended with exit code 0 before the step finished"),
        ("kill", "The process of worker 1 of step train was killed by SIGKILL"),
    ],
    ids=["raise", "exit", "kill"],
)
def test_a_worker_that_fails_fails_the_task(operator: Operator, way: str, said: str) -> None:
    done = train(operator, f"w-{way}", WAY=f"1 {way}")
    assert done.returncode == 1
    assert said in done.stderr
    assert "The task fails: step train raised Exception: Subprocess failed, return code" in done.stderr


def test_no_worker_is_left_where_the_step_fails(operator: Operator, tmp_path: Path) -> None:
    done = train(operator, "f", WAY="0 raise", WAITING=str(tmp_path))
    assert done.returncode == 1
    assert "raised ValueError: asked" in done.stderr
    assert ended(tmp_path)


def test_no_worker_is_left_where_the_task_is_stopped(operator: Operator, tmp_path: Path) -> None:
    """As `airflow` stops it: SIGTERM to its group; and where the process that watches the step alone is killed."""
    done = train(operator, "s", WAY="0 stop", WAITING=str(tmp_path))
    assert done.returncode == 128 + signal.SIGTERM
    assert ended(tmp_path)


def ended(folder: Path) -> bool:
    """Whether the processes that noted their ids there are gone, at the latest after some seconds."""
    pids = [int(file.name) for file in folder.iterdir()]
    assert pids
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(Path("/proc", str(pid)).exists() for pid in pids):
        os.sched_yield()
    return not any(Path("/proc", str(pid)).exists() for pid in pids)

"""A task succeeds only where Metaflow says that its step finished, however the step's process ended."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from deployer.runtime.mfdeploy_task.recorder import wrong_transition
from tests.compiler.by_hand import Operator, deployed, read

pytestmark = pytest.mark.slow

EXITED = "ended with exit code 0 before the step finished, as after sys.exit(0) or os._exit(0) in its code."
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ends")


@pytest.fixture(scope="module")
def operator(folder: Path) -> Operator:
    return deployed(folder, "ending.py")


@pytest.fixture(scope="module")
def start(operator: Operator) -> Run:
    """Runs a start task of its own for each way to end."""
    return lambda way: operator.task("start", task=way.replace(" ", "-") or "start", variables={"WAY": way})


@pytest.mark.parametrize("way", ["exit", "leave", "exit after next"])
def test_an_exit_code_of_0_is_no_success(way: str, start: Run, folder: Path) -> None:
    failed = start(way)
    assert failed.returncode == 1
    assert failed.stdout == f"began {way}\n"
    assert failed.stderr == f"The task fails: the process of step start {EXITED}\n"
    if way == "exit":
        about = "[[task.successful, task.stdout, task.stderr] for task in run['start'] if task.id == 'exit']"
        assert read(folder, "EndingFlow", about) == [[False, failed.stdout, failed.stderr]]


def test_a_killed_step_says_so(start: Run) -> None:
    failed = start("killed")
    assert failed.returncode == 128 + signal.SIGKILL
    assert failed.stderr == (
        "The task fails: the process of step start was killed by SIGKILL, as by a system without memory.\n"
    )


def test_what_is_said_of_a_step_begins_a_line(start: Run, folder: Path) -> None:
    """Also after a progress bar, which leaves its line open: in the task's log, and in Metaflow's."""
    failed = start("killed in a line")
    said = "The task fails: the process of step start was killed by SIGKILL, as by a system without memory.\n"
    # Both go to one log in Airflow.
    assert failed.stdout == "began killed in a line\nhalf of it\n"
    assert failed.stderr == f"\n 50%|#####     |\n{said}"
    about = "[[task.stdout, task.stderr] for task in run['start'] if task.id == 'killed-in-a-line']"
    assert read(folder, "EndingFlow", about) == [[failed.stdout, f"\r 50%|#####     |\n{said}"]]


def test_a_step_that_does_not_go_on_fails(start: Run, operator: Operator) -> None:
    """Metaflow's own runtime ends the run there, though the task itself has finished."""
    failed = start("return")
    asked = "self.next() for work with foreach"
    assert failed.returncode == 1
    assert failed.stderr == f"The task fails: step start had to call {asked}, and ended without calling it.\n"
    assert "return" not in operator.results


@pytest.mark.parametrize(
    ("kind", "transition", "problem"),
    [
        ("linear", (["a", "b"], None), ""),
        ("join", None, "self.next() for a, b, and ended without calling it"),
        ("split", (["b"], None), "self.next() for a, b, and called it for b"),
        ("linear", (["a", "b"], "items"), "self.next() for a, b, and called it for a, b with foreach"),
        ("foreach", (["a", "b"], "items"), ""),
        ("foreach", (["a", "b"], None), "self.next() for a, b with foreach, and called it for a, b"),
        ("parallel", (["a", "b"], "_parallel_ubf_iter"), ""),
        (
            "parallel",
            (["a", "b"], None),
            "self.next() for a, b with num_parallel of 1 or more, and called it for a, b",
        ),
        ("split-switch", (["b"], None), ""),
        ("split-switch", (["c"], None), "self.next() for one of a, b, and called it for c"),
        ("split-switch", (["a", "b"], None), "self.next() for one of a, b, and called it for a, b"),
    ],
)
def test_what_a_step_goes_on_to_is_what_the_graph_says(kind: str, transition: object, problem: str) -> None:
    is_parallel = kind == "parallel"
    node = SimpleNamespace(type="foreach" if is_parallel else kind, out_funcs=["a", "b"], parallel_foreach=is_parallel)
    found = wrong_transition("s", SimpleNamespace(_transition=transition), node)
    assert found == (problem and f"The task fails: step s had to call {problem}.")


def test_the_last_step_goes_on_to_nothing() -> None:
    assert wrong_transition("end", SimpleNamespace(_transition=None), SimpleNamespace(type="end", out_funcs=[])) == ""


def test_a_caught_exit_is_no_end(start: Run) -> None:
    done = start("caught")
    assert (done.returncode, done.stdout, done.stderr) == (0, "began caught\nwent on\n", "")


@pytest.mark.parametrize("way", ["no retry", "no retry in the file"])
def test_the_exit_code_that_forbids_retries_is_passed_on(way: str, start: Run) -> None:
    """Also where the file catches Metaflow's exit."""
    failed = start(way)
    assert (failed.returncode, failed.stderr) == (202, "")


def test_catch_records_it(start: Run, operator: Operator, folder: Path) -> None:
    assert start("").returncode == 0

    def work(attempt: int) -> subprocess.CompletedProcess[str]:
        inputs = operator.path("start")
        return operator.task("work", inputs, split=0, attempt=attempt, variables={"WAY": "leave"})

    assert work(0).returncode == 1
    # The attempt after those of the user, which Airflow makes for @catch alone.
    caught = work(1)
    assert caught.returncode == 0, caught.stderr
    assert read(folder, "EndingFlow", "[run['work'].task.finished, bool(run['work'].task.data.failure)]") == [
        True,
        True,
    ]

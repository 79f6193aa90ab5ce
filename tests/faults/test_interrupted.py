"""Ctrl-C, wherever that is: exit code 130, nothing left behind, and what was applied is known to the next plan."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.project import Project
from tests.faults.fleet import Fleet
from tests.faults.processes import MARK, processes

# Every so many of the moments at which anything happens that the system is asked for; each with MFDEPLOY_ALL_FAULTS=1.
MOMENTS = 60 if os.environ.get("MFDEPLOY_ALL_FAULTS") else 5

# Runs the command line, and interrupts it at the n-th such moment, as a terminal does: the signal comes from outside.
_DRIVER = """
import os, signal, sys, threading
at, count, number = int(sys.argv[1]), 0, signal.Signals[sys.argv[2]]
main = threading.main_thread()
def heard(event, arguments):
    global count
    if event in ("open", "import", "os.rename", "os.listdir", "subprocess.Popen", "os.posix_spawn", "os.remove"):
        if threading.current_thread() is main:
            count += 1
            if count == at:
                os.kill(os.getpid(), number)
from deployer.cli import main as mfdeploy
del sys.argv[1:3]
sys.addaudithook(heard)
try:
    mfdeploy()
finally:
    if at < 0:
        print("MOMENTS", count)
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    made = Fleet(tmp_path / "project")
    made.write(dict.fromkeys(range(6), 0))
    return made


def run(fleet: Fleet, at: int, *arguments: str, by: str = "SIGINT") -> subprocess.CompletedProcess[str]:
    """One command line of the fleet's manifests, interrupted at the moment `at`; with -1, told how many there are."""
    project = Project(fleet.folder, fleet.folder.parent / "home")
    temporary = fleet.folder.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    environ = {**project.environ(), "TMPDIR": str(temporary), MARK: str(fleet.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", _DRIVER, str(at), by, *arguments, "--manifests", str(fleet.manifests)]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert list(temporary.iterdir()) == [], (at, done.stderr)
    assert processes(str(fleet.folder)) == {}, (at, done.stderr)
    return done


def moments(fleet: Fleet, *arguments: str) -> list[int]:
    """Some moments of an undisturbed run, from first to last."""
    done = run(fleet, -1, *arguments)
    assert done.returncode == 0, done.stderr
    total = int(done.stdout.split()[-1])
    assert total > 100
    return sorted({1 + round(number * (total - 1) / (MOMENTS - 1)) for number in range(MOMENTS)})


def test_a_plan(fleet: Fleet) -> None:
    for at in moments(fleet, "plan"):
        done = run(fleet, at, "plan")
        assert done.returncode == 130, (at, done)
        assert done.stderr.endswith("Interrupted.\n") and "Traceback" not in done.stderr, (at, done.stderr)
        assert not fleet.target.exists()


def test_by_a_system_that_cancels_a_job(fleet: Fleet) -> None:
    at = moments(fleet, "plan")[2]
    done = run(fleet, at, "plan", by="SIGTERM")
    assert done.returncode == 130 and done.stderr == "Interrupted.\n", done


def test_an_apply(fleet: Fleet) -> None:
    state = fleet.folder / "build"
    for at in moments(fleet, "apply", "--yes"):
        for place in (fleet.target, state):
            shutil.rmtree(place, ignore_errors=True)
        done = run(fleet, at, "apply", "--yes")
        assert done.returncode == 130, (at, done)
        assert done.stderr.endswith("Interrupted.\n") and "Traceback" not in done.stderr, (at, done.stderr)
        there = [path.name for path in fleet.target.glob("*.py")]
        again = run(fleet, 0, "apply", "--yes")
        assert again.returncode == 0, (at, again.stderr)
        expected = f"{6 - len(there)} to create, 0 to update" if len(there) < 6 else "No changes"
        assert expected in again.stdout, (at, there, again.stdout)
        assert "No changes" in run(fleet, 0, "plan").stdout

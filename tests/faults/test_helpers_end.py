"""Helpers end with the command that started them, however that ends, and whatever they wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.faults.fleet import Fleet
from tests.faults.processes import MARK, outlived, processes
from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET
from tests.targets.wire import Answer, Wire, wire_to

INTERRUPTS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
HANGS = """
import os, pathlib
pathlib.Path({file!r}).write_text("loaded")
import signal
signal.pause()
"""


@pytest.fixture
def wire() -> Iterator[Wire]:
    with s3_server(BUCKET) as upstream, wire_to(upstream) as running:
        yield running


def start(fleet: Fleet, command: str, **variables: str) -> subprocess.Popen[str]:
    temporary = fleet.folder / "tmp"
    temporary.mkdir()
    environ = {"PATH": os.environ["PATH"], "HOME": str(fleet.folder), "USER": "ada", "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [Path(sys.executable).with_name("mfdeploy"), *command.split(), "--manifests", fleet.manifests],
        env={**environ, **variables, MARK: str(fleet.folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(fleet: Fleet, running: subprocess.Popen[str], number: signal.Signals) -> None:
    """Nothing is left once the command has ended by the signal, but for files after SIGKILL."""
    running.send_signal(number)
    _, errors = running.communicate(timeout=60)
    assert outlived(str(fleet.folder)) == {}
    if number == signal.SIGKILL:
        assert running.returncode == -signal.SIGKILL
    else:
        assert running.returncode == 130
        assert errors.endswith("Interrupted.\n") and "Traceback" not in errors, errors
        assert os.listdir(fleet.folder / "tmp") == []


@pytest.mark.parametrize("number", [signal.SIGKILL, *INTERRUPTS])
def test_that_wait_for_a_store(tmp_path: Path, wire: Wire, number: signal.Signals) -> None:
    fleet = Fleet(tmp_path)
    fleet.write({0: 0, 1: 0}, datastore=f"s3://{BUCKET}/metaflow")
    asked = Event()

    def hang(method: str, path: str) -> Answer:
        asked.set()
        return Answer(wait=True)

    wire.spoilers.append(hang)
    running = start(fleet, "apply --yes", **AWS, AWS_ENDPOINT_URL=wire.url, MFDEPLOY_TIMEOUT="600")
    assert asked.wait(60)
    # The command, its helper, who watches that one, and who stores packages.
    assert len(processes(str(tmp_path))) >= 4
    end(fleet, running, number)
    assert not fleet.target.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_that_wait_for_a_flow(tmp_path: Path, number: signal.Signals) -> None:
    fleet = Fleet(tmp_path)
    fleet.write({0: 0})
    loaded = tmp_path / "loaded"
    os.mkfifo(loaded)
    flow = fleet.manifests / "flows" / "many.py"
    flow.write_text(HANGS.format(file=str(loaded)) + flow.read_text())
    running = start(fleet, "plan")
    assert loaded.read_text() == "loaded"
    end(fleet, running, number)


def test_a_helper_that_is_killed_takes_its_children_along(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.write({0: 0})
    loaded = tmp_path / "loaded"
    os.mkfifo(loaded)
    flow = fleet.manifests / "flows" / "many.py"
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"
    flow.write_text(kill + HANGS.format(file=os.devnull) + flow.read_text())
    running = start(fleet, "plan")
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 1 and "cannot compile flows with" in errors, errors
    assert outlived(str(fleet.folder)) == {}
    assert os.listdir(fleet.folder / "tmp") == []

"""0 done or nothing to do, 1 refused or failed, 2 changes (if asked for), 130 interrupted."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.project import MFDEPLOY, Project

ONE = ("--env", "local", "--flow", "hourly")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--version",), 0),
        (("plan", *ONE), 0),
        (("plan", *ONE, "--detailed-exitcode"), 2),
        (("validate", "--no-flows"), 0),
        (("plan", "--no-such-option"), 1),
        (("no-such-command",), 1),
        (("plan", "--env", "nowhere"), 1),
        (("plan", "--env", "local", "--flow", "nothing"), 1),
        (("plan", "--manifests", "nowhere"), 1),
        (("apply", *ONE), 1),  # there is nobody to ask
        (("apply", "nowhere.json"), 1),
        (("show", "nothing", "--env", "local"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_exit_codes(arguments: tuple[str, ...], code: int, fresh: Project) -> None:
    done = fresh.run(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (code != 1) or done.stderr


def test_every_problem_of_every_file_is_told_at_once(fresh: Project) -> None:
    fresh.edit("graphs.yaml", "max_workers: 2", "max_worker: 2")
    fresh.edit("features.yaml", "30 6 * * 1-5", "30 26 * * 1-5")
    done = fresh.run("plan", "--env", "local")
    assert done.returncode == 1
    assert "deployments/graphs.yaml:10:" in done.stderr
    assert "max_workers" in done.stderr
    assert "deployments/features.yaml:10:" in done.stderr
    assert not (fresh.folder / "build").exists()


def test_json_is_all_that_is_printed(fresh: Project) -> None:
    assert json.loads(fresh.do("plan", *ONE, "--format", "json"))


@contextmanager
def asked(project: Project) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """An apply that waits for an answer, and the terminal to give it on."""
    keyboard, terminal = pty.openpty()
    command = subprocess.Popen(
        [MFDEPLOY, "apply", *ONE],
        cwd=project.folder,
        env=project.environ(),
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert command.stderr
    said = b""
    while b"[y/N]" not in said and (byte := command.stderr.read(1)):
        said += byte
    assert b"[y/N]" in said, said.decode()
    yield command, keyboard
    command.stderr.close()
    os.close(keyboard)
    os.close(terminal)


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)])
def test_an_apply_asks(answer: bytes, code: int, fresh: Project) -> None:
    with asked(fresh) as (command, keyboard):
        os.write(keyboard, answer)
        assert command.wait(60) == code
    assert (fresh.dags / "HourlyFlow.local.py").exists() == (code == 0)


def test_an_interrupted_apply_exits_130(fresh: Project) -> None:
    with asked(fresh) as (command, _):
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 130
    assert not fresh.dags.exists()


def test_a_user_without_a_name_can_apply(fresh: Project) -> None:
    # Root in a container of a CI service: Metaflow itself stops with "Unknown user" there.
    fresh.as_user("", fresh.home).do("apply", *ONE, "--yes")

"""Machines that lack something: one sentence that says what, exit code 1, and no traceback."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.models.shortage import shortage
from tests.faults.fleet import Fleet

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    made = Fleet(tmp_path)
    made.write({0: 0})
    return made


def run(
    fleet: Fleet, command: str, before: Callable[[], None] | None = None, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(fleet.folder), "USER": "ada"}
    words = [*prefix, str(MFDEPLOY), *command.split(), "--manifests", str(fleet.manifests)]
    done = subprocess.run(
        words,
        env=environ,
        cwd=fleet.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        preexec_fn=before,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def limited(number: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(number, (value, value))


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One error, with these words."""
    assert done.returncode == 1, done
    [line] = [line for line in done.stderr.splitlines() if "error: " in line]
    for word in words:
        assert word in line, line


@pytest.mark.parametrize("command", ["plan", "apply --yes"])
def test_no_file_can_be_written(fleet: Fleet, command: str) -> None:
    done = run(fleet, command, limited(resource.RLIMIT_FSIZE, 0))
    assert_told(done, "error: no folder for temporary files can be written; set TMPDIR to one that can")


@pytest.mark.parametrize("command", ["plan", "apply --yes"])
def test_few_files_can_be_open(fleet: Fleet, command: str) -> None:
    """One sentence, however many flows there are."""
    fleet.write(dict.fromkeys(range(3), 0))
    # With fewer Python itself may not start.
    done = run(fleet, command, limited(resource.RLIMIT_NOFILE, 10))
    assert_told(done, "this process may not open more files; raise the limit: `ulimit -n 256`")


@pytest.mark.parametrize("command", ["plan", "apply --yes", "history --env prod"])
def test_the_working_directory_is_gone(fleet: Fleet, command: str) -> None:
    prefix = ("sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh")
    done = run(fleet, command, prefix=prefix)
    assert_told(done, "error: the working directory is gone; change to a folder that exists")


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not limit the address space")
def test_little_memory(fleet: Fleet) -> None:
    done = run(fleet, "plan", limited(resource.RLIMIT_AS, 50 << 20))
    # What fails first differs: a thread that gets no stack, or an object.
    assert_told(done, "; raise the limit", "`ulimit -v`")


def test_input_is_closed(fleet: Fleet) -> None:
    def closed(command: str) -> subprocess.CompletedProcess[str]:
        return run(fleet, command, prefix=("sh", "-c", 'exec "$@" <&-', "sh"))

    assert closed("plan").returncode == 0
    assert_told(closed("apply"), "there is no terminal to ask on; add --yes")
    assert closed("apply --yes").returncode == 0


def in_namespace(*mounts: str) -> tuple[str, ...]:
    """What runs a command where these folders are mounted; skips the test where nobody may do that."""
    script = " && ".join((*mounts, 'exec "$@"'))
    prefix = ("unshare", "--mount", "sh", "-c", script, "sh")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True).returncode:
        pytest.skip("only root may mount folders")
    return prefix


def test_a_checkout_that_is_read_only(fleet: Fleet) -> None:
    folder = fleet.folder
    prefix = in_namespace(f"mount --bind {folder} {folder}", f"mount -o remount,ro,bind {folder}", f"cd {folder}")
    done = run(fleet, "plan", prefix=prefix)
    assert (done.returncode, "1 to create" in done.stdout) == (0, True), done
    assert_told(run(fleet, "apply --yes", prefix=prefix), "environments.prod.datastore", "Read-only file system")
    assert_told(run(fleet, "plan --out plan.json", prefix=prefix), "cannot write plan.json: Read-only file system")


@pytest.mark.parametrize("stdin", ["", " <&-"], ids=["open", "closed"])
def test_no_null_device(fleet: Fleet, stdin: str) -> None:
    empty = fleet.folder / "empty"
    empty.mkdir()
    prefix = in_namespace(f"mount --bind {empty} /dev")
    prefix = (*prefix, "sh", "-c", f'exec "$@"{stdin}', "sh")
    assert_told(run(fleet, "plan", prefix=prefix), "/dev/null is missing or cannot be opened; mount it")


@pytest.mark.parametrize("system", ["win32", "cygwin"])
def test_a_system_that_is_not_supported(system: str) -> None:
    # As Python is there: without the signal, and without the module for locks.
    code = (
        f"import signal, sys; sys.platform = {system!r}; del signal.SIGHUP; sys.modules['fcntl'] = None\n"
        "from deployer.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: mfdeploy runs on Linux and macOS; on Windows use WSL (wsl --install)\n"


def test_what_is_no_shortage_stays_a_bug() -> None:
    assert shortage(KeyError("x")) is None
    assert shortage(PermissionError(13, "Permission denied")) is None
    assert shortage(ImportError("no module")) is None

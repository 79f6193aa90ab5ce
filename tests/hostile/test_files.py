"""Files of a flow's folder that are not what they seem: they are never waited for, and not read into memory whole."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.compiler.worker.regular_file import digest_of, open_regular

MANIFEST = """version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../store, production: true}
flows:
  train: {file: ../flows/flow.py, MORE}
"""
FLOW = """from metaflow import Config, FlowSpec, IncludeFile, step

class TrainFlow(FlowSpec):
    MEMBER

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    TrainFlow()
"""
# What a line may print of the memory of all processes at their highest, in KiB.
RUN = """import json, resource, sys
from deployer import cli
code = cli.run(sys.argv[1:])
most = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps([code, most]), flush=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "flows").mkdir()
    write(tmp_path)
    return tmp_path


def write(project: Path, member: str = "pass", more: str = "") -> None:
    (project / "deployments" / "m.yaml").write_text(MANIFEST.replace(", MORE", f", {more}" if more else ""))
    (project / "flows" / "flow.py").write_text(FLOW.replace("MEMBER", member))


def run(project: Path, *command: str) -> tuple[int, int, str]:
    """The exit code of a command, the memory of its largest process in KiB, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=project,
        env={**os.environ, "HOME": str(project), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )
    code, memory = json.loads(done.stdout.splitlines()[-1])
    return code, memory, done.stdout + done.stderr


def pipe(file: Path) -> None:
    os.mkfifo(file)


def listening(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(file))


def zeros(file: Path) -> None:
    file.symlink_to("/dev/zero")


KINDS = [(pipe, "a named pipe"), (listening, "a socket"), (zeros, "a device")]


@pytest.mark.parametrize(("make", "kind"), KINDS)
def test_what_is_no_regular_file_is_not_opened(
    make: Callable[[Path], None], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has a hundred bytes at most
    make(Path("x.py"))
    for use in (open_regular, digest_of):
        with pytest.raises(OSError, match=f"it is {kind}, not a regular file"):
            use("x.py")


def test_a_file_that_becomes_a_pipe_once_it_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, other = tmp_path / "x.py", tmp_path / "y.py"
    other.touch()
    pipe(file)
    seen = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: seen(other if str(path) == str(file) else path, **more))
    before = os.listdir("/dev/fd")
    with pytest.raises(OSError, match="a named pipe"):
        open_regular(file)
    assert os.listdir("/dev/fd") == before


@pytest.mark.parametrize("make", [make for make, _ in KINDS])
def test_a_plan_and_an_apply_say_what_it_is(
    make: Callable[[Path], None], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "flows")
    make(Path("x.py"))
    for command in (["plan"], ["apply", "--yes"]):
        code, _, said = run(project, *command)
        assert code == 1
        assert "flows/x.py:1: error: cannot be read for the code package: it is a" in said
    assert not (project / "dags").exists()


def test_a_module_that_is_a_pipe_and_files_that_are_named(project: Path) -> None:
    pipe(project / "flows" / "x.csv")
    for member, more in (
        ("cfg = Config('cfg', default='x.csv')", ""),
        ("table = IncludeFile('table', default='x.csv')", ""),
        ("cfg = Config('cfg', default=lambda context: 'x.csv')", ""),
        ("table = IncludeFile('table', default='y.csv')", "include_files: {table: ../flows/x.csv}"),
        ("cfg = Config('cfg', default='y.csv')", "config_files: {cfg: ../flows/x.csv}"),
    ):
        write(project, member, more)
        code, _, said = run(project, "plan")
        assert (code, "x.csv" in said) == (1, True), said


def test_memory_does_not_grow_with_the_files(project: Path) -> None:
    code, little, said = run(project, "apply", "--yes")
    assert code == 0, said
    for name in ("data.py", "more.py"):
        with (project / "flows" / name).open("wb") as file:
            file.write(b"#")
            file.truncate(400_000_000 if name == "data.py" else 1_000_000)
    code, planned, said = run(project, "plan")
    assert code == 0, said
    assert "warning: the code package has 401 MB of files, more than package_limit (100 MB): " in said
    assert "data.py (400 MB), more.py (1.0 MB), flow.py (0.0 MB)" in said
    code, applied, said = run(project, "apply", "--yes")
    assert code == 0, said
    assert max(planned, applied) < little + 100_000
    stored = [path.stat().st_size for path in (project / "store").rglob("data/*/*")]
    assert max(stored) > 1_000_000
    write(project, more="package_limit: 500")
    assert "package_limit" not in run(project, "plan")[2]

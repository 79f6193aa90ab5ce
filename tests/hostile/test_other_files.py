"""Files beside those of a flow that are not what they seem: manifests, profiles, saved plans, .gitignore, a target."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.models.regular_file import read_regular
from deployer.models.target import TargetError
from deployer.targets.folder import FolderTarget

HUGE = 40_000_000_000  # bytes, none of which is on the disk
MANIFEST = """version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../store, production: true}
flows: {}
"""
RUN = "import sys; from deployer import cli; sys.exit(cli.run(sys.argv[1:]))"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST)
    return tmp_path


def run(project: Path, *command: str) -> tuple[int, str]:
    """The exit code of a command with little memory, and what it says."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=project,
        env={**os.environ, "HOME": str(project), "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)),
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said and "not enough memory" not in said, said
    return done.returncode, said


def huge(file: Path, start: bytes = b"") -> None:
    with file.open("wb") as stream:
        stream.write(start)
        stream.truncate(HUGE)


def pipe(file: Path) -> None:
    os.mkfifo(file)


def zeros(file: Path) -> None:
    file.symlink_to("/dev/zero")


KINDS: list[Callable[[Path], None]] = [huge, pipe, zeros]


@pytest.mark.parametrize("make", KINDS)
def test_only_so_much_of_a_regular_file_is_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "x")
    with pytest.raises(OSError, match=r"more than 1,000 bytes|not a regular file"):
        read_regular(tmp_path / "x", 1000)
    (tmp_path / "y").write_bytes(b"1" * 1000)
    assert read_regular(tmp_path / "y", 1000) == b"1" * 1000


@pytest.mark.parametrize("make", KINDS)
def test_a_manifest_and_a_profile(make: Callable[[Path], None], project: Path) -> None:
    make(project / "deployments" / "config_x.json")
    text = MANIFEST.replace("production: true", "production: true, metaflow: {METAFLOW_PROFILE: x}")
    (project / "deployments" / "m.yaml").write_text(text)
    code, said = run(project, "validate")
    assert code == 1 and said.count("error:") == 1, said
    (project / "deployments" / "m.yaml").write_text(MANIFEST)
    make(project / "deployments" / "more.yaml")
    code, said = run(project, "validate")
    assert (code, "more.yaml" in said) == (1, True), said


def test_a_flow_file_that_is_in_no_manifest(project: Path) -> None:
    """A plan names such files, and `init` adds them: for that they are read."""
    huge(project / "deployments" / "flow.py", b"from metaflow import FlowSpec, step\nclass X(FlowSpec): pass\n")
    assert run(project, "validate")[0] == 0
    assert "flow.py" not in run(project, "init")[1]


@pytest.mark.parametrize("make", [huge, zeros])
def test_a_saved_plan(make: Callable[[Path], None], project: Path) -> None:
    make(project / "plan.json")
    for command in ("apply", "plan --from"):
        code, said = run(project, *command.split(), "plan.json")
        assert (code, "cannot read plan.json: it has more than " in said) == (1, True), said


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_git_ignores_is_written_to_a_file_of_the_project(kind: str, project: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    flow = (
        "from metaflow import FlowSpec, step\nclass X(FlowSpec):\n    @step\n    def start(self): self.next(self.end)\n"
    )
    (project / "flow.py").write_text(f"{flow}    @step\n    def end(self): pass\nif __name__ == '__main__': X()\n")
    other = tmp_path / "profile"
    other.write_text("theirs\n")
    if kind == "link":
        (project / ".gitignore").symlink_to(other)
    else:
        pipe(project / ".gitignore")
    code, said = run(project, "init")
    assert code == 1 and ".gitignore: it is not a regular file" in said, said
    assert other.read_text() == "theirs\n"


def test_a_file_of_a_target_that_is_swapped_once_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = FolderTarget(tmp_path), tmp_path / "y.txt"
    other.touch()
    pipe(tmp_path / "x.py")
    # As if it had been a file a moment ago.
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    for use in (target.list, lambda: target.read("x.py"), lambda: target.read_many(["x.py"])):
        with pytest.raises(TargetError, match="not a regular file"):
            use()

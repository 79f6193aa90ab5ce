"""Targets that fail: one clear error, nothing half-written, and what was not done is said."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.applying.executor import Applied
from deployer.errors import DeployError
from tests.faults.conftest import Planned
from tests.faults.fleet import in_child
from tests.faults.places import leftovers

NOBODY = 65534


def refused(planned: Planned, *words: str) -> None:
    """Apply the plan: nothing is done, and each word is in what is told."""
    applied = planned.ready.apply(planned.changes, may_warn=True)  # no history is kept there either
    assert_told(applied, *words)
    assert not applied.done
    assert len(applied.failed) + len(applied.not_done) == 20


def assert_told(applied: Applied, *words: str) -> None:
    told = [*(message for _, message in applied.failed), *applied.unpublished.values()]
    assert len(told) == 1, told
    assert "\n" not in told[0]
    for word in words:
        assert word in told[0], told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("planned_once", ["folder"], indirect=True)
class TestFolder:
    def test_that_another_user_owns(self, planned: Planned) -> None:
        if os.geteuid():
            pytest.skip("only root can become somebody else")
        dags = Path(planned.place.address)
        for folder in [dags, *list(dags.parents)[:-2]]:
            folder.chmod(folder.stat().st_mode | 0o755)

        def as_nobody() -> None:
            os.setuid(NOBODY)
            refused(planned, "Permission denied", str(dags))

        assert in_child(as_nobody) == 0
        assert planned.dags() == planned.old
        assert leftovers(dags) == []

    def test_on_a_full_disk(self, planned: Planned, small_disk: Path) -> None:
        full = planned.ready.at(str(small_disk / "dags"))
        changes = full.changes()
        (small_disk / "filler").write_bytes(bytes(190_000))
        applied = full.apply(changes, may_warn=True)
        assert_told(applied, "No space left on device")
        written = {path.name: path.read_bytes() for path in (small_disk / "dags").glob("*.py")}
        assert len(written) == len(applied.done) < len(changes)
        assert all(content == planned.new[name] for name, content in written.items())
        assert leftovers(small_disk) == []

    def test_in_which_a_file_may_not_be_that_big(self, planned: Planned) -> None:
        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            refused(planned, "File too large")

        assert in_child(limited) == 0
        assert planned.dags() == planned.old
        assert leftovers(Path(planned.place.address)) == []

    def test_that_is_gone_since_the_plan(self, planned: Planned) -> None:
        shutil.rmtree(planned.place.address)
        applied = planned.ready.apply([each for each in planned.changes if each.action == "update"])
        assert_told(applied, "No such file or directory")


@pytest.mark.parametrize("planned_once", ["git"], indirect=True)
class TestGit:
    def test_that_declines_the_push(self, planned: Planned) -> None:
        remote = planned.place.remote
        remote.hook("pre-receive", "echo main is protected >&2; exit 1")
        try:
            refused(planned, "refused the commit on 'main'", "main is protected")
        finally:
            (remote.path / "hooks" / "pre-receive").unlink()
        assert planned.dags() == planned.old

    def test_whose_connection_is_cut(self, planned: Planned) -> None:
        remote = planned.place.remote
        remote.hook("pre-receive", "kill -9 $PPID")
        try:
            refused(planned, "hung up", "this machine can reach the host")
        finally:
            (remote.path / "hooks" / "pre-receive").unlink()
        assert planned.dags() == planned.old

    def test_that_is_on_a_full_disk(self, planned: Planned, small_disk: Path) -> None:
        remote = planned.place.remote
        shutil.copytree(remote.path, small_disk / "r.git", ignore=shutil.ignore_patterns("objects", "*.sample"))
        (small_disk / "r.git" / "objects" / "info").mkdir(parents=True)
        (small_disk / "r.git" / "objects" / "info" / "alternates").write_text(f"{remote.path}/objects\n")
        full = planned.ready.at(f"git+file://{small_disk}/r.git//dags?ref=main")
        changes = full.changes()
        room = os.statvfs(small_disk)
        (small_disk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize - 4096))
        applied = full.apply(changes)
        assert_told(applied, str(small_disk))
        assert not applied.done
        assert planned.dags() == planned.old

    def test_when_there_is_no_room_for_temporary_files(self, planned: Planned) -> None:
        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            with pytest.raises(DeployError) as caught:
                planned.ready.apply(planned.changes)
            (problem,) = caught.value.diagnostics
            assert planned.place.remote.path.name in problem.message and "\n" not in problem.message

        assert in_child(limited) == 0
        assert planned.dags() == planned.old

    def test_that_is_gone_since_the_plan(self, planned: Planned) -> None:
        remote = planned.place.remote
        away = remote.path.with_name("away.git")
        remote.path.rename(away)
        try:
            with pytest.raises(DeployError) as caught:
                planned.ready.changes()
            assert "check the address" in str(caught.value)
        finally:
            away.rename(remote.path)


def test_the_command_exits_with_1(tmp_path: Path) -> None:
    """The whole way: what the server says reaches the user, with the line of the manifest, and nothing is left."""
    from tests.faults.fleet import Fleet
    from tests.targets.repositories import make_remote

    remote = make_remote(tmp_path / "r.git")
    remote.hook("pre-receive", "echo main is protected >&2; exit 1")
    fleet = Fleet(tmp_path)
    fleet.write({0: 0}, remote.address)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [Path(sys.executable).with_name("mfdeploy"), "apply", "--yes", "--manifests", fleet.manifests],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "USER": "ada", "TMPDIR": str(temporary)},
    )
    assert done.returncode == 1
    assert "0 created, 0 updated, 0 deleted; 1 not done" in done.stdout
    assert "mfdeploy.yaml:" in done.stderr and "environments.prod.target" in done.stderr
    assert "refused the commit on 'main' (pre-receive hook declined): main is protected" in done.stderr
    assert remote.commits() == [remote.tip()]
    assert os.listdir(temporary) == []

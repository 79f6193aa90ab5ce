"""A folder target: whole files, and never over what somebody else wrote."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.models.target import MovedError, TargetError
from deployer.targets.folder import FolderTarget
from deployer.targets.folder_lock import LOCK_FILE, holding


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "dags")


def test_a_folder_that_is_not_there_is_empty_and_is_not_made_by_looking(target: FolderTarget) -> None:
    assert target.list() == {}
    assert not target.folder.exists()


def test_other_files_are_listed_by_a_pattern(target: FolderTarget) -> None:
    for file in ("a.py", ".a.x.1.json", ".a.x.json", ".A.x.2.json", "a.x.3.json"):
        target.create(file, file.encode())
    assert list(target.list(".a.x.*.json")) == [".a.x.1.json"]
    assert list(target.list()) == ["a.py"]


def test_no_half_written_file_stays_behind(target: FolderTarget) -> None:
    version = target.create("a.py", b"one")
    with pytest.raises(MovedError):
        target.replace("a.py", b"two", "another")
    with pytest.raises(MovedError):
        target.create("a.py", b"two")
    target.replace("a.py", b"two", version)
    assert os.listdir(target.folder) == ["a.py"]


def test_a_folder_that_is_called_as_a_dag_is_not_listed(target: FolderTarget) -> None:
    version = target.create("a.py", b"")
    (target.folder / "sub.py").mkdir()
    assert target.list() == {"a.py": version}


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="Not a directory"):
        FolderTarget(tmp_path / "file" / "dags").create("a.py", b"")


def test_others_may_read_what_is_written(target: FolderTarget) -> None:
    before = os.umask(0o022)
    try:
        target.create("a.py", b"")
    finally:
        os.umask(before)
    assert (target.folder / "a.py").stat().st_mode & 0o777 == 0o644


def _count_up(folder: Path, times: int) -> None:
    target = FolderTarget(folder)
    done = 0
    while done < times:
        content, version = target.read("counter.py")
        try:
            target.replace("counter.py", b"%d" % (int(content) + 1), version)
            done += 1
        except MovedError:
            continue


def test_two_at_once_lose_nothing(target: FolderTarget) -> None:
    target.create("counter.py", b"0")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_count_up, args=(target.folder, 40)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert target.read("counter.py")[0] == b"120"
    assert os.listdir(target.folder) == ["counter.py"]


@contextmanager
def unlockable(folder: Path) -> Iterator[int]:
    """A handle of a folder that the kernel refuses to lock by the very error that NFS gives for each folder."""
    handle = os.open(folder, os.O_PATH)
    try:
        yield handle
    finally:
        os.close(handle)


def _count_up_by_file(folder: Path, times: int) -> None:
    counter = folder / "counter"
    for _ in range(times):
        with unlockable(folder) as handle, holding(handle, folder):
            counter.write_text(str(int(counter.read_text()) + 1))


def test_where_a_folder_cannot_be_locked_a_file_in_it_is(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_count_up_by_file, args=(tmp_path, 200)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (tmp_path / "counter").read_text() == "600"


def test_a_lock_file_that_was_deleted_meanwhile_locks_nobody_out_and_nobody_in(tmp_path: Path) -> None:
    def open_files() -> list[Path]:
        return [path for path in Path("/proc/self/fd").iterdir() if LOCK_FILE in os.path.realpath(path)]

    def wait_for_it() -> None:
        with unlockable(tmp_path) as handle, holding(handle, tmp_path):
            held.append((tmp_path / LOCK_FILE).stat().st_ino)

    held: list[int] = []
    waiting = threading.Thread(target=wait_for_it)
    with unlockable(tmp_path) as handle, holding(handle, tmp_path):
        before = (tmp_path / LOCK_FILE).stat().st_ino
        waiting.start()
        while len(open_files()) < 2:  # the other one has opened the file, and waits
            assert waiting.is_alive()
        (tmp_path / LOCK_FILE).rename(tmp_path / "gone")
    waiting.join()
    assert held == [(tmp_path / LOCK_FILE).stat().st_ino]
    assert held != [before]


def test_the_lock_file_is_no_link_to_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / LOCK_FILE).symlink_to("elsewhere")
    with unlockable(tmp_path) as handle, pytest.raises(OSError, match="symbolic links"), holding(handle, tmp_path):
        pass

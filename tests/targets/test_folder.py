"""A folder target: whole files, and never over what somebody else wrote."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from deployer.index import index_file, read_index, update_index
from deployer.targets import MovedError, TargetError
from deployer.targets.folder import FolderTarget


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    return FolderTarget(tmp_path / "dags")


def test_a_folder_that_is_not_there_is_empty_and_is_not_made_by_looking(target: FolderTarget) -> None:
    assert target.list() == {}
    assert not target.folder.exists()


def test_create_list_read_replace_delete(target: FolderTarget) -> None:
    first = target.create("a.py", b"one")
    assert target.list() == {"a.py": first}
    assert target.read("a.py") == (b"one", first)
    second = target.replace("a.py", b"two", first)
    assert target.read("a.py") == (b"two", second)
    target.delete("a.py", second)
    assert target.list() == {}
    assert os.listdir(target.folder) == []


def test_other_files_are_listed_by_a_pattern(target: FolderTarget) -> None:
    for file in ("a.py", ".a.x.1.json", ".a.x.json", ".A.x.2.json", "a.x.3.json"):
        target.create(file, file.encode())
    assert list(target.list(".a.x.*.json")) == [".a.x.1.json"]
    assert list(target.list()) == ["a.py"]


def test_only_dag_files_are_listed(target: FolderTarget) -> None:
    target.create("a.py", b"")
    target.create(".index.json", b"")
    (target.folder / "sub.py").mkdir()
    assert list(target.list()) == ["a.py"]


def test_a_file_that_moved_is_refused_and_left_as_it_is(target: FolderTarget) -> None:
    version = target.create("a.py", b"one")
    (target.folder / "a.py").write_bytes(b"theirs")
    with pytest.raises(MovedError, match="changed since"):
        target.replace("a.py", b"ours", version)
    with pytest.raises(MovedError, match="changed since"):
        target.delete("a.py", version)
    with pytest.raises(MovedError, match="appeared"):
        target.create("a.py", b"ours")
    assert (target.folder / "a.py").read_bytes() == b"theirs"
    (target.folder / "a.py").unlink()
    with pytest.raises(MovedError, match="removed"):
        target.replace("a.py", b"ours", version)
    with pytest.raises(MovedError, match="no longer"):
        target.read("a.py")
    assert os.listdir(target.folder) == []


@pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", "b/a.py", "", "..", "."])
def test_a_name_cannot_leave_the_folder(target: FolderTarget, name: str) -> None:
    with pytest.raises(TargetError, match="plain file name"):
        target.create(name, b"")


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


def test_the_index_remembers_and_forgets(target: FolderTarget) -> None:
    assert read_index(target, "growth", "prod") == {}
    update_index(target, "growth", "prod", {"A.py": "prod/a", "B.py": "prod/b"})
    update_index(target, "growth", "prod", {"A.py": None, "C.py": "prod/c"})
    assert read_index(target, "growth", "prod") == {"B.py": "prod/b", "C.py": "prod/c"}
    assert read_index(target, "growth", "staging") == {}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"format": 9, "dags": {}}', b'{"format": 1, "dags": [1]}', b"\xff"]
)
def test_an_index_that_cannot_be_read_is_none(target: FolderTarget, content: bytes) -> None:
    target.create(index_file("growth", "prod"), content)
    assert read_index(target, "growth", "prod") == {}
    update_index(target, "growth", "prod", {"A.py": "prod/a"})
    assert read_index(target, "growth", "prod") == {"A.py": "prod/a"}

"""What every kind of target promises."""

from __future__ import annotations

import multiprocessing
import re
from dataclasses import replace

import pytest

from deployer.models.desired import Deployed
from deployer.models.target import MovedError, Target, TargetError
from deployer.state.history import delete_entries, entry_file, list_entries
from deployer.state.index import delete_index, index_file, read_index, update_index
from tests.plan import made
from tests.targets.kinds import target_at

# Whatever else starts threads in this process must not be copied into the others.
PROCESSES = multiprocessing.get_context("spawn")
RECORD = made.record_of(made.desired(), address="prod/a", name="A")


def deployed(file: str, version: str, address: str = "prod/a") -> Deployed:
    return Deployed(file, version, replace(RECORD, address=address))


def test_a_place_where_nothing_is_is_empty(target: Target) -> None:
    assert target.list() == {}
    assert target.read_many(["a.py"]) == {}


def test_create_list_read_replace_delete(target: Target) -> None:
    first = target.create("a.py", b"one")
    assert target.list() == {"a.py": first}
    assert target.read("a.py") == (b"one", first)
    second = target.replace("a.py", b"two", first)
    assert second != first
    assert target.list() == {"a.py": second}
    assert target.read("a.py") == (b"two", second)
    target.delete("a.py", second)
    assert target.list() == {}
    with pytest.raises(MovedError, match="no longer"):
        target.read("a.py")


def test_what_was_deleted_can_be_created_again(target: Target) -> None:
    target.delete("a.py", target.create("a.py", b"one"))
    version = target.create("a.py", b"one")
    assert target.read("a.py") == (b"one", version)


def test_an_empty_file_is_a_file(target: Target) -> None:
    version = target.create("a.py", b"")
    assert target.list() == {"a.py": version}
    assert target.read("a.py") == (b"", version)


def test_only_dag_files_of_this_very_place_are_listed(place: str, target: Target) -> None:
    version = target.create("a.py", b"")
    target.create(".mfdeploy.growth.prod.json", b"{}")
    target.create("notes.txt", b"")
    target_at(f"{place}/below").create("b.py", b"")
    target_at(f"{place}-beside").create("c.py", b"")
    assert target.list() == {"a.py": version}


def test_all_pages_of_a_listing_are_read(target: Target) -> None:
    versions = {f"{number:02}.py": target.create(f"{number:02}.py", b"%d" % number) for number in range(10)}
    assert target.list() == versions


def test_many_files_are_read_at_once_without_those_that_are_gone(target: Target) -> None:
    versions = {name: target.create(name, name.encode()) for name in ("a.py", "b.py", "c.py")}
    target.delete("b.py", versions["b.py"])
    assert target.read_many(["a.py", "b.py", "c.py", "d.py"]) == {
        "a.py": (b"a.py", versions["a.py"]),
        "c.py": (b"c.py", versions["c.py"]),
    }


def test_a_file_that_moved_is_refused_and_left_as_it_is(place: str, target: Target) -> None:
    version = target.create("a.py", b"one")
    target_at(place).replace("a.py", b"theirs", version)
    with pytest.raises(MovedError, match=r"a\.py.*changed since"):
        target.replace("a.py", b"ours", version)
    with pytest.raises(MovedError, match=r"a\.py.*changed since"):
        target.delete("a.py", version)
    with pytest.raises(MovedError, match=r"a\.py appeared"):
        target.create("a.py", b"ours")
    assert target.read("a.py")[0] == b"theirs"


def test_a_file_that_is_gone_is_refused_and_stays_gone(place: str, target: Target) -> None:
    version = target.create("a.py", b"one")
    target_at(place).delete("a.py", version)
    with pytest.raises(MovedError, match=r"a\.py.*(removed|changed) "):
        target.replace("a.py", b"ours", version)
    with pytest.raises(MovedError, match=r"a\.py.*removed from"):
        target.delete("a.py", version)
    assert target.list() == {}


@pytest.mark.parametrize("name", ["../a.py", "/tmp/a.py", "b/a.py", "", "..", ".", "a\nb.py"])
def test_a_name_cannot_leave_the_place(target: Target, name: str) -> None:
    for write in (
        lambda: target.create(name, b""),
        lambda: target.replace(name, b"", "1"),
        lambda: target.delete(name, "1"),
        lambda: target.read(name),
    ):
        with pytest.raises(TargetError, match="plain file name"):
            write()


@pytest.mark.parametrize("name", ["growth.test.pr-12.Ünï.py", "a b.py", "100%.py", "a+b~c@d=e.py"])
def test_any_plain_name_comes_back_as_it_is(target: Target, name: str) -> None:
    version = target.create(name, b"one")
    assert target.list() == {name: version}
    assert target.read(name) == (b"one", version)


def test_big_files_are_whole(target: Target) -> None:
    content = b"# line\n" * 2_000_000
    version = target.create("big.py", content)
    assert target.read("big.py") == (content, version)


def _count_up(place: str, times: int) -> None:
    target = target_at(place)
    done = 0
    while done < times:
        content, version = target.read("counter.py")
        try:
            target.replace("counter.py", b"%d" % (int(content) + 1), version)
            done += 1
        except MovedError:
            continue


@pytest.mark.slow
def test_processes_that_replace_one_file_lose_nothing(place: str, target: Target) -> None:
    target.create("counter.py", b"0")
    _run(_count_up, [(place, 5)] * 4)
    assert target.read("counter.py")[0] == b"20"


def _create_one(place: str, number: int, won: object) -> None:
    try:
        target_at(place).create("a.py", b"%d" % number)
        won.put(number)  # type: ignore[attr-defined]
    except MovedError:
        pass


@pytest.mark.slow
def test_of_processes_that_create_one_file_one_wins(place: str, target: Target) -> None:
    with PROCESSES.Manager() as manager:
        won = manager.Queue()
        _run(_create_one, [(place, number, won) for number in range(4)])
        assert won.qsize() == 1
        assert target.read("a.py")[0] == b"%d" % won.get()


def _note(place: str, number: int) -> None:
    file = f"{number}.py"
    target = target_at(place)
    version = target.create(file, file.encode())
    update_index(target, "growth", "prod", {file: deployed(file, version, f"prod/{number}")})


@pytest.mark.slow
def test_processes_that_write_the_index_lose_nothing(place: str, target: Target) -> None:
    _run(_note, [(place, number) for number in range(8)])
    index = read_index(target, "growth", "prod")
    assert index.remembered == {f"{number}.py": f"prod/{number}" for number in range(8)}
    for file, version in target.list().items():
        found = index.deployed(file, version)
        assert target.local or (found is not None and found.record is not None)


def _run(work: object, arguments: list[tuple[object, ...]]) -> None:
    workers = [PROCESSES.Process(target=work, args=each) for each in arguments]  # type: ignore[arg-type]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(workers)


def test_the_index_remembers_and_forgets(target: Target) -> None:
    assert read_index(target, "growth", "prod").remembered == {}
    update_index(target, "growth", "prod", {"A.py": deployed("A.py", "1"), "B.py": deployed("B.py", "1", "prod/b")})
    update_index(target, "growth", "prod", {"A.py": None, "C.py": deployed("C.py", "2", "prod/c")})
    assert read_index(target, "growth", "prod").remembered == {"B.py": "prod/b", "C.py": "prod/c"}
    assert read_index(target, "growth", "staging").remembered == {}


ENTRY = "20260101T000000000Z-abcd"


def test_a_preview_has_an_index_and_a_history_of_its_own(target: Target) -> None:
    for label in ("staging", "staging@pr_12"):
        update_index(target, "growth", label, {f"{label}.py": deployed(f"{label}.py", "1")}, owns=lambda item: True)
        target.create(entry_file("growth", label, ENTRY), b"{}")
    delete_entries(target, "growth", "staging@pr_12")
    delete_index(target, "growth", "staging@pr_12")
    assert list_entries(target, "growth", "staging") == [ENTRY]
    assert list_entries(target, "growth", "staging@pr_12") == []
    assert [*read_index(target, "growth", "staging").remembered] == ["staging.py"]
    assert read_index(target, "growth", "staging@pr_12").version is None


def test_an_index_counts_for_the_very_version_only(target: Target) -> None:
    update_index(target, "growth", "prod", {"A.py": deployed("A.py", "1")})
    index = read_index(target, "growth", "prod")
    assert index.deployed("A.py", "2") is None
    assert index.deployed("B.py", "1") is None
    assert index.deployed("A.py", "1") == (None if target.local else deployed("A.py", "1"))


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b"\xff", b'{"format": 9, "dags": {}}', b'{"format": 2, "dags": [1]}', b"[" * 100_000],
    ids=lambda content: repr(content[:20]),
)
def test_an_index_that_cannot_be_read_is_none(target: Target, content: bytes) -> None:
    target.create(index_file("growth", "prod"), content)
    assert read_index(target, "growth", "prod").entries == {}
    update_index(target, "growth", "prod", {"A.py": deployed("A.py", "1")})
    assert read_index(target, "growth", "prod").remembered == {"A.py": "prod/a"}


def test_an_index_that_was_edited_is_none(target: Target) -> None:
    update_index(target, "growth", "prod", {"A.py": deployed("A.py", "1")})
    file = index_file("growth", "prod")
    content, version = target.read(file)
    assert b"prod/a" in content
    target.replace(file, re.sub(rb"prod/a", b"prod/b", content), version)
    assert read_index(target, "growth", "prod").entries == {}

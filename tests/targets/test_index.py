"""What the index keeps of files whose reading asks a server."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from deployer.models.desired import Deployed
from deployer.models.flow import Parameter
from deployer.orchestrators.airflow import AirflowOrchestrator
from deployer.state.foreign import KnownNames, names_of_others
from deployer.state.index import Index, index_file, read_index, update_index
from deployer.targets.folder import FolderTarget
from tests.plan import made


class Remote(FolderTarget):
    """A folder that the index treats as a store far away."""

    local = False


@pytest.fixture
def target(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


def deployed(file: str, version: str, owner: str = "growth") -> Deployed:
    address = f"prod/{file.removesuffix('.py')}"
    return Deployed(file, version, made.record_of(made.desired(), owner=owner, address=address, name=file))


FOREIGN = Deployed("foreign.py", "1", None)
DAMAGED = Deployed("damaged.py", "1", None, problem="damaged.py cannot be read: it is cut off")


def test_what_an_apply_saw_is_kept_and_only_ours_is_remembered(target: Remote) -> None:
    seen = [deployed("a.py", "1"), deployed("b.py", "1", owner="sales"), FOREIGN, DAMAGED]
    update_index(target, "growth", "prod", {"c.py": deployed("c.py", "1")}, seen, read_index(target, "growth", "prod"))
    index = read_index(target, "growth", "prod")
    # A file that cannot be read is read again each time.
    assert index.deployed(DAMAGED.file, "1") is None
    for each in [*seen[:-1], deployed("c.py", "1")]:
        assert index.deployed(each.file, "1") == each
        assert index.deployed(each.file, "2") is None
    assert index.remembered == {"a.py": "prod/a", "c.py": "prod/c"}


class Counting(Remote):
    """Counts how often each file is read."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: list[list[str]] = []

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        self.reads.append(sorted(files))
        return super().read_many(self.reads[-1])


def test_what_files_of_others_define_is_read_once(tmp_path: Path) -> None:
    target = Counting(tmp_path)
    for number in range(5):
        (tmp_path / f"other{number}.py").write_text(f"from airflow import DAG\nDAG('d{number}')\n")
    seen = [Deployed(file, version, None) for file, version in sorted(target.list().items())]
    state, reader = made.site(*seen), AirflowOrchestrator()
    known: KnownNames = {}
    for _ in range(2):
        found = names_of_others(target, state, reader, known)
        assert found == {f"d{number}": f"other{number}.py" for number in range(5)}
    update_index(target, "growth", "prod", {"a.py": deployed("a.py", "1")}, seen, names=known)
    # Of what an apply noted, only that is read which has changed since.
    (tmp_path / "other3.py").write_text("DAG('new')\n")
    seen = [Deployed(file, version, None) for file, version in sorted(target.list().items())]
    index = read_index(target, "growth", "prod")
    assert index.deployed("other1.py", seen[1].version) == seen[1]
    found = names_of_others(target, made.site(*seen), reader, index.names)
    assert found == {"d0": "other0.py", "d1": "other1.py", "d2": "other2.py", "new": "other3.py", "d4": "other4.py"}
    assert target.reads == [[f"other{number}.py" for number in range(5)], [], ["other3.py"]]


def test_names_that_are_none_are_ignored() -> None:
    assert Index({"a.py": {"version": "1", "names": "x"}, "b.py": {"version": 1, "names": ["x"]}}).names == {}


def test_a_value_keeps_the_order_of_its_keys(target: Remote) -> None:
    flow = made.flow(parameters=(Parameter("p", "json", 6, default={"b": 1, "a": {"d": 2, "c": 3}}),))
    each = Deployed("a.py", "1", made.record_of(made.desired(compiled=flow)))
    update_index(target, "growth", "prod", {"a.py": each})
    update_index(target, "growth", "prod", {"b.py": deployed("b.py", "1")}, [each])
    found = read_index(target, "growth", "prod").deployed("a.py", "1")
    assert found is not None
    assert found.record is not None
    assert json.dumps(found.record.description.parameters["p"].default) == '{"b": 1, "a": {"d": 2, "c": 3}}'


def test_what_another_apply_noted_since_stays(target: Remote) -> None:
    update_index(target, "growth", "prod", {"a.py": deployed("a.py", "1"), "b.py": deployed("b.py", "1")})
    before = read_index(target, "growth", "prod")
    seen = [deployed("a.py", "1"), deployed("b.py", "1")]
    update_index(target, "growth", "prod", {"a.py": deployed("a.py", "2")}, seen, before)
    update_index(target, "growth", "prod", {"b.py": deployed("b.py", "2")}, seen, before)
    index = read_index(target, "growth", "prod")
    assert index.deployed("a.py", "2") == deployed("a.py", "2")
    assert index.deployed("b.py", "2") == deployed("b.py", "2")


def test_files_of_others_that_have_gone_are_forgotten_and_ours_are_missed(target: Remote) -> None:
    seen = [deployed("a.py", "1"), FOREIGN]
    update_index(target, "growth", "prod", {"c.py": deployed("c.py", "1")}, seen, read_index(target, "growth", "prod"))
    before = read_index(target, "growth", "prod")
    update_index(target, "growth", "prod", {"c.py": None}, [deployed("c.py", "1")], before)
    index = read_index(target, "growth", "prod")
    assert index.remembered == {"a.py": "prod/a"}
    assert index.deployed("foreign.py", "1") is None


def test_an_index_that_says_the_same_is_not_written_again(target: Remote) -> None:
    update_index(target, "growth", "prod", {"a.py": deployed("a.py", "1")})
    written = (target.folder / index_file("growth", "prod")).stat().st_mtime_ns
    update_index(target, "growth", "prod", {"a.py": deployed("a.py", "1")})
    assert (target.folder / index_file("growth", "prod")).stat().st_mtime_ns == written


def fleet(version: str, **others: str) -> list[Deployed]:
    """A hundred files of one version, some of another one."""
    return [deployed(f"{name}.py", others.get(name, version)) for name in (f"dag{number:02}" for number in range(100))]


def test_a_few_updates_of_many_are_not_noted(target: Remote) -> None:
    update_index(target, "growth", "prod", {each.file: each for each in fleet("1")})
    written = target.read(index_file("growth", "prod"))
    for _ in range(10):  # one after the other, each with the same index before it
        before = read_index(target, "growth", "prod")
        update_index(target, "growth", "prod", {"dag00.py": deployed("dag00.py", "2")}, fleet("1"), before)
    assert target.read(index_file("growth", "prod")) == written
    assert read_index(target, "growth", "prod").deployed("dag00.py", "2") is None


def test_more_than_a_few_updates_are_noted_even_where_each_apply_made_few(target: Remote) -> None:
    update_index(target, "growth", "prod", {each.file: each for each in fleet("1")})
    moved = {f"dag{number:02}": "2" for number in range(10)}
    seen = fleet("1", **moved)
    before = read_index(target, "growth", "prod")
    update_index(target, "growth", "prod", {"dag50.py": deployed("dag50.py", "3")}, seen, before)
    index = read_index(target, "growth", "prod")
    assert index.deployed("dag50.py", "3") == deployed("dag50.py", "3")
    assert index.deployed("dag00.py", "2") == deployed("dag00.py", "2")


@pytest.mark.parametrize("change", [deployed("new.py", "1"), None])
def test_what_is_ours_is_noted_at_once(target: Remote, change: Deployed | None) -> None:
    update_index(target, "growth", "prod", {each.file: each for each in fleet("1")})
    before = read_index(target, "growth", "prod")
    file = change.file if change else "dag00.py"
    update_index(target, "growth", "prod", {file: change}, fleet("1"), before)
    assert (file in read_index(target, "growth", "prod").remembered) is (change is not None)


def test_an_index_that_is_not_there_is_written_whatever_has_changed(target: Remote) -> None:
    before = read_index(target, "growth", "prod")
    update_index(target, "growth", "prod", {"dag00.py": deployed("dag00.py", "2")}, fleet("1"), before)
    assert len(read_index(target, "growth", "prod").remembered) == 100

"""A file of a store that somebody writes while it is being deleted: it stays, and who deletes it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deployer.models.target import MovedError, Target
from tests.history.applying import AppliedFolder
from tests.targets.kinds import KINDS, target_at
from tests.targets.wire import Answer, Wire, wire_to

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "STORAGE_EMULATOR_HOST", "AZURE_STORAGE_ENDPOINT")
MARK = b"\n# mfdeploy is deleting this file.\n"
REFUSED = Answer(501, "NotImplemented", "A header you provided implies functionality that is not implemented")


@dataclass(frozen=True)
class Store:
    """An empty place in a store that is reached through a proxy, and another way to it that is not."""

    wire: Wire
    place: str
    direct: Mapping[str, str] = field(repr=False)

    def other(self) -> Target:
        """The target for somebody else."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.direct.items():
                patch.setenv(name, value)
            target = target_at(self.place)
            target.list()  # it connects here
            return target

    def meanwhile(self, act: Callable[[], object], answer: Answer | None = None) -> None:
        """Do this once, before the store gets the first request that removes a file; it is given that answer."""
        once = threading.Lock()

        def spoil(method: str, path: str) -> Answer | None:
            removes = method == "DELETE" or (method == "POST" and "delete" in path)
            if removes and once.acquire(blocking=False):
                act()
                return answer
            return None

        self.wire.spoilers.append(spoil)


@pytest.fixture(scope="module", params=["s3", "gcs", pytest.param("azure", marks=pytest.mark.slow)])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with KINDS[request.param](tmp_path_factory.mktemp("server")) as server:
        [name] = set(ENDPOINTS) & set(server.variables)
        address = server.variables[name]
        with wire_to(address) as wire, pytest.MonkeyPatch.context() as patch:
            path = address.removeprefix("http://").partition("/")[2]
            for variable, value in {**server.variables, name: f"{wire.url}/{path}".rstrip("/")}.items():
                patch.setenv(variable, value)
            yield Store(wire, server.new_place(), server.variables)


@pytest.fixture
def store(served: Store, request: pytest.FixtureRequest) -> Store:
    served.wire.spoilers.clear()
    served.wire.requests.clear()
    name = request.node.name.replace("[", "-").replace("]", "")
    return Store(served.wire, f"{served.place}-{name}", served.direct)


def overwrite(target: Target) -> None:
    content, version = target.read("a.py")
    assert content.endswith(MARK)
    target.replace("a.py", b"theirs", version)


def test_who_writes_it_between_the_two_steps_keeps_it(store: Store) -> None:
    target, other = target_at(store.place), store.other()
    version = target.create("a.py", b"ours")
    store.meanwhile(lambda: overwrite(other))
    with pytest.raises(MovedError, match=r"a\.py in .* was changed"):
        target.delete("a.py", version)
    assert other.read("a.py")[0] == b"theirs"


def test_who_removes_it_first_is_no_trouble(store: Store) -> None:
    target, other = target_at(store.place), store.other()
    version = target.create("a.py", b"ours")
    store.meanwhile(lambda: other.delete("a.py", other.list()["a.py"]))
    target.delete("a.py", version)
    assert other.list() == {}


@pytest.mark.parametrize("answer", [REFUSED, Answer(403, "AccessDenied"), Answer(400, "InvalidArgument")])
def test_a_store_that_refuses_the_condition_is_asked_without_it(store: Store, answer: Answer) -> None:
    """What is there is compared right before, and the store is not asked that way again."""
    target, other = target_at(store.place), store.other()
    versions = {name: target.create(name, b"ours") for name in ("a.py", "b.py")}
    store.meanwhile(lambda: overwrite(other), answer)
    with pytest.raises(MovedError, match=r"a\.py in .* was changed"):
        target.delete("a.py", versions["a.py"])
    assert other.read("a.py")[0] == b"theirs"
    target.delete("b.py", versions["b.py"])
    assert list(other.list()) == ["a.py"]
    assert len(store.wire.seen("DELETE", "/b.py")) <= 1


def test_of_a_delete_whose_answer_was_lost_nothing_is_left(store: Store) -> None:
    target = target_at(store.place)
    version = target.create("a.py", b"ours")
    store.wire.spoil(1, Answer(503, "SlowDown", after=True), "DELETE")
    target.delete("a.py", version)
    assert target.list() == {}
    assert len(store.wire.seen("DELETE", "/a.py")) == 2


@pytest.mark.parametrize("served", ["s3"], indirect=True)
def test_of_two_applies_none_loses_its_dag(store: Store, tmp_path: Path) -> None:
    """The one deletes `score`, whose file the other one updates before it is gone."""

    @dataclass
    class Applier(AppliedFolder):
        to: Target | None = None

        @property
        def target(self) -> Target:  # type: ignore[override]
            assert self.to is not None
            return self.to

    first = Applier(tmp_path / "first", to=target_at(store.place))
    second = Applier(tmp_path / "second", minute=10, to=store.other())
    first.apply(train="0 1 * * *", score="0 1 * * *")
    store.meanwhile(lambda: second.apply(by="grace", train="0 1 * * *", score="0 2 * * *"))
    first.apply(train="0 1 * * *")
    entries = {entry.applied_by: entry for entry in first.entries()[:2]}
    (theirs,), (ours,) = entries["grace"].changes, entries["ada"].changes
    assert (theirs.address, theirs.action, theirs.outcome) == ("prod/score", "update", "done")
    assert (ours.address, ours.action, ours.outcome) == ("prod/score", "delete", "failed")
    assert "was changed" in ours.message
    assert b"0 2 * * *" in second.target.read("Score.py")[0]
    assert {change.address: change.action for change in second.plan({"train": "0 1 * * *"}).plan.pending} == {
        "prod/score": "delete"
    }

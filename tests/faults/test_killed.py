"""An apply that is killed, wherever that is: each DAG is the old one or the new one, and the next plan is the rest."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

from deployer.commands.apply import Permissions, execute
from tests.faults.conftest import Planned
from tests.faults.fleet import Killer, Watched, in_child
from tests.faults.places import GitPlace, leftovers

# Each step of an apply is tried with MFDEPLOY_ALL_FAULTS=1, else every third and the first and last ones.
ALL = bool(os.environ.get("MFDEPLOY_ALL_FAULTS"))
KILLED = -signal.SIGKILL


def check(planned: Planned) -> int:
    """What must hold after a kill; then the rest is applied. Returns how many changes were done by then."""
    now = planned.dags()
    for name in {*planned.old, *planned.new, *now}:
        assert now.get(name) in (planned.old.get(name), planned.new.get(name)), name
    pending = planned.ready.prepared.planning.plan.pending
    open_ones = {(each.address, each.action) for each in pending if now.get(each.file) != planned.new.get(each.file)}
    rest = planned.ready.changes()
    assert {(each.address, each.action) for each in rest} == open_ones
    applied = planned.ready.apply(rest)
    assert {(each.address, each.action) for each, _ in applied.done} == open_ones
    assert planned.dags() == planned.new
    assert planned.ready.changes() == []
    return len(pending) - len(open_ones)


def chosen(count: int) -> list[int]:
    return [n for n in range(count) if ALL or n % 3 == 0 or n < 5 or n > count - 5]


def count_events(planned: Planned) -> int:
    """How many events an undisturbed apply has."""
    reader, writer = os.pipe()

    def counted() -> None:
        killer = Killer(-1, planned.place.tries)
        sys.addaudithook(killer)
        planned.ready.apply()
        os.write(writer, str(killer.seen).encode())

    assert in_child(counted) == 0
    os.close(writer)
    with os.fdopen(reader) as stream:
        return int(stream.read())


def test_at_each_step(planned: Planned) -> None:
    count = count_events(planned)
    assert count >= (8 if isinstance(planned.place, GitPlace) else 80)

    def killed(at: int) -> None:
        sys.addaudithook(Killer(at, planned.place.tries))
        planned.ready.apply()

    done = []
    for at in chosen(count):
        planned.place.restore(planned.start)
        assert in_child(lambda at=at: killed(at)) == KILLED
        done.append(check(planned))
    assert done == sorted(done), "what was done once stays done"
    assert done[0] == 0 and done[-1] == 20
    if isinstance(planned.place, GitPlace):
        assert set(done) == {0, 20}, "one commit: all or nothing"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_at_each_write(planned: Planned, after: bool) -> None:
    tried = 0
    for at in itertools.count():
        planned.place.restore(planned.start)
        code = in_child(lambda at=at: planned.ready.apply(wrap=lambda target: Watched(target, at, after)) and 0)
        if code == 0:
            break
        assert code == KILLED
        if at in chosen(22):
            check(planned)
        tried += 1
    assert tried == 22  # the changes, the index, and the end of publishing


def test_while_packages_are_stored(planned: Planned) -> None:
    """Nothing is at the target yet, and what is in the datastore is whole."""
    for at in (1, 9):
        planned.place.restore(planned.start)
        kill = Killer(at, lambda event, arguments: True)
        prepared = planned.ready.prepared
        assert in_child(lambda kill=kill: execute(prepared, Permissions(), lambda text: kill(text, ()))) == KILLED
        assert planned.dags() == planned.old
    for path in packages(planned.folder / "build" / "metaflow"):
        assert hashlib.sha1(path.read_bytes()).hexdigest() == path.name
    check(planned)


def packages(datastore: Path) -> list[Path]:
    found = [path for path in datastore.rglob("data/*/*") if len(path.name) == 40]
    assert found
    return found


def test_and_what_it_left_is_cleaned_by_the_next(planned: Planned) -> None:
    if isinstance(planned.place, GitPlace):
        pytest.skip("a push leaves nothing in the repository but its commit")
    renames = Killer(7, lambda event, arguments: event == "os.rename")

    def killed() -> None:
        sys.addaudithook(renames)
        planned.ready.apply()

    assert in_child(killed) == KILLED
    assert leftovers(planned.folder / "dags") != []
    check(planned)
    assert leftovers(planned.folder / "dags") == []


@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
def test_while_the_server_takes_the_commit(planned: Planned, hook: str) -> None:
    """The push may end without us: then all of the changes are there, else none."""
    if not isinstance(planned.place, GitPlace):
        pytest.skip("only a push ends without us")
    remote = planned.place.remote
    file = planned.folder / "pid"
    remote.hook(hook, f"kill -9 $(cat {file})")

    def killed() -> None:
        file.write_text(str(os.getpid()))
        planned.ready.apply()

    try:
        assert in_child(killed) == KILLED
    finally:
        (remote.path / "hooks" / hook).unlink()
    # The push that goes on by itself holds a lock on the branch until it has ended.
    remote.wait_until_quiet()
    assert check(planned) in (0, 20)

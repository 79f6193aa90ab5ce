"""An apply that is killed, wherever that is: each DAG is the old one or the new one, and the next plan is the rest."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest

from deployer.commands.apply import Permissions, execute
from tests.contexts import context
from tests.faults.conftest import Planned
from tests.faults.fleet import Fleet, Killer, Watched, computed, in_child
from tests.faults.places import GitPlace, leftovers

# Each step of an apply is tried with MFDEPLOY_ALL_FAULTS=1, else every third and the first and last ones.
ALL = bool(os.environ.get("MFDEPLOY_ALL_FAULTS"))
KILLED = -signal.SIGKILL
DELETING = b"\n# mfdeploy is deleting this file.\n"
# Twenty changes, the index, the entry of the history, and publishing, which writes nothing where all is written.
WRITES = 23
SOME = {"folder": range(0, 24, 2), "git": (0, 8, 20, 21, 22), "s3": (0, 19, 21)}


def check(planned: Planned) -> int:
    """What must hold after a kill; then the rest is applied. Returns how many changes were done by then."""
    now = planned.dags()
    for name in {*planned.old, *planned.new, *now}:
        old, new = planned.old.get(name), planned.new.get(name)
        # Others were at work when one was killed; a store deletes in two steps (docs/targets.md).
        deleting = old is not None and new is None and now.get(name) == old + DELETING
        assert now.get(name) in (old, new) or deleting, name
    pending = planned.changes
    open_ones = {(each.address, each.action) for each in pending if now.get(each.file) != planned.new.get(each.file)}
    rest = computed(planned.ready.changes)
    assert {(each.address, each.action) for each in rest} == open_ones
    done = computed(lambda: [each for each, _ in planned.ready.apply(rest).done])
    assert {(each.address, each.action) for each in done} == open_ones
    assert planned.dags() == planned.new
    assert computed(planned.ready.changes) == []
    return len(pending) - len(open_ones)


def chosen(count: int) -> list[int]:
    return [n for n in range(count) if ALL or n % 3 == 0 or n < 5 or n > count - 5]


def count_events(planned: Planned) -> int:
    """How many events an undisturbed apply has."""
    reader, writer = os.pipe()

    def counted() -> None:
        killer = Killer(-1, planned.place.tries)
        sys.addaudithook(killer)
        planned.ready.apply(planned.changes)
        os.write(writer, str(killer.seen).encode())

    assert in_child(counted) == 0
    os.close(writer)
    with os.fdopen(reader) as stream:
        return int(stream.read())


@pytest.mark.parametrize("planned_once", ["folder", "git"], indirect=True)
def test_at_each_step(planned: Planned) -> None:
    count = count_events(planned)
    assert count >= (8 if isinstance(planned.place, GitPlace) else 80)

    def killed(at: int) -> None:
        sys.addaudithook(Killer(at, planned.place.tries))
        planned.ready.apply(planned.changes)

    done = []
    for at in chosen(count):
        planned.place.restore(planned.start)
        assert in_child(partial(killed, at)) == KILLED
        done.append(check(planned))
    assert done == sorted(done), "what was done once stays done"
    assert done[0] == 0 and done[-1] == 20
    if isinstance(planned.place, GitPlace):
        assert set(done) == {0, 20}, "one commit: all or nothing"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_at_each_write(planned: Planned, after: bool) -> None:

    def killed(at: int) -> None:
        planned.ready.apply(planned.changes, lambda target: Watched(target, at, after))

    for at in range(WRITES + 1) if ALL else SOME[planned.place.kind]:
        planned.place.restore(planned.start)
        code = in_child(partial(killed, at))
        assert code == (KILLED if at < WRITES else 0), at
        check(planned)


def test_while_packages_are_stored(tmp_path: Path) -> None:
    """Nothing is at the target yet, and what is in the datastore is whole."""
    fleet = Fleet(tmp_path)
    prepared = fleet.plan(dict.fromkeys(range(4), 0))
    for at in (1, 3):
        kill = Killer(at, lambda event, arguments: True)
        interrupting = context(progress=lambda *stage, kill=kill: kill(str(stage), ()))
        code = in_child(lambda interrupting=interrupting: execute(prepared, Permissions(), interrupting))
        assert code == KILLED
        assert not fleet.target.exists()
    stored = [path for path in (tmp_path / "build").rglob("data/*/*") if len(path.name) == 40]
    assert [path.name for path in stored if hashlib.sha1(path.read_bytes()).hexdigest() != path.name] == []
    execute(prepared, Permissions(), context())
    assert sorted(path.name for path in fleet.target.glob("*.py")) == [f"Many{n}.py" for n in range(4)]


@pytest.mark.parametrize("planned_once", ["folder"], indirect=True)
def test_and_what_it_left_is_cleaned_by_the_next(planned: Planned) -> None:
    renames = Killer(7, lambda event, arguments: event == "os.rename")

    def killed() -> None:
        sys.addaudithook(renames)
        planned.ready.apply(planned.changes)

    assert in_child(killed) == KILLED
    assert leftovers(planned.folder / "dags") != []
    check(planned)
    assert leftovers(planned.folder / "dags") == []


@pytest.mark.parametrize("planned_once", ["git"], indirect=True)
@pytest.mark.parametrize("hook", ["pre-receive", "post-receive"])
def test_while_the_server_takes_the_commit(planned: Planned, hook: str) -> None:
    """The push goes on without us: all of the changes are there."""
    assert isinstance(planned.place, GitPlace)
    remote = planned.place.remote
    file, done = planned.folder / "pid", planned.folder / f"done-{hook}"
    os.mkfifo(done)
    scripts = {"pre-receive": "true", "post-receive": f"echo > {done}"}
    for name, script in scripts.items():
        remote.hook(name, f"kill -9 $(cat {file}); {script}" if name == hook else script)

    def killed() -> None:
        file.write_text(str(os.getpid()))
        planned.ready.apply(planned.changes)

    try:
        assert in_child(killed) == KILLED
        done.read_text()  # the push has gone on by itself, until here
    finally:
        for name in scripts:
            (remote.path / "hooks" / name).unlink()
    assert check(planned) == 20

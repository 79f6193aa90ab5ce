"""Eight applies at once, over and over: no change is lost, losers say what moved, and nothing is left behind."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deployer.models.digest import digest_text
from deployer.models.plan import Action, Change
from deployer.models.record import Provenance
from deployer.models.target import Target
from deployer.orchestrators.airflow.record import write
from deployer.state.index import index_file
from deployer.targets.registry import open_target
from deployer.vcs.git import Git
from tests.faults.conftest import Planned
from tests.faults.fleet import computed, ended, start
from tests.faults.places import GitPlace, leftovers
from tests.plan import made

PROCESSES = 8
NOW = "2026-01-01T00:00:00+00:00"
# Rounds of eight applies each; a commit is some ten processes of git. More with MFDEPLOY_ALL_FAULTS=1.
ALL = bool(os.environ.get("MFDEPLOY_ALL_FAULTS"))
ROUNDS = {"folder": 200, "git": 25, "s3": 25} if ALL else {"folder": 10, "git": 1, "s3": 2}


@dataclass(frozen=True)
class Outcome:
    """What one of the processes reports: files that it wrote or deleted, and messages by file that it could not."""

    done: Sequence[str]
    failed: dict[str, str]
    not_done: Sequence[str]


def rounds(planned: Planned) -> int:
    return ROUNDS[planned.place.kind]


def changed(planned: Planned, action: Action, number: int, version: str | None) -> Change:
    """A change of the DAG file of this number, made of one that was planned."""
    some = planned.changes[0]
    return replace(some, action=action, file=f"Many{number}.py", address=f"prod/many{number}", version=version)


def versions(planned: Planned) -> dict[str, str]:
    [environment] = planned.ready.prepared.context.environments.values()
    return computed(lambda: dict(open_target(environment, os.environ, Git(os.environ)).list()))  # type: ignore[no-any-return]


def race(planned: Planned, work: Callable[[int], tuple[list[Change], bytes]]) -> list[Outcome]:
    """Each process gets its changes and the content that it writes; all begin when all have looked at the target."""
    reader, writer = os.pipe()
    out = Path(tempfile.mkdtemp(dir=planned.folder))

    def begin(target: Target) -> Target:
        target.list()
        os.close(writer)
        os.read(reader, 1)
        return target

    def one(number: int) -> None:
        changes, text = work(number)
        content = {("prod", change.file): text for change in changes}
        applied = replace(planned.ready, content=content).apply(changes, begin)
        report = {
            "done": [change.file for change, _ in applied.done],
            "failed": {change.file: message for change, message in applied.failed},
            "not_done": [change.file for change in applied.not_done],
        }
        (out / str(number)).write_text(json.dumps(report))

    children = [start(lambda number=number: one(number)) for number in range(PROCESSES)]
    os.close(writer)
    os.close(reader)
    assert [ended(child) for child in children] == [0] * PROCESSES
    return [Outcome(**json.loads((out / str(number)).read_text())) for number in range(PROCESSES)]


def test_different_changes_all_arrive(planned: Planned) -> None:
    planned.place.restore(planned.start)
    for turn in range(rounds(planned)):
        known = versions(planned)

        def work(number: int, known: dict[str, str] = known, turn: int = turn) -> tuple[list[Change], bytes]:
            toggled = known.get(f"Many{300 + number}.py")
            changes = [
                changed(planned, "update", number, known[f"Many{number}.py"]),
                changed(planned, "delete" if toggled else "create", 300 + number, toggled),
            ]
            return changes, text(turn, number)

        outcomes = race(planned, work)
        assert [(len(each.done), each.failed, each.not_done) for each in outcomes] == [(2, {}, [])] * PROCESSES
        now = planned.dags()
        for number in range(PROCESSES):
            assert now[f"Many{number}.py"] == text(turn, number)
            assert now.get(f"Many{300 + number}.py") == (None if turn % 2 else text(turn, number))
        noted = json.loads(planned.place.files()[index_file("growth", "prod")])["dags"]
        assert [name for name in noted if name.startswith("Many30")] == (
            [] if turn % 2 else [f"Many{300 + number}.py" for number in range(PROCESSES)]
        )
    assert leftovers(planned.folder) == []


def test_one_wins_and_the_others_say_what_moved(planned: Planned) -> None:
    planned.place.restore(planned.start)
    is_git = isinstance(planned.place, GitPlace)
    for turn in range(rounds(planned)):
        known = versions(planned)

        def work(number: int, known: dict[str, str] = known, turn: int = turn) -> tuple[list[Change], bytes]:
            shared = changed(planned, "update", 9, known["Many9.py"])
            return [changed(planned, "update", number, known[f"Many{number}.py"]), shared], text(turn, number)

        outcomes = race(planned, work)
        [winner] = [number for number, each in enumerate(outcomes) if "Many9.py" in each.done]
        now = planned.dags()
        assert now["Many9.py"] == text(turn, winner)
        for number, each in enumerate(outcomes):
            own = f"Many{number}.py"
            if number == winner:
                assert (list(each.done), each.failed) == ([own, "Many9.py"], {})
            else:
                assert list(each.failed) == ["Many9.py"] and "was changed" in each.failed["Many9.py"]
                # A commit is made of all changes or of none.
                assert (list(each.done), list(each.not_done)) == (([], [own]) if is_git else ([own], []))
            assert (now[own] == text(turn, number)) is (own in each.done)
            if is_git and number != winner:
                assert "was changed by " in each.failed["Many9.py"] and "(ada <ada@" in each.failed["Many9.py"]
    assert leftovers(planned.folder) == []


def text(turn: int, number: int) -> bytes:
    """A DAG file of the project: an index forgets files that are not its project's once they are gone."""
    body = f"# turn {turn}, process {number}\n"
    provenance = Provenance("ada", NOW, None, "0.1.0")
    record = made.record_of(
        made.desired(),
        address=f"prod/many{number}",
        name=f"Many{number}",
        body_digest=digest_text(body),
        since=NOW,
        provenance=provenance,
    )
    return write(body, record).encode()


@pytest.fixture(autouse=True)
def emptied(planned: Planned) -> None:
    """Without what tests of killed processes left in the folder for temporary files."""
    for path in sorted((planned.folder / "tmp").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

"""A fleet that is deployed and a plan of twenty changes to it, compiled once and planned for each kind of target."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.models.plan import Change
from tests.faults.fleet import Fleet, Ready, computed, in_child
from tests.faults.places import PLACES, Place

DEPLOYED = dict.fromkeys(range(14), 0)
# Deletes 0 to 3, updates 4 to 11, leaves 12 and 13, creates 14 to 21.
PLANNED = {**dict.fromkeys(range(4, 12), 1), 12: 0, 13: 0, **dict.fromkeys(range(14, 22), 0)}


@dataclass(frozen=True)
class Planned:
    """Twenty changes that are planned. `old` and `new`: the DAG files before, and after an undisturbed apply."""

    folder: Path
    place: Place
    ready: Ready
    changes: Sequence[Change]
    start: object
    old: dict[str, bytes]
    new: dict[str, bytes]

    def dags(self) -> dict[str, bytes]:
        """The DAG files that are there now."""
        return dags(self.place)


def dags(place: Place) -> dict[str, bytes]:
    return {name: content for name, content in place.files().items() if name.endswith(".py")}


@pytest.fixture(scope="session", autouse=True)
def unconfigured() -> Iterator[None]:
    """Git without the configuration of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def signals_of_a_terminal() -> Iterator[None]:
    """As a shell starts a command: in the background it has SIGINT ignored, and `nohup` SIGHUP, with all they start."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    ignored = [number for number, handler in before.items() if handler is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ready, Ready]:
    """What is deployed first, and what is planned then."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    return fleet.apply(DEPLOYED), fleet.apply(PLANNED)


@pytest.fixture(scope="session", params=list(PLACES))
def planned_once(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, compiled: tuple[Ready, Ready]
) -> Iterator[Planned]:
    folder = tmp_path_factory.mktemp(request.param)
    with PLACES[request.param](folder) as place:
        first, second = (each.at(place.address) for each in compiled)
        assert in_child(lambda: first.apply(first.changes())) == 0
        start, old = place.save(), dags(place)
        changes = computed(second.changes)
        assert [change.action for change in changes].count("update") == 8
        assert len(changes) == 20
        assert in_child(lambda: second.apply(changes)) == 0
        new = dags(place)
        assert new == {name: content for (_, name), content in second.content.items()}
        yield Planned(folder, place, second, changes, start, old, new)


@pytest.fixture
def planned(planned_once: Planned) -> Iterator[Planned]:
    """The plan, with the target as it was when it was made; temporary files where the test can look at them."""
    planned_once.place.restore(planned_once.start)
    temporary = planned_once.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(temporary)
    yield planned_once
    tempfile.tempdir = before

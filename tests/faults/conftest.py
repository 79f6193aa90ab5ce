"""A fleet that is deployed and a plan of twenty changes to it, made once for each kind of target."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, Ready, in_child, ready
from tests.faults.places import PLACES, Place

DEPLOYED = dict.fromkeys(range(14), 0)
# Deletes 0 to 3, updates 4 to 11, leaves 12 and 13, creates 14 to 21.
PLANNED = {**dict.fromkeys(range(4, 12), 1), 12: 0, 13: 0, **dict.fromkeys(range(14, 22), 0)}


@dataclass(frozen=True)
class Planned:
    """Twenty changes that are planned. `old` and `new`: the DAG files before, and after an undisturbed apply."""

    folder: Path
    place: Place
    fleet: Fleet
    ready: Ready
    start: object
    old: dict[str, bytes]
    new: dict[str, bytes]

    def dags(self) -> dict[str, bytes]:
        """The DAG files that are there now."""
        return dags(self.place)


def dags(place: Place) -> dict[str, bytes]:
    return {name: content for name, content in place.files().items() if name.endswith(".py")}


@pytest.fixture(scope="session", params=list(PLACES))
def planned_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planned:
    folder = tmp_path_factory.mktemp(request.param)
    place = PLACES[request.param](folder)
    fleet = Fleet(folder / "manifests", place.address)
    fleet.write(DEPLOYED)
    fleet.apply()
    fleet.write(PLANNED)
    start, old = place.save(), dags(place)
    made = ready(fleet, place.files, lambda: place.restore(start))
    assert len(made.prepared.planning.plan.pending) == 20
    assert in_child(made.apply) == 0
    new = dags(place)
    assert sorted(new) == sorted(f"Many{n}.py" for n in PLANNED)
    return Planned(folder, place, fleet, made, start, old, new)


@pytest.fixture
def planned(planned_once: Planned) -> Iterator[Planned]:
    """The plan, with the target as it was when it was made; temporary files where the test can look at them."""
    planned_once.place.restore(planned_once.start)
    temporary = planned_once.folder / "tmp"
    temporary.mkdir(exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(temporary)
    yield planned_once
    tempfile.tempdir = before

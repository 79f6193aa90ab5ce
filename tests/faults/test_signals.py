"""Signals at random points of every command that changes something, at each kind of target, and what is left then."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer.orchestrators.airflow.record import read
from tests.e2e.project import Project
from tests.faults.conftest import dags
from tests.faults.fleet import Fleet
from tests.faults.places import PLACES, Place, leftovers
from tests.faults.processes import MARK, outlived
from tests.faults.test_killed import DELETING

SOME = {"folder": 4, "git": 2, "s3": 2}
ALL = 200 if os.environ.get("MFDEPLOY_ALL_FAULTS") else 0
ROUNDS = {place: ALL or int(os.environ.get("MFDEPLOY_SIGNAL_ROUNDS", few)) for place, few in SOME.items()}
SEED = int(os.environ.get("MFDEPLOY_SIGNAL_SEED", "1"))
SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT", "SIGKILL", "SIGPIPE")
DEPLOYED, CHANGED, WANTED = dict.fromkeys(range(4), 0), dict.fromkeys(range(4), 1), {1: 2, 2: 2, 3: 1, 4: 0, 5: 0}
DRIVER = [sys.executable, "-m", "tests.faults.driver"]
HISTORY = ".mfdeploy.growth.prod.2"  # with the first digit of a year: the index has none


@dataclass
class Field:
    """A target with a history of two applies, and manifests that ask for other DAGs."""

    fleet: Fleet
    place: Place
    moments: dict[str, int] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        return str(self.fleet.folder)

    @property
    def temporary(self) -> Path:
        return self.fleet.folder.parent / "tmp"

    def run(self, command: str, at: int = 0, by: str = "SIGINT") -> subprocess.CompletedProcess[str]:
        self.temporary.mkdir(exist_ok=True)
        project = Project(self.fleet.folder, self.fleet.folder.parent / "home", variables={})
        aws = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "GIT_CONFIG"))}
        environ = {
            **project.environ(),
            **aws,
            "TMPDIR": str(self.temporary),
            MARK: self.mark,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        words = [*DRIVER, str(at), by, *command.split(), "--env", "prod", "--manifests", str(self.fleet.manifests)]
        return subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)

    def do(self, command: str, at: int = 0) -> str:
        done = self.run(command, at)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commands(self) -> list[str]:
        """Those that are tried. The rollback restores what the first apply has deployed."""
        first = min(name for name in self.place.files() if name.startswith(HISTORY))
        entry = first.removeprefix(".mfdeploy.growth.prod.").removesuffix(".json")
        return [
            "plan",
            "apply --yes",
            f"rollback {entry} --yes --allow-mass-change",
            "destroy --yes --allow-mass-change",
        ]

    def moment(self, command: str, chance: random.Random) -> int:
        """A random moment of a command, half of the time near its end: most of a command is imports."""
        word = command.split()[0]
        if word not in self.moments:
            saved = self.place.save()
            self.moments[word] = int(self.do(command, -1).split()[-1])
            self.place.restore(saved)
        total = self.moments[word]
        return chance.randint(1 if chance.random() < 0.5 else total * 3 // 4, total)

    def entries(self) -> dict[str, Any]:
        return {name: json.loads(text) for name, text in self.place.files().items() if name.startswith(HISTORY)}


# A round takes seconds, and each place needs several: a plain run has those of a folder.
@pytest.fixture(params=list(PLACES) if ALL or "MFDEPLOY_SIGNAL_ROUNDS" in os.environ else ["folder"])
def ready(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Field]:
    with PLACES[request.param](tmp_path / "place") as place:
        made = Field(Fleet(tmp_path / "project"), place)
        for numbers in (DEPLOYED, CHANGED):
            made.fleet.write(numbers, place.address)
            made.do("apply --yes")
        made.fleet.write(WANTED, place.address)
        yield made


def test_at_random_points(ready: Field) -> None:
    chance = random.Random(SEED)
    saved, before, known = ready.place.save(), dags(ready.place), ready.entries()
    commands = ready.commands()
    for turn in range(ROUNDS[ready.place.kind]):
        # Each command, and each signal, as often as the others.
        command, by = commands[(turn + 1) % len(commands)], SIGNALS[(turn + SEED) % len(SIGNALS)]
        at = ready.moment(command, chance)
        ready.place.restore(saved)
        done = ready.run(command, at, by)
        where = (turn, command, by, at, done)
        assert outlived(ready.mark) == {}, where
        assert done.returncode in ((-signal.SIGKILL, 0) if by == "SIGKILL" else (0, 130)), where
        # What Python raises where nobody can catch it, in a callback of the garbage collector, it says itself.
        assert "Traceback" not in done.stderr.partition("Exception ignored in")[0], where
        assert by != "SIGPIPE" or done.returncode == 0, where
        now = dags(ready.place)
        killed = done.returncode == -signal.SIGKILL
        assert_whole(before, now, killed, where)
        changed = {name for name in {*before, *now} if before.get(name) != now.get(name)}
        assert command != "plan" or not changed, where
        assert_told(ready, known, changed, now, killed, where)
        if killed:
            for path in ready.temporary.iterdir():
                subprocess.run(["rm", "-r", str(path)], check=True)
        else:
            assert list(ready.temporary.iterdir()) == [], where
            assert leftovers(ready.fleet.folder.parent / "place") == [], where


def assert_whole(before: Mapping[str, bytes], now: Mapping[str, bytes], killed: bool, where: object) -> None:
    """Each DAG is one that was deployed, or a complete new one. A store deletes in two steps (docs/targets.md)."""
    for name, content in now.items():
        if content != before.get(name) and not (killed and content == before.get(name, b"") + DELETING):
            found = read(content.decode())
            assert found is not None and found[1], (name, where)


def assert_told(
    ready: Field, known: Mapping[str, Any], changed: set[str], now: Mapping[str, bytes], killed: bool, where: object
) -> None:
    """The history has what was done. After a kill, what is deployed and in no entry is told by the next `history`."""
    new = [entry for name, entry in ready.entries().items() if name not in known]
    recorded = {change["file"] for entry in new for change in entry["changes"] if change["outcome"] == "done"}
    if not killed:
        assert recorded == changed, where
    elif written := {name for name in changed - recorded if name in now and not now[name].endswith(DELETING)}:
        told = json.loads(ready.do("history --format json"))["unrecorded"]
        assert {f"{each['name']}.py" for each in told} == written, where

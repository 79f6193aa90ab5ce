"""Many small DAGs of one flow file, planned once; what an apply of them is given, and a process to apply them in."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.applier import Applied, apply_changes
from deployer.commands.apply import Permissions, Prepared, execute, prepare
from deployer.commands.publication import Publication
from deployer.deployed import survey
from deployer.models.plan import Change
from deployer.models.selection import Selection
from deployer.planner import plan_changes
from deployer.targets import Target
from deployer.targets.registry import open_target

FLOW = '''
from metaflow import FlowSpec, Parameter, step


class ManyFlow(FlowSpec):
    """One of many."""

    number = Parameter("number", default=0)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ManyFlow()
'''


@dataclass(frozen=True)
class Fleet:
    """A manifest folder whose flows are numbered. DAG `n` is the file `Many<n>.py`."""

    folder: Path
    address: str

    def write(self, numbers: Mapping[int, int]) -> None:
        """The manifest: each DAG with the value of its parameter."""
        (self.folder / "flows").mkdir(parents=True, exist_ok=True)
        (self.folder / "flows" / "many.py").write_text(FLOW)
        flows = "".join(
            f"  many{n}:\n    file: flows/many.py\n    environments: [prod]\n    dag_id: Many{n}\n"
            f"    parameters: {{number: {value}}}\n"
            for n, value in numbers.items()
        )
        (self.folder / "mfdeploy.yaml").write_text(
            "version: 1\nproject: growth\nenvironments:\n  prod:\n    production: true\n"
            f"    target: {self.address}\n    compute: local\n    datastore: ../build/metaflow\n"
            f"flows:\n{flows}"
        )

    def prepare(self) -> Prepared:
        return prepare(Selection(self.folder))

    def apply(self) -> None:
        result = execute(self.prepare(), Permissions(mass_change=True))
        assert not result.failed and not result.not_done and not result.errors and not result.warnings


@dataclass(frozen=True)
class Ready:
    """A prepared plan with the DAG files that it writes, so that one apply costs no compilation."""

    prepared: Prepared
    content: Mapping[tuple[str, str], bytes]

    def changes(self) -> list[Change]:
        """What a plan of this moment would do: the same desired side, what is deployed read anew."""
        planning = self.prepared.planning
        known = [item.address for item in planning.desired.manifests.deployments]
        sites = survey(planning.environments.values(), known).sites
        return [change for change in plan_changes(planning.desired.items, sites) if change.action != "none"]

    def apply(
        self, changes: Iterable[Change] | None = None, wrap: Callable[[Target], Target] = lambda target: target
    ) -> Applied:
        """Apply changes (those of the plan if none are given) to a target that is opened anew."""
        planning = self.prepared.planning
        targets = {name: wrap(open_target(each)) for name, each in planning.environments.items()}
        there = replace(planning, deployed=replace(planning.deployed, targets=targets))
        chosen = list(planning.plan.pending if changes is None else changes)
        publication = Publication(there, "ada")
        applied = apply_changes(chosen, targets, self.content, publication, lambda text: None)
        assert not publication.warnings, publication.warnings
        return applied


def ready(fleet: Fleet, files: Callable[[], Mapping[str, bytes]], undo: Callable[[], None]) -> Ready:
    """Plan what the fleet's manifest asks for, and take the DAG files from an apply of it that is undone."""
    prepared = fleet.prepare()
    execute(prepared, Permissions(mass_change=True))
    content = {("prod", name): text for name, text in files().items() if name.endswith(".py")}
    undo()
    return Ready(fleet.prepare(), content)


def in_child(task: Callable[[], Any]) -> int:
    """Run the task in a forked process: its exit code, or the negative number of the signal that ended it."""
    return ended(start(task))


def start(task: Callable[[], Any]) -> int:
    """The id of a forked process that runs the task, exits with its result if that is an int, and with 99 if it fails."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        result = task()
        code = result if isinstance(result, int) else 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass
class Killer:
    """Kills this very process just before the n-th event that counts, from 0."""

    at: int
    counts: Callable[[str, tuple[object, ...]], bool]
    seen: int = field(default=0)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.counts(event, arguments):
            return
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.seen += 1


class Watched:
    """A target that kills the process before or after its n-th call that writes (publishing included), from 0."""

    def __init__(self, target: Target, at: int, after: bool) -> None:
        self._target = target
        self._killer = Killer(at, lambda event, arguments: True)
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def create(self, file: str, content: bytes) -> str:
        return self._do(lambda: self._target.create(file, content))

    def replace(self, file: str, content: bytes, version: str) -> str:
        return self._do(lambda: self._target.replace(file, content, version))

    def delete(self, file: str, version: str) -> None:
        self._do(lambda: self._target.delete(file, version))

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        self._do(lambda: self._target.publish(message, user, remember))

    def _do(self, write: Callable[[], Any]) -> Any:
        if not self._after:
            self._killer("write", ())
        made = write()
        if self._after:
            self._killer("write", ())
        return made

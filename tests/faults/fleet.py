"""Many small DAGs of one flow file, planned once; what an apply of them is given, and a process to apply them in."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from deployer.applying.executor import Applied, apply_changes
from deployer.applying.publication import Publication
from deployer.applying.recording import begin
from deployer.commands.apply import Prepared, execute, prepare
from deployer.errors import DeployError
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.plan import Change
from deployer.models.progress import silent
from deployer.models.record import Provenance
from deployer.models.selection import Selection
from deployer.models.target import Target, TargetError
from deployer.planning.guards import Permissions
from deployer.planning.planner import plan_changes
from deployer.state.index import Index, read_index
from deployer.state.survey import survey, target_problem
from tests.contexts import context, open_target

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
    """A manifest folder whose flows are numbered. DAG `n` is the file `Many<n>.py`; the target is `dags` beside it."""

    folder: Path

    @property
    def target(self) -> Path:
        return self.folder / "dags"

    def apply(self, numbers: Mapping[int, int]) -> Ready:
        """Deploy these DAGs, each with the value of its parameter, by planning and applying as the commands do."""
        prepared = self.plan(numbers)
        result = execute(prepared, Permissions(mass_change=True), context())
        assert not result.failed and not result.not_done and not result.errors and not result.warnings
        return Ready(prepared, {("prod", path.name): path.read_bytes() for path in self.target.glob("*.py")})

    def plan(self, numbers: Mapping[int, int]) -> Prepared:
        """A plan for these DAGs."""
        self.write(numbers)
        return prepare(Selection(self.manifests), context())

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    def write(self, numbers: Mapping[int, int], target: str = "../dags", datastore: str = "../build/metaflow") -> None:
        """The flow file and the manifest."""
        (self.manifests / "flows").mkdir(parents=True, exist_ok=True)
        (self.manifests / "flows" / "many.py").write_text(FLOW)
        flows = "".join(
            f"  many{n}:\n    file: flows/many.py\n    environments: [prod]\n    dag_id: Many{n}\n"
            f"    parameters: {{number: {value}}}\n"
            for n, value in numbers.items()
        )
        (self.manifests / "mfdeploy.yaml").write_text(
            "version: 1\nproject: growth\nenvironments:\n  prod:\n    production: true\n"
            f"    target: {target}\n    compute: local\n    datastore: {datastore}\nflows:\n{flows}"
        )


@dataclass(frozen=True)
class Ready:
    """What the manifests ask for, compiled and rendered, so that planning and applying it anywhere costs little."""

    prepared: Prepared
    content: Mapping[tuple[str, str], bytes]

    def at(self, address: str) -> Ready:
        """The same for another target."""
        plan_context = self.prepared.context
        manifests = plan_context.desired.manifests
        place = ResolvedPath(address, address)
        environments = {
            name: each.model_copy(update={"target": place}) for name, each in manifests.environments.items()
        }
        desired = replace(plan_context.desired, manifests=replace(manifests, environments=environments))
        return replace(self, prepared=replace(self.prepared, context=replace(plan_context, desired=desired)))

    def changes(self) -> list[Change]:
        """What a plan of this moment would do."""
        plan_context = self.prepared.context
        known = [item.address for item in plan_context.desired.manifests.deployments]
        states = survey(plan_context.environments.values(), context().connect, known).states
        return [change for change in plan_changes(plan_context.desired.items, states) if change.action != "none"]

    def apply(
        self,
        changes: Iterable[Change],
        wrap: Callable[[Target], Target] = lambda target: target,
        may_warn: bool = False,
    ) -> Applied:
        """Apply changes to a target that is opened anew."""
        plan_context = self.prepared.context
        targets = {name: wrap(open_target(each)) for name, each in plan_context.environments.items()}
        todo = list(changes)
        plan = replace(plan_context.plan, changes=tuple(todo))
        # As a plan of this moment has it.
        indexes = {name: index_of(targets[name], each) for name, each in plan_context.environments.items()}
        there = replace(
            plan_context, plan=plan, deployed=replace(plan_context.deployed, targets=targets, indexes=indexes)
        )
        provenance = Provenance("ada", "2026-01-01T00:00:00+00:00", None, "0.1.0")
        publication = Publication(there, context(user="ada"), self.content, begin(there, "apply", provenance))
        applied = apply_changes(todo, targets, self.content, publication, silent)
        assert may_warn or not publication.warnings, publication.warnings
        return applied


def index_of(target: Target, environment: Environment) -> Index:
    """The index as a plan reads it. Raises DeployError."""
    try:
        return read_index(target, environment.project, environment.name)
    except TargetError as error:
        raise DeployError(target_problem(environment, str(error), error.hint)) from error


def in_child(task: Callable[[], Any]) -> int:
    """Run the task in a forked process: its exit code, or the negative number of the signal that ended it."""
    return ended(start(task))


def computed(task: Callable[[], Any]) -> Any:
    """What the task returns, computed in a forked process: here no client of a store may start threads."""
    reader, writer = os.pipe()

    def told() -> None:
        with os.fdopen(writer, "wb") as stream:
            pickle.dump(task(), stream)

    child = start(told)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    assert ended(child) == 0
    return pickle.loads(data)


def start(task: Callable[[], Any]) -> int:
    """The id of a forked process that runs the task: it exits with the task's result if that is an int, or with 99."""
    # Its threads are not in the child, which would wait for them forever.
    assert "obstore" not in sys.modules, "a store's client was used here: tests/faults must come first in a process"
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
        self._lock = Lock()

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
            self._count()
        made = write()
        if self._after:
            self._count()
        return made

    def _count(self) -> None:
        with self._lock:  # several write at a time
            self._killer("write", ())

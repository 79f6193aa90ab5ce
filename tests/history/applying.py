"""An environment at a folder, and applies to it that need no Metaflow: the bodies of the DAG files are made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.applying.executor import Applied, apply_changes
from deployer.applying.publication import Publication
from deployer.applying.recording import begin
from deployer.commands.apply import Prepared, execute, prepare_rollback
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.description import times_of
from deployer.models.desired import Desired, DesiredState
from deployer.models.digest import digest_text
from deployer.models.history import Entry
from deployer.models.manifests import Manifests
from deployer.models.plan import Change, Plan
from deployer.models.progress import silent
from deployer.models.record import Provenance
from deployer.models.selection import Selection
from deployer.orchestrators.airflow import record
from deployer.orchestrators.protocol import Orchestrator
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions
from deployer.planning.planner import plan_changes
from deployer.state.history import list_entries, read_entry
from deployer.state.survey import DeployedState, survey
from deployer.targets.folder import FolderTarget
from tests.contexts import context
from tests.plan import made

MANIFEST = """\
version: 1
project: growth
environments:
  prod: {target: %s, compute: local, datastore: %s, production: true}
flows: {}
"""


class _Silent:
    """What an apply that ends before it is recorded leaves beside the DAG files: nothing."""

    user = "ada"

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        return ""

    def remember(self, environment: str, applied: Applied) -> None:
        pass


@dataclass
class AppliedFolder:
    """One environment, `prod` of the project `growth`; each apply happens a minute after the one before."""

    folder: Path
    minute: int = 0
    kind: type[FolderTarget] = FolderTarget

    @property
    def dags(self) -> Path:
        return self.folder / "dags"

    @property
    def environment(self) -> Environment:
        return made.environment(target=ResolvedPath(str(self.dags), str(self.dags)))

    @property
    def selection(self) -> Selection:
        manifests = self.folder / "deployments"
        manifests.mkdir(exist_ok=True)
        (manifests / "a.yaml").write_text(MANIFEST % (self.dags, self.folder / "datastore"))
        return Selection(manifests, environments=("prod",))

    def plan(self, crons: Mapping[str, str | tuple[str, ...]], fresh: bool = False) -> PlanContext:
        """What would make the flows' schedules these, and no other flow there."""
        items = [self._item(name, cron) for name, cron in sorted(crons.items())]
        state = survey([self.environment], self.connect, [item.deployment.address for item in items], fresh=fresh)
        manifests = Manifests("growth", {"prod": self.environment}, ())
        return PlanContext(
            self.folder, Plan(plan_changes(items, state.states)), DesiredState(manifests, (*items,), ()), state
        )

    def _item(self, name: str, cron: str | tuple[str, ...]) -> Desired:
        deployment = made.deployment(name, environment=self.environment)
        return made.desired(deployment, name=name.title(), cron=cron)

    def connect(self, environment: Environment) -> tuple[FolderTarget, Orchestrator]:
        """The target of the environment, and the orchestrator that reads its files."""
        return self.target, context().orchestrator(environment)

    def apply(
        self,
        by: str = "ada",
        killed: bool = False,
        interrupted: int | None = None,
        fresh: bool = False,
        **crons: str | tuple[str, ...],
    ) -> str:
        """Apply these schedules; returns the entry's id. `killed`: before it is recorded."""
        plan_context = self.plan(crons, fresh)
        self.minute += 1
        provenance = Provenance(by, f"2026-01-01T00:{self.minute:02}:00+00:00", f"{self.minute:040x}", "0.1.0")
        run = begin(plan_context, "apply", provenance)
        content = {
            (change.environment, change.file): self._file(plan_context, change, provenance)
            for change in plan_context.plan.pending
            if change.action != "delete"
        }
        pending = plan_context.plan.pending[:interrupted]
        publication = Publication(plan_context, context(user=by), content, run)
        kept = _Silent() if killed or interrupted is not None else publication
        apply_changes(pending, plan_context.deployed.targets, content, kept, silent)
        if interrupted is not None and not killed:
            publication.catch_up()
        assert not publication.warnings
        return run.ids["prod"]

    def _file(self, plan_context: PlanContext, change: Change, provenance: Provenance) -> bytes:
        times = times_of(change.after.schedule) if change.after else None
        assert times
        body = f"# a dag of airflow\nCRON = {', '.join(times.crons)!r}\n"
        written = made.record_of(plan_context.item("prod", change.file), provenance=provenance)
        return record.write(body, replace(written, body_digest=digest_text(body))).encode()

    def prepare(self, entry: str, **selection: Any) -> Prepared:
        return prepare_rollback(replace(self.selection, **selection), entry, context())

    def roll_back(self, entry: str, **selection: tuple[str, ...]) -> Mapping[str, str]:
        """Roll back, and give what was done by address."""
        prepared = self.prepare(entry, **selection)
        result = execute(prepared, Permissions(mass_change=True), context())
        assert not result.failed
        assert not result.warnings
        return {change.address: change.action for change in result.done}

    @property
    def target(self) -> FolderTarget:
        return self.kind(self.dags)

    def state(self) -> DeployedState:
        return survey([self.environment], self.connect, ())

    def crons(self) -> dict[str, str]:
        """What is deployed: the schedule that each DAG file's body says, by flow."""
        return {path.stem.lower(): path.read_text().split("'")[1] for path in self.dags.glob("[A-Z]*.py")}

    def entries(self) -> list[Entry]:
        names = list_entries(self.target, "growth", "prod")
        return [read_entry(self.target, "growth", "prod", name) for name in names]

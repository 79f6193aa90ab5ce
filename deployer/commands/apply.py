"""mfdeploy apply and destroy: publish exactly what a plan says."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING

from deployer import __version__
from deployer.applying.executor import apply_changes
from deployer.commands.plan import PlanView, present, told
from deployer.commands.planning import PlanContext, make_plan, narrowed
from deployer.errors import DeployError, Diagnostic
from deployer.models.desired import Desired
from deployer.models.flow import Package
from deployer.models.plan import Change, Plan
from deployer.models.progress import Progress, silent
from deployer.models.record import Inputs, Provenance, Record
from deployer.models.selection import Selection
from deployer.orchestrators.airflow import record
from deployer.pipeline import build as desired
from deployer.pipeline.annotate import with_effects
from deployer.planning.guards import Permissions as Permissions
from deployer.planning.guards import refuse_unguarded
from deployer.state.survey import target_problem
from deployer.vcs.git import Git
from deployer.vcs.repository import commit_of

if TYPE_CHECKING:
    # Of the history, whose models take a tenth of a second to import: that is done while a helper starts.
    from deployer.applying.recording import ApplyRun
    from deployer.commands.rollback import RestoredFiles
    from deployer.models.history import Command


@dataclass(frozen=True)
class Prepared:
    """A plan that is ready to be applied: shown as `view`, made of `context`.

    `kept` are the DAG files that a rollback puts back; None where DAG files are made from the manifests.
    """

    view: PlanView
    context: PlanContext
    command: Command = "apply"
    kept: RestoredFiles | None = None


@dataclass(frozen=True)
class ApplyResult:
    """What became of each change, and warnings on what else went wrong.

    `errors` say of each target that publishes in one step why it published nothing; its changes are not done.
    `namespaces` are Metaflow's namespaces of the runs of each DAG that was to be written, by address.
    """

    done: Sequence[Change]
    failed: Sequence[tuple[Change, str]]
    not_done: Sequence[Change]
    warnings: Sequence[Diagnostic] = ()
    namespaces: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Diagnostic] = ()


def prepare(
    selection: Selection,
    saved: Plan | None = None,
    destroy: bool = False,
    progress: Progress = silent,
    check_cluster: bool | None = None,
) -> Prepared:
    """Plan, and hold a saved plan against it. Raises DeployError when that is no longer what would be done.

    `check_cluster` is as for `plan`; a rollback asks no cluster.
    """
    if saved is not None and saved.against is not None:
        message = f"the plan is against {saved.against.revision}, and only one against what is deployed can be applied"
        raise DeployError(Diagnostic("bad-plan", message, hint="plan without --against"))
    narrow = narrowed(selection, saved) if saved else selection
    if saved is not None and saved.rollback:
        prepared = prepare_rollback(narrow, saved.rollback, progress)
    else:
        planning = make_plan(narrow, progress, destroy=destroy, check_cluster=check_cluster, note_inputs=True)
        prepared = Prepared(present(planning), planning, "destroy" if destroy else "apply")
    if saved is not None:
        problems = list(_moved(saved, prepared.context))
        if problems:
            raise DeployError(problems)
    if prepared.command == "rollback":
        return prepared
    planning = told(prepared.context, progress)
    return replace(prepared, view=present(planning), context=planning)


def prepare_rollback(selection: Selection, entry: str, progress: Progress = silent) -> Prepared:
    """Plan the way back to a history entry of the selection's one environment. Raises DeployError."""
    from deployer.commands.rollback import plan_rollback
    from deployer.pipeline.edits import with_edits_of

    planning, kept = plan_rollback(selection, entry, progress)

    def since(change: Change) -> datetime | None:
        """Of a DAG that comes back as it was, start and all."""
        found = kept.get((change.environment, change.file))
        return datetime.fromisoformat(found.record.since) if found else planning.deployed.since(change)

    planning = with_effects(with_edits_of(planning, kept), since, datetime.now(timezone.utc))
    return Prepared(present(planning), planning, "rollback", kept)


def refuse_unpermitted(prepared: Prepared, permissions: Permissions) -> None:
    """Raise DeployError when the plan may not be applied: so that nobody is asked about what is refused anyway."""
    refuse_unguarded(prepared.context, permissions)


def execute(prepared: Prepared, permissions: Permissions, progress: Progress = silent) -> ApplyResult:
    """Apply a prepared plan: packages first, then DAG files, deletes last.

    Raises DeployError when the plan may not be applied, or when anything fails before the first DAG file is written.
    """
    planning = prepared.context
    refuse_unpermitted(prepared, permissions)
    provenance = _provenance(planning)

    @cache
    def doing() -> ApplyRun:
        """Looks at the state before, while packages are built."""
        from deployer.applying.recording import begin

        return begin(planning, prepared.command, provenance)

    content, namespaces = _to_write(prepared, provenance, doing, progress)
    from deployer.applying.publication import Publication

    publication = Publication(planning, provenance.applied_by, content, doing())
    try:
        applied = apply_changes(planning.plan.pending, planning.deployed.targets, content, publication, progress)
    except KeyboardInterrupt:
        publication.catch_up()
        raise
    return ApplyResult(
        done=[change for change, _ in applied.done],
        failed=applied.failed,
        not_done=applied.not_done,
        warnings=publication.warnings,
        namespaces=namespaces,
        errors=[target_problem(planning.environments[name], message) for name, message in applied.unpublished.items()],
    )


def _provenance(planning: PlanContext) -> Provenance:
    now = datetime.now(timezone.utc).replace(microsecond=0)
    commit = commit_of(Git(os.environ), planning.folder)
    return Provenance(user_name(os.environ), now.isoformat(), commit, __version__)


def _to_write(
    prepared: Prepared, provenance: Provenance, meanwhile: Callable[[], object], progress: Progress
) -> tuple[Mapping[tuple[str, str], bytes], Mapping[str, str]]:
    """The DAG files to write by environment and file, and the namespaces of their runs by address."""
    planning = prepared.context
    if prepared.kept is not None:
        from deployer.commands.rollback import restored_content

        return restored_content(planning, prepared.kept, provenance), {}
    writes = [change for change in planning.plan.pending if change.writes]
    packages = _packages(planning, writes, provenance.applied_by, meanwhile, progress)
    return _content(planning, writes, packages, provenance), {
        address: package.namespace for address, package in packages.items()
    }


def _moved(saved: Plan, planning: PlanContext) -> Iterator[Diagnostic]:
    """How the plan of this moment differs from the one that was saved; nothing when it is the same."""
    now = planning.plan
    for name in sorted(set(saved.targets) | set(now.targets)):
        if saved.targets.get(name) != now.targets.get(name):
            yield _stale(f"{name}: the target was {saved.targets.get(name)!r} and is {now.targets.get(name)!r}")
    before = {(change.address, change.file): change for change in saved.changes}
    after = {(change.address, change.file): change for change in now.changes}
    for key in sorted(set(before) | set(after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is None or new is None:
            yield _stale(f"{key[0]} ({key[1]}): {'is no longer planned' if new is None else 'was not in the plan'}")
        elif (old.version, old.replaces) != (new.version, new.replaces):
            yield _stale(f"{key[0]}: {key[1]} at the target was changed since the plan was made{_by(new, planning)}")
        else:
            yield _stale(f"{key[0]}: the manifests or the code no longer give the planned result")


def _by(change: Change, planning: PlanContext) -> str:
    found = planning.deployed.file(change.environment, change.file)
    if found is not None and not found.intact:
        return ", by hand"  # its record tells of an apply before that
    applied = planning.deployed.applied(change.environment, change.file)
    return f", by {applied.applied_by} at {applied.applied_at}" if applied else ""


def _stale(message: str) -> Diagnostic:
    return Diagnostic("stale-plan", message, hint="plan again and review the new plan")


def _packages(
    planning: PlanContext, writes: Sequence[Change], user: str, meanwhile: Callable[[], object], progress: Progress
) -> Mapping[str, Package]:
    """The code packages of the DAGs to write, by address; they are in the datastore when this returns."""
    items = [planning.item(change.environment, change.file) for change in writes]
    if not items:
        return {}
    tokens = planning.tokens(writes)
    return desired.package(items, upload=True, user=user, progress=progress, tokens=tokens, meanwhile=meanwhile)


def _content(
    planning: PlanContext, writes: Sequence[Change], packages: Mapping[str, Package], provenance: Provenance
) -> dict[tuple[str, str], bytes]:
    """The DAG files to write, by environment and file."""
    now = datetime.fromisoformat(provenance.applied_at)
    return {
        (change.environment, change.file): _dag_file(
            planning.item(change.environment, change.file),
            packages[change.address],
            provenance,
            planning.deployed.since(change) or now,
        )
        for change in writes
    }


def _dag_file(item: Desired, built: Package, provenance: Provenance, since: datetime) -> bytes:
    body = desired.render(item, built, since, provenance.commit)
    environment = item.deployment.environment
    return record.write(
        body,
        Record(
            owner=environment.project,
            environment=environment.name,
            address=item.deployment.address,
            dag_id=item.dag_id,
            description=item.description,
            body_digest=record.digest_body(body),
            since=since.isoformat(),
            provenance=provenance,
            inputs=_inputs(built),
        ),
    ).encode()


def _inputs(built: Package) -> Inputs:
    return Inputs(built.environment.get("METAFLOW_PRODUCTION_TOKEN"), dict(built.parameters))


def user_name(environ: Mapping[str, str]) -> str:
    """Who applies: the variables that Metaflow looks at, else the account of this process."""
    named = (environ.get(name) for name in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"))
    return next(filter(None, named), None) or getpass.getuser()

"""The text of each DAG file before and after a plan, for `--diff`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.models.desired import Desired, DesiredState
from deployer.models.plan import Change
from deployer.models.record import UNKNOWN_ORIGIN, Origin
from deployer.pipeline.rendering import build_packages, packages_to_show, render
from deployer.pipeline.revision import CheckedOut
from deployer.plan_context import PlanContext

Sources = Mapping[str, tuple[str, str]]
"""The text of each file (without record) before and after, by ``environment/file``."""


def sources(plan_context: PlanContext, context: Context) -> Sources:
    """The deployed and the planned text of every file that would be written or deleted."""
    pending = plan_context.plan.pending
    writes = [change for change in pending if change.action in ("create", "update", "conflict")]
    packages = packages_to_show(plan_context, writes, context)
    commit = plan_context.commit(context.git) if writes else None
    after = {
        (change.environment, change.file): render(
            plan_context.item(change.environment, change.file),
            packages[change.address],
            context,
            plan_context.deployed.since(change),
            _origin(plan_context, change, commit),
            plan_context.deployed.run_ids(change),
        )
        for change in writes
    }
    before = {(change.environment, change.file): _deployed_text(plan_context, change) for change in pending}
    return {f"{key[0]}/{key[1]}": (before[key], after.get(key, "")) for key in sorted(before)}


def restored_sources(plan_context: PlanContext, restored: Mapping[tuple[str, str], str]) -> Sources:
    """The deployed text of every file that a rollback would write or delete, and its text from the history.

    `restored` are the texts (without record) by environment and file.
    """
    return {
        f"{change.environment}/{change.file}": (
            _deployed_text(plan_context, change),
            "" if change.action == "delete" else restored.get((change.environment, change.file), ""),
        )
        for change in sorted(plan_context.plan.pending, key=lambda change: (change.environment, change.file))
    }


def _origin(plan_context: PlanContext, change: Change, commit: str | None) -> Origin:
    """What the file will say of its apply, as far as a plan knows.

    Who will apply it, and in which job, stays as it is deployed, and is no line of the diff.
    """
    deployed = plan_context.deployed.file(change.environment, change.file)
    known = deployed.record.origin if deployed and deployed.record else UNKNOWN_ORIGIN
    return replace(known, commit=commit)


def _deployed_text(plan_context: PlanContext, change: Change) -> str:
    """The text that a change removes: of its own file if deployed, else of the first file that it replaces."""
    files = [change.file] if change.version else [other.file for other in change.replaces]
    deployed = plan_context.deployed.file(change.environment, files[0]) if files else None
    # A native DAG file may contain the keys of Metaflow's service: its text is not shown.
    return "" if deployed is None or deployed.native else plan_context.deployed.body(change.environment, deployed.file)


def sources_against(
    plan_context: PlanContext, base: DesiredState | None, revision: CheckedOut, context: Context
) -> Sources:
    """The text of each file as the revision and as the working tree would write it."""
    pending = plan_context.plan.pending
    old = {(item.deployment.environment.name, item.file): item for item in (base.items if base else ())}
    keys = sorted({(change.environment, change.file) for change in pending})
    written = [(change.environment, change.file) for change in pending if change.action != "delete"]
    before = _texts([old[key] for key in keys if key in old], revision.context)
    after = _texts([plan_context.item(*key) for key in written], context)
    before = {key: revision.as_in_the_working_tree(text) for key, text in before.items()}
    return {f"{key[0]}/{key[1]}": (before.get(key, ""), after.get(key, "")) for key in keys}


def _texts(items: Sequence[Desired], context: Context) -> dict[tuple[str, str], str]:
    packages = build_packages(items, context)
    return {
        (item.deployment.environment.name, item.file): render(item, packages[item.deployment.address], context)
        for item in items
    }

"""The texts of files before and after a plan, for a difference of their source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deployer.context import Context
from deployer.models.desired import Desired, DesiredState
from deployer.models.plan import Change
from deployer.pipeline.rendering import build_packages, packages_to_show, render
from deployer.pipeline.revision import CheckedOut
from deployer.plan_context import PlanContext
from deployer.vcs.repository import commit_of

Sources = Mapping[str, tuple[str, str]]
"""The files' texts (without record) before and after, by ``environment/file``."""


def sources(found: PlanContext, context: Context) -> Sources:
    """Deployed and planned text of every file that would be written or deleted."""
    pending = found.plan.pending
    writes = [change for change in pending if change.action in ("create", "update", "conflict")]
    packages = packages_to_show(found, writes, context)
    commit = commit_of(context.git, found.folder) if writes else None
    after = {
        (change.environment, change.file): render(
            found.item(change.environment, change.file),
            packages[change.address],
            context,
            found.deployed.since(change),
            commit,
        )
        for change in writes
    }
    before = {(change.environment, change.file): _deployed_text(found, change) for change in pending}
    return {f"{key[0]}/{key[1]}": (before[key], after.get(key, "")) for key in sorted(before)}


def _deployed_text(found: PlanContext, change: Change) -> str:
    """The text that a change takes away: of the file at its place, else of the first that it replaces."""
    files = [change.file] if change.version else [other.file for other in change.replaces]
    held = found.deployed.file(change.environment, files[0]) if files else None
    # Metaflow's own command writes the headers of its service, with their keys, into the DAG.
    return "" if held is None or held.native else found.deployed.body(change.environment, held.file)


def sources_against(found: PlanContext, base: DesiredState | None, revision: CheckedOut, context: Context) -> Sources:
    """The files' texts as the revision and the working tree would write them."""
    pending = found.plan.pending
    old = {(item.deployment.environment.name, item.file): item for item in (base.items if base else ())}
    keys = sorted({(change.environment, change.file) for change in pending})
    written = [(change.environment, change.file) for change in pending if change.action != "delete"]
    before = _texts([old[key] for key in keys if key in old], revision.context)
    after = _texts([found.item(*key) for key in written], context)
    before = {key: revision.as_in_the_working_tree(text) for key, text in before.items()}
    return {f"{key[0]}/{key[1]}": (before.get(key, ""), after.get(key, "")) for key in keys}


def _texts(items: Sequence[Desired], context: Context) -> dict[tuple[str, str], str]:
    packages = build_packages(items, context)
    return {
        (item.deployment.environment.name, item.file): render(item, packages[item.deployment.address], context)
        for item in items
    }

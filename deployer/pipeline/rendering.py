"""Builds code packages and renders the DAG files that use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from deployer.compiler import client
from deployer.context import Context
from deployer.models.description import version_of
from deployer.models.desired import Desired
from deployer.models.digest import digest_text
from deployer.models.flow import Package
from deployer.models.plan import Change
from deployer.models.record import (
    NEWEST_RUN_IDS,
    UNKNOWN_ORIGIN,
    UNKNOWN_PAGES,
    CommitPages,
    Inputs,
    Origin,
    Provenance,
    Record,
    RunIds,
)
from deployer.plan_context import PlanContext
from deployer.vcs.pages import commit_author, commit_page, request_page
from deployer.vcs.repository import source_branch_of

_TOKEN = "METAFLOW_PRODUCTION_TOKEN"  # noqa: S105 - the name of a variable, whose value is the name of a namespace


def build_packages(
    items: Sequence[Desired],
    context: Context,
    *,
    upload: bool = False,
    tokens: Mapping[str, str] | None = None,
    while_building: Callable[[], None] = client.do_nothing,
) -> Mapping[str, Package]:
    """Build code packages, by address. `upload` stores them in the datastores. Raises DeployError.

    `tokens` are the production tokens of deployed flows, by address. `while_building` is called while the compiler
    works.
    """
    if not items:
        return {}
    ahead = context.started.packager if context.started else None
    deployments = [item.deployment for item in items]
    if upload and ahead is not None and ahead.can_store(deployments):
        dag_ids = {item.deployment.address: item.name for item in items}
        return ahead.store(deployments, dag_ids, tokens or {}, context.progress, while_building)
    return client.build_packages(
        deployments,
        context.environ,
        upload=upload,
        user=context.user if upload else "",
        dag_ids={item.deployment.address: item.name for item in items},
        tokens=tokens,
        progress=context.progress,
        waits=context.waits,
        while_building=while_building,
    )


def packages_to_show(plan_context: PlanContext, changes: Sequence[Change], context: Context) -> Mapping[str, Package]:
    """The code packages that an apply would build for these changes, by address. Nothing is stored."""
    items = [plan_context.item(change.environment, change.file) for change in changes]
    return build_packages(items, context, tokens=plan_context.tokens(changes))


def render(
    item: Desired,
    package: Package,
    context: Context,
    since: datetime | None = None,
    origin: Origin = UNKNOWN_ORIGIN,
    run_ids: RunIds = NEWEST_RUN_IDS,
) -> str:
    """The text of a DAG file without its record.

    `since` is when the deployment was first applied (None if unknown), and `origin` what the file says of its apply.
    `run_ids` is the way in which the deployment makes the ids of its runs.
    """
    orchestrator = context.orchestrator(item.deployment.environment)
    origin = replace(origin, version=version_of(item.description))
    return orchestrator.render(item.deployment, item.flow, package, since, origin, run_ids)


def render_files(
    plan_context: PlanContext,
    writes: Iterable[Change],
    packages: Mapping[str, Package],
    provenance: Provenance,
    context: Context,
) -> dict[tuple[str, str], bytes]:
    """The complete content of the files to write, by environment and file name."""
    now = datetime.fromisoformat(provenance.applied_at)
    writes = list(writes)
    items = [plan_context.item(change.environment, change.file) for change in writes]
    git_branch = _git_branch(items, plan_context, context)
    pages = _pages(provenance.commit, plan_context, context) if items else UNKNOWN_PAGES
    return {
        (change.environment, change.file): _file(
            item,
            packages[change.address],
            provenance,
            pages,
            plan_context.deployed.since(change) or now,
            git_branch,
            plan_context.deployed.run_ids(change),
            context,
        )
        for change, item in zip(writes, items, strict=True)
    }


def _pages(commit: str | None, plan_context: PlanContext, context: Context) -> CommitPages:
    """What whoever looks at a DAG may want to open: asked for once, where something is written."""
    if commit is None:
        return UNKNOWN_PAGES
    at = (context.git, plan_context.folder)
    return CommitPages(
        commit_author(*at, commit),
        commit_page(*at, context.environ, commit),
        request_page(*at, context.environ, commit),
    )


def _git_branch(items: Iterable[Desired], plan_context: PlanContext, context: Context) -> str | None:
    """The git branch that a preview is applied from: without it nobody can tell when the preview is not needed."""
    if not any(item.deployment.owner_branch.name for item in items):
        return None
    return source_branch_of(context.git, plan_context.folder, context.environ)


def _file(
    item: Desired,
    package: Package,
    provenance: Provenance,
    pages: CommitPages,
    since: datetime,
    git_branch: str | None,
    run_ids: RunIds,
    context: Context,
) -> bytes:
    who, when, where = provenance.applied_by, provenance.applied_at, provenance.ci_url
    origin = Origin(provenance.commit, who, where, applied_at=when, pages=pages)
    body = render(item, package, context, since, origin, run_ids)
    environment = item.deployment.environment
    record = Record(
        owner=environment.project,
        environment=environment.name,
        address=item.deployment.address,
        name=item.name,
        description=item.description,
        body_digest=digest_text(body),
        since=since.isoformat(),
        provenance=provenance,
        branch=item.deployment.owner_branch.name or None,
        git_branch=git_branch if item.deployment.owner_branch.name else None,
        run_ids=run_ids,
        inputs=Inputs(package.environment.get(_TOKEN), dict(package.parameters), who, where, when, pages),
    )
    return context.orchestrator(environment).embed(body, record).encode()

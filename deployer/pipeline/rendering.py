"""Code packages, and the files that are rendered from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from deployer.compiler import client
from deployer.context import Context
from deployer.models.desired import Desired
from deployer.models.digest import digest_text
from deployer.models.flow import Package
from deployer.models.plan import Change
from deployer.models.record import Inputs, Provenance, Record
from deployer.plan_context import PlanContext

_TOKEN = "METAFLOW_PRODUCTION_TOKEN"  # noqa: S105 - the name of a variable, whose value is the name of a namespace


def build_packages(
    items: Sequence[Desired],
    context: Context,
    *,
    upload: bool = False,
    tokens: Mapping[str, str] | None = None,
    while_building: Callable[[], None] = client.do_nothing,
) -> Mapping[str, Package]:
    """Code packages by address; stored in each deployment's datastore when `upload` says so. Raises DeployError.

    `tokens` are the production tokens that deployed flows have, by address. `while_building` is called while the
    compiler works.
    """
    if not items:
        return {}
    return client.build_packages(
        [item.deployment for item in items],
        context.environ,
        upload=upload,
        user=context.user if upload else "",
        dag_ids={item.deployment.address: item.name for item in items},
        tokens=tokens,
        progress=context.progress,
        while_building=while_building,
    )


def packages_to_show(plan: PlanContext, changes: Sequence[Change], context: Context) -> Mapping[str, Package]:
    """The code packages of the files to write, by address, as an apply would build them; nothing is stored."""
    items = [plan.item(change.environment, change.file) for change in changes]
    return build_packages(items, context, tokens=plan.tokens(changes))


def render(
    item: Desired, package: Package, context: Context, since: datetime | None = None, commit: str | None = None
) -> str:
    """The file's text without its record.

    `since` is when the deployment was first applied, `commit` what is being applied; None where that is not known.
    """
    orchestrator = context.orchestrator(item.deployment.environment)
    return orchestrator.render(item.deployment, item.flow, package, since, commit)


def render_files(
    plan: PlanContext,
    writes: Iterable[Change],
    packages: Mapping[str, Package],
    provenance: Provenance,
    context: Context,
) -> dict[tuple[str, str], bytes]:
    """The files to write, whole, by environment and name."""
    now = datetime.fromisoformat(provenance.applied_at)
    return {
        (change.environment, change.file): _file(
            plan.item(change.environment, change.file),
            packages[change.address],
            provenance,
            plan.deployed.since(change) or now,
            context,
        )
        for change in writes
    }


def _file(item: Desired, package: Package, provenance: Provenance, since: datetime, context: Context) -> bytes:
    body = render(item, package, context, since, provenance.commit)
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
        inputs=Inputs(package.environment.get(_TOKEN), dict(package.parameters)),
    )
    return context.orchestrator(environment).embed(body, record).encode()

"""Gathers the catalogue of all deployments: what the manifests ask for, what is deployed, and what runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from deployer.compiler.flow_docs import FlowDocs, read_flow_docs
from deployer.context import Context
from deployer.description.starts import link
from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment, Environment
from deployer.models.description import Description, version_of
from deployer.models.desired import Desired, DesiredState
from deployer.models.selection import Selection
from deployer.models.site import (
    DeploymentState,
    Site,
    SiteDeployment,
    SiteEnvironment,
    SiteFlow,
    SiteSource,
    page_names,
)
from deployer.pipeline.live import DeployedFlow, FlowStatus, owned_flows
from deployer.pipeline.live_status import flow_statuses
from deployer.pipeline.site_links import SourceLinks, StartLinks, address_of, start_links
from deployer.pipeline.site_parts import deployed_part, described_parts, is_as_described, live_part
from deployer.state.survey import DeployedState
from deployer.vcs.pages import file_pages

# Enough to see whether a flow is well.
_RUNS = 5


@dataclass(frozen=True)
class Known:
    """What is known of an address. `problems` are its errors if it is broken."""

    address: str
    environment: Environment
    deployment: Deployment | None = None
    desired: Desired | None = None
    deployed: DeployedFlow | None = None
    status: FlowStatus | None = None
    problems: Sequence[Diagnostic] = ()

    @property
    def description(self) -> Description | None:
        """What the manifests say, else what is deployed."""
        if self.desired is not None:
            return self.desired.description
        return self.deployed.record.description if self.deployed else None

    @property
    def name(self) -> str:
        """The name in the orchestrator; empty if it is not known."""
        return self.desired.name if self.desired else self.deployed.name if self.deployed else ""

    @property
    def state(self) -> DeploymentState:
        """How the manifests and the target agree."""
        if self.problems:
            return "broken"
        if self.desired is None:
            is_ours = self.deployed is not None and self.deployed.record.owner == self.environment.project
            return "unlisted" if is_ours else "foreign"
        if self.deployed is None:
            return "new"
        same = is_as_described(self.deployed, self.desired.name, self.desired.description)
        return "deployed" if same else "changed"


@dataclass(frozen=True)
class _Sources:
    """What a catalogue has beside what is known of each address. `docs` are those of each file and class, once read."""

    starts: StartLinks
    files: SourceLinks
    context: Context
    at: datetime
    docs: dict[tuple[str, str], FlowDocs] = field(default_factory=dict)

    def docs_of(self, known: Known) -> FlowDocs:
        """The docs of a flow that the manifests list; that of another is not there to read."""
        if known.deployment is None or known.desired is None:
            return FlowDocs()
        file, name = str(known.deployment.file.resolved), known.desired.description.code.flow
        if (file, name) not in self.docs:
            self.docs[file, name] = read_flow_docs(Path(file), name)
        return self.docs[file, name]


def gather_site(
    selection: Selection,
    desired: DesiredState,
    deployed: DeployedState,
    context: Context,
    at: datetime,
    *,
    all_projects: bool = False,
) -> tuple[Site, list[Diagnostic]]:
    """The catalogue of a selection, and a warning for each running orchestrator that did not answer.

    `at` (aware) is the time after which runs are the next ones. With `all_projects` what other manifest projects have
    at the targets is in it, too.
    """
    manifests = desired.manifests
    flows_by_environment = _deployed_flows(selection, deployed, all_projects)
    environments, statuses, warnings = _ask(flows_by_environment, deployed, context)
    by_flow: dict[str, list[Known]] = {}
    for each in _known(selection, desired, deployed.environments, statuses):
        by_flow.setdefault(_flow_name(each.address), []).append(each)
    pages = page_names(by_flow)
    files = SourceLinks(file_pages(context.git, selection.manifests, context.environ))
    sources = _Sources(start_links(desired, deployed.states), files, context, at)
    flows = tuple(_flow(name, pages[name], by_flow[name], sources) for name in sorted(by_flow))
    moment = at.isoformat(timespec="minutes")
    return Site(project=manifests.project, at=moment, environments=environments, flows=flows), warnings


def _flow_name(address: str) -> str:
    """The name of a flow by its address: with its manifest project where that is another one."""
    environment, _, flow = address.partition("/")
    project = environment.rpartition(":")[0]
    return f"{project}:{flow}" if project else flow


def _deployed_flows(
    selection: Selection, deployed: DeployedState, all_projects: bool
) -> Mapping[str, Sequence[DeployedFlow]]:
    """What is deployed in each environment: ours, and on request that of other manifest projects.

    The latter is at a target, whichever of our environments publish there: it is in the first of them.
    """
    found: dict[str, Sequence[DeployedFlow]] = {}
    seen: set[tuple[str, str]] = set()
    for state in deployed.states:
        environment = deployed.environments[state.environment]
        others: list[DeployedFlow] = []
        for item in state.deployed if all_projects else ():
            record, place = item.record, (str(environment.target.resolved), item.file)
            if record and record.owner != state.project and selection.selects(record.address) and place not in seen:
                seen.add(place)
                others.append(DeployedFlow(environment, item, record))
        found[environment.name] = [*owned_flows(selection, environment, state), *others]
    return found


def _ask(
    flows: Mapping[str, Sequence[DeployedFlow]], deployed: DeployedState, context: Context
) -> tuple[tuple[SiteEnvironment, ...], list[FlowStatus], list[Diagnostic]]:
    """The environments, what is deployed in each with what its running orchestrator says, and what was not said."""
    found: list[SiteEnvironment] = []
    statuses: list[FlowStatus] = []
    warnings: list[Diagnostic] = []
    for name, ours in flows.items():
        environment = deployed.environments[name]
        context.progress(f"asking the Airflow of {name}")
        answers, warning = flow_statuses(environment, ours, context, runs=_RUNS)
        statuses += answers
        warnings += [warning] if warning else []
        found.append(
            SiteEnvironment(
                name=environment.name,
                production=environment.production,
                orchestrator=environment.orchestrator,
                asked=any(each.asked for each in answers),
                problem=warning.message if warning else "",
            )
        )
    return tuple(found), statuses, warnings


def _known(
    selection: Selection,
    desired: DesiredState,
    environments: Mapping[str, Environment],
    statuses: Iterable[FlowStatus],
) -> list[Known]:
    """Everything that is known of the selected addresses, sorted by these."""
    deployments = {each.address: each for each in desired.manifests.selected(selection)}
    items = {each.deployment.address: each for each in desired.items if each.deployment.address in deployments}
    of_manifests = {address: each for address, each in desired.manifests.broken.items() if selection.selects(address)}
    broken = {**of_manifests, **desired.broken}
    deployed: dict[str, FlowStatus] = {}
    for each in statuses:
        address = address_of(each.flow.record, desired.manifests.project)
        item = items.get(address)
        # Of several files, one is about to be deleted: that with another name than the manifests give.
        if address not in deployed or (item is not None and each.flow.name == item.name):
            deployed[address] = each
    return [
        Known(
            address,
            deployed[address].flow.environment if address in deployed else environments[address.partition("/")[0]],
            deployments.get(address),
            items.get(address),
            deployed[address].flow if address in deployed else None,
            deployed.get(address),
            broken.get(address, ()),
        )
        for address in sorted({*deployments, *broken, *deployed})
        if address in deployed or address.partition("/")[0] in environments
    ]


def _flow(name: str, page: str, found: Sequence[Known], sources: _Sources) -> SiteFlow:
    docs = next((read for each in found if (read := sources.docs_of(each)) != FlowDocs()), FlowDocs())
    file = next((_file(each, docs, sources) for each in found if each.deployment), None)
    return SiteFlow(
        name=name,
        page=page,
        doc=docs.doc,
        file=file,
        deployments=tuple(_deployment(each, sources) for each in found),
    )


def _file(known: Known, docs: FlowDocs, sources: _Sources) -> SiteSource | None:
    deployment = known.deployment
    return sources.files.of_file(str(deployment.file.resolved), docs.line) if deployment else None


def _deployment(known: Known, sources: _Sources) -> SiteDeployment:
    environment, description = known.environment, known.description
    orchestrator = sources.context.orchestrator(environment)
    parts = described_parts(description, sources.docs_of(known), orchestrator, sources.at) if description else {}
    own = link(known.address, known.name, description) if description else None
    pages = known.status.pages if known.status else {}
    project = known.deployed.record.owner if known.deployed else environment.project
    return SiteDeployment(
        **{
            **parts,
            "environment": known.deployed.record.environment if known.deployed else environment.name,
            "address": known.address,
            "state": known.state,
            "name": known.name,
            "url": pages.get("") or (orchestrator.page_of(environment, known.name) if known.name else ""),
            "project": project,
            "owner": parts.get("owner") or project,
            "started_by": sources.starts.started_by(own) if own else (),
            "starts": sources.starts.starts(own) if own else (),
            "version": version_of(known.desired.description) if known.desired else None,
            "deployed": deployed_part(known.deployed) if known.deployed else None,
            "live": live_part(known.status),
            "manifest": sources.files.of_location(known.deployment.location) if known.deployment else None,
            "problems": tuple(map(str, known.problems)),
        }
    )

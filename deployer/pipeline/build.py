"""What should be deployed: the pipeline from manifests to described deployments, in one function.

The compiler and the renderer are imported where they are used, so that an error in a manifest is told at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.description import describe
from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.manifest.load import load_selection
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.flow import Flow, Package
from deployer.models.manifests import Manifests
from deployer.models.progress import Progress
from deployer.models.selection import Selection
from deployer.orchestrators.airflow import record
from deployer.state.cache import CachedDescription, digest_deployment


@dataclass(frozen=True)
class DesiredState:
    """The selected deployments, compiled and described, with the manifests that they come from."""

    manifests: Manifests
    items: tuple[Desired, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(item for item in self.diagnostics if item.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(item for item in self.diagnostics if item.severity is not Severity.ERROR)


def build(selection: Selection, environ: Mapping[str, str], progress: Progress) -> DesiredState:
    """Load, resolve, compile, check, describe. Nothing is written anywhere.

    Problems of flows are returned beside those that are well, so that all are told at once; problems of the
    manifests themselves raise DeployError, since there is nothing to compile then.
    """
    return build_from(load_selection(selection, environ), selection, progress)


def build_from(
    manifests: Manifests,
    selection: Selection,
    progress: Progress,
    *,
    known: Callable[[], Mapping[str, CachedDescription]] = dict,
    meanwhile: Callable[[], object] = dict,
    note_inputs: bool = False,
) -> DesiredState:
    """As `build`, from manifests that are loaded.

    What `known` gives by address is taken as it is while nothing of it has changed; `note_inputs` notes what the others
    are made from. `known` is called once, while the compiler starts, `meanwhile` once, while it works.
    """
    from deployer.compiler import client as compiler

    chosen = choose(manifests.deployments, selection)
    old: dict[str, CachedDescription] = {}

    def notes() -> dict[str, Mapping[str, Any]]:
        given = known()
        old.update({item.address: given[item.address] for item in chosen if _is_same(item, given)})
        return {address: each.notes for address, each in old.items()}

    def while_compiling() -> None:
        from deployer.orchestrators import airflow as renderer  # noqa: F401

        meanwhile()

    compiled = compiler.compile_flows(chosen, progress, known=notes, meanwhile=while_compiling, note_inputs=note_inputs)
    from deployer.orchestrators import airflow as renderer

    checked = [
        (deployment, compiled.flows[deployment.address])
        for deployment in chosen
        if deployment.address in compiled.flows
    ]
    found = {deployment.address: list(renderer.check(deployment, flow)) for deployment, flow in checked}
    problems = [problem for each in found.values() for problem in each]
    refused = {problem for problem in problems if problem.severity is Severity.ERROR}
    # A warning must be given each time: the flow that it is about is compiled each time.
    inputs = {address: notes for address, notes in compiled.inputs.items() if not found[address]}
    new = (_describe(deployment, flow, inputs.get(deployment.address)) for deployment, flow in checked)
    same = (_as_before(item, old[item.address]) for item in chosen if item.address in compiled.unchanged)
    items = () if refused else (*new, *same)
    diagnostics = (*manifests.warnings, *compiled.diagnostics, *problems, *_duplicate_ids(items), *_too_large(items))
    return DesiredState(manifests, items, tuple(sorted(set(diagnostics), key=lambda item: item.sort_key)))


def build_or_refuse(selection: Selection, environ: Mapping[str, str], progress: Progress) -> DesiredState:
    """As `build`, but raises DeployError when anything at all is wrong."""
    state = build(selection, environ, progress)
    if state.errors:
        raise DeployError(state.diagnostics)
    return state


def package(
    items: Sequence[Desired],
    *,
    upload: bool,
    user: str,
    progress: Progress,
    tokens: Mapping[str, str] | None = None,
    meanwhile: Callable[[], object] = dict,
) -> Mapping[str, Package]:
    """Code packages by address; stored in each deployment's datastore when `upload` says so. Raises DeployError.

    `tokens` are the production tokens that deployed DAGs have, by address. `meanwhile` is called while the compiler
    works.
    """
    from deployer.compiler import client as compiler

    dag_ids = {item.deployment.address: item.dag_id for item in items}
    deployments = [item.deployment for item in items]
    return compiler.build_packages(
        deployments,
        upload=upload,
        user=user,
        dag_ids=dag_ids,
        tokens=tokens,
        progress=progress,
        meanwhile=meanwhile,
    )


def render(item: Desired, built: Package, since: datetime | None = None, commit: str | None = None) -> str:
    """The DAG file's text without its record.

    `since` is when the DAG was first applied, `commit` what is being applied; None where that is not known.
    """
    from deployer.orchestrators import airflow as renderer

    return renderer.render(item.deployment, item.flow, built, since, commit)


def choose(deployments: Iterable[Deployment], selection: Selection) -> list[Deployment]:
    """The deployments that a selection takes."""
    return [item for item in deployments if selection.selects(item.address)]


def unmatched_patterns(selection: Selection, addresses: Iterable[str]) -> list[Diagnostic]:
    """One error for each pattern of the selection that takes none of the addresses: most likely it is misspelt."""
    known = sorted(set(addresses))
    names = sorted({address.partition("/")[2] for address in known})
    return [
        Diagnostic(
            code="unknown-flow",
            message=f"no flow matches {pattern!r}",
            hint=nearest(pattern, [*names, *known]),
        )
        for pattern in (*selection.flows, *selection.exclude)
        if not any(Selection(selection.manifests, flows=(pattern,)).selects(address) for address in known)
    ]


def _is_same(deployment: Deployment, known: Mapping[str, CachedDescription]) -> bool:
    found = known.get(deployment.address)
    return found is not None and found.deployment == digest_deployment(deployment)


def _as_before(deployment: Deployment, known: CachedDescription) -> Desired:
    return Desired(deployment, None, known.dag_id, known.description, known.notes)


def _describe(deployment: Deployment, flow: Flow, inputs: Mapping[str, Any] | None) -> Desired:
    from deployer.compiler import client as compiler
    from deployer.orchestrators import airflow as renderer

    schedule = renderer.schedule_of(deployment, flow)
    description = describe(deployment, flow, schedule, renderer.RENDERER_VERSION, compiler.runtime_digest())
    return Desired(deployment, flow, renderer.dag_id(deployment, flow), description, inputs)


def _too_large(items: Iterable[Desired]) -> Iterator[Diagnostic]:
    """Deployments whose record could not be read back, so that no plan would know what they are."""
    for item in items:
        if item.compiled and record.is_too_large(item.description):
            size = {name: len(json.dumps(part)) for name, part in item.description.items()}
            most = max(size, key=lambda name: size[name])
            yield Diagnostic(
                code="too-large",
                message=f"what decides the DAG has {sum(size.values()):,} characters, most of them in its {most}",
                location=item.deployment.location,
                path=f"flows.{item.deployment.name}",
                hint="put long values into a file that the flow reads",
            )


def _duplicate_ids(items: Iterable[Desired]) -> Iterator[Diagnostic]:
    """Two deployments that would write the same file at one target."""
    seen: dict[tuple[str, str], Desired] = {}
    for item in items:
        key = (item.deployment.environment.target.resolved, item.dag_id)
        first = seen.setdefault(key, item)
        if first is not item:
            yield Diagnostic(
                code="duplicate-dag-id",
                message=f"{first.deployment.address} and {item.deployment.address} have one DAG id, {item.dag_id!r}",
                location=item.deployment.location,
                path=f"flows.{item.deployment.name}",
                hint="give one of them a dag_id of its own",
            )

"""The only room that knows Metaflow: a flow file becomes a `Flow` description and a code package.

Metaflow is never imported here. Helper processes do (see `worker`), one for each interpreter and set of Metaflow
settings, so that what a flow does when it is imported stays outside of the program.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from deployer.compiler.client import answers, process
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Package
from deployer.models.progress import Progress, silent


@dataclass(frozen=True)
class Compiled:
    """The flows that compiled, by the address of their deployment, and what is wrong with the others.

    `diagnostics` holds errors (each of a flow that is missing from `flows`) and warnings. `unchanged` are the addresses
    of which nothing has changed since their notes were made: those are not in `flows` either. `inputs` are new notes,
    by address, of the flows whose inputs can be told in full.
    """

    flows: Mapping[str, Flow]
    diagnostics: tuple[Diagnostic, ...]
    unchanged: frozenset[str] = frozenset()
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def compile_flows(
    deployments: Sequence[Deployment],
    progress: Progress = silent,
    *,
    known: Callable[[], Mapping[str, Mapping[str, Any]]] = dict,
    meanwhile: Callable[[], object] = dict,
    note_inputs: bool = False,
) -> Compiled:
    """Describe the flow of each deployment. Nothing is written anywhere.

    A flow that cannot be compiled is a diagnostic,
    whatever its code does; the others go on. With `note_inputs` the result holds notes of what each description was
    made from; given back by `known`, a flow is not described again while nothing of that has changed. `known` is called
    once, while the helpers start, `meanwhile` once, while they work.
    """
    found = process.run(
        deployments,
        mode="describe",
        user="mfdeploy",
        progress=progress,
        known=known,
        meanwhile=meanwhile,
        note_inputs=note_inputs,
    )
    flows: dict[str, Flow] = {}
    inputs: dict[str, Mapping[str, Any]] = {}
    diagnostics: list[Diagnostic] = []
    for deployment in deployments:
        answer = found[deployment.address]
        diagnostics += answers.diagnostics(deployment, answer)
        if answer["result"] is not None:
            flows[deployment.address] = answers.flow(deployment, answer["result"])
            if answer["result"].get("inputs"):
                inputs[deployment.address] = answer["result"]["inputs"]
    unique = dict.fromkeys(diagnostics)
    return Compiled(
        flows,
        tuple(sorted(unique, key=lambda diagnostic: diagnostic.sort_key)),
        frozenset(address for address, answer in found.items() if answer["unchanged"]),
        inputs,
    )


def build_packages(
    deployments: Sequence[Deployment],
    *,
    upload: bool,
    user: str,
    dag_ids: Mapping[str, str] | None = None,
    tokens: Mapping[str, str] | None = None,
    progress: Progress = silent,
    meanwhile: Callable[[], object] = dict,
) -> Mapping[str, Package]:
    """Build the code package of each deployment, by address; store it in its datastore where `upload` says so.

    With `upload` the deploy-time functions are evaluated, for `user`; without, nothing is written or evaluated and
    their values are ``(known at apply)``. The same goes for the production token of each DAG that `dag_ids` names by
    address: with `upload` it is read from the datastore, or put there: the one that `tokens` has of the deployed DAG,
    else a new one. `meanwhile` is called while the helpers work. Raises DeployError with the problems of all
    deployments.
    """
    mode: process.Mode = "upload" if upload else "package"
    found = process.run(
        deployments, mode=mode, user=user, progress=progress, dag_ids=dag_ids, tokens=tokens, meanwhile=meanwhile
    )
    problems = [
        diagnostic
        for deployment in deployments
        for diagnostic in answers.diagnostics(deployment, found[deployment.address])
        if diagnostic.severity is Severity.ERROR
    ]
    if problems:
        raise DeployError(problems)
    return {deployment.address: answers.package(found[deployment.address]["result"]) for deployment in deployments}


@lru_cache(maxsize=1)
def runtime_digest() -> str:
    """The first 16 hex digits of a SHA-256 of what runs each task (`mfdeploy_task`)."""
    digest = hashlib.sha256()
    for file in sorted((Path(__file__).resolve().parents[2] / "runtime" / "mfdeploy_task").glob("*.py")):
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]

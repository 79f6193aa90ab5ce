"""mfdeploy env: what Metaflow's Client and ``resume`` need to find the runs of a deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.client_variables import client_variables
from deployer.models.deployment import Deployment
from deployer.models.desired import Deployed
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection
from deployer.pipeline.selecting import find_deployment
from deployer.state.survey import survey


@dataclass(frozen=True)
class EnvResult:
    """Variables by name, and from the deployed DAG: the name of the flow's class and the namespace of its runs.

    The last two are None if they are not known.
    """

    deployment: Deployment
    variables: Mapping[str, str]
    dag_id: str | None
    flow: str | None
    namespace: str | None
    warnings: Sequence[Diagnostic]


def env(selection: Selection, flow: str, environment: str, context: Context) -> EnvResult:
    """Read the manifests, and at the target the record of a flow's deployment; no flow is compiled.

    Raises DeployError.
    """
    manifests = context.load(replace(selection, environments=(environment,)))
    deployment = find_deployment(manifests, flow, environment)
    deployed = _deployed(deployment, manifests, context)
    record = deployed.record if deployed else None
    token = deployed.production_token if deployed else None
    # It is printed for a shell as it is, and anybody who may write the file may have written it.
    token = token if token and token.isprintable() else None
    return EnvResult(
        deployment,
        client_variables(deployment.environment),
        record.name if record else None,
        record.description.code.flow if record else None,
        f"production:{token}" if token else None,
        [] if token else [_unknown_namespace(deployment, deployed)],
    )


def _deployed(deployment: Deployment, manifests: Manifests, context: Context) -> Deployed | None:
    (state,) = survey(
        [deployment.environment], context.connect, manifests.addresses, branches=manifests.branches
    ).states
    of_ours = (item for item in state.deployed if state.owns(item))
    return next((item for item in of_ours if item.record and item.record.address == deployment.address), None)


def _unknown_namespace(deployment: Deployment, deployed: Deployed | None) -> Diagnostic:
    if deployed is None:
        message, hint = f"{deployment.address} is not deployed, so its runs have no namespace yet", "apply it first"
    else:
        message = f"{deployment.address} was deployed by an mfdeploy that did not note the namespace of its runs"
        hint = "use namespace(None), which is that of all runs, or apply it again"
    return Diagnostic("no-namespace", message, hint=hint, severity=Severity.WARNING)

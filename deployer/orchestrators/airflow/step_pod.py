"""The pod of a step, from the attributes that Metaflow resolved, with annotations for its flow."""

from __future__ import annotations

from deployer.kubernetes import pods
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Step

# Kubernetes secrets that every pod gets, in addition to those of the step.
_COMMON_SECRETS = "METAFLOW_KUBERNETES_SECRETS"


def pod_of(deployment: Deployment, flow: Flow, step: Step) -> pods.Pod:
    """The pod of a step, without its command and without the variables that differ from run to run."""
    common = deployment.environment.metaflow.get(_COMMON_SECRETS, "")
    return pods.build(step.pod, _annotations(deployment, flow), pods.names_in(common), flow.time_limit(step))


def _annotations(deployment: Deployment, flow: Flow) -> dict[str, str]:
    owner = deployment.owner or deployment.environment.project
    # Runs belong to the scheduler, whoever applies: both are what METAFLOW_OWNER and METAFLOW_USER are in the pod.
    found = {"metaflow/flow_name": flow.name, "metaflow/owner": owner, "metaflow/user": owner}
    if flow.project:
        found["metaflow/project_name"] = flow.project.project
        found["metaflow/branch_name"] = flow.project.branch
        found["metaflow/project_flow_name"] = flow.project.flow
    return found

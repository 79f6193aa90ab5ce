"""The environment variables of a task: those that are equal in every run, and the names of those set for each task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath

from deployer.kubernetes import pods
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Package, Step
from deployer.models.record import Origin
from deployer.orchestrators.airflow.parameters import ABSENT, effective_default
from deployer.orchestrators.airflow.step_pod import pod_of

MAX_RUN_TAG = 500  # Metaflow's own limit
# Variables that identify a task. The user's code may read them but not set them.
TASK_VARIABLES = frozenset(
    f"METAFLOW_{name}"
    for name in (
        *("STEP_NAME", "RUN_ID", "TASK_ID", "INPUT_PATHS", "SPLIT_INDEX", "PARAMETERS", "RETRY_COUNT"),
        *("MAX_USER_CODE_RETRIES", "AIRFLOW_DAG_RUN_ID", "AIRFLOW_JOB_ID", "TAGS", "TASK_OPTIONS", "TASK_NAMESPACE"),
        "PRODUCTION_TOKEN",
    )
)


def run_tags(deployment: Deployment, origin: Origin) -> list[str]:
    """The tags of the runs: the manifest's, `mfdeploy`, environment and branch, and what is known of the apply."""
    known = {"commit": origin.commit, "applied_by": origin.applied_by, "ci": origin.ci_url}
    added = {"mfdeploy", f"env:{deployment.environment.name}"}
    if deployment.own_branch.name:
        added.add(f"branch:{deployment.own_branch.safe_name}")
    return sorted({*deployment.tags, *added, *(one_line(f"{name}:{text}") for name, text in known.items() if text)})


def one_line(text: str) -> str:
    """A text from the environment of an apply as Metaflow takes it for a tag: short, and on one line.

    It may hold anything; bytes that are not UTF-8 would make each task fail.
    """
    return "".join(character if character.isprintable() else "?" for character in text[:MAX_RUN_TAG])


def step_variables(
    deployment: Deployment, flow: Flow, step: Step, package: Package, tags: Sequence[str]
) -> dict[str, str]:
    """The variables of a step that are equal in every run. `@environment` cannot override Metaflow's own."""
    own: dict[str, str] = {
        "METAFLOW_TAGS": json.dumps(list(tags)),
        "METAFLOW_TASK_OPTIONS": json.dumps(list(step.options)),
    }
    if step.name == flow.start and any(parameter.type == "file" for parameter in flow.parameters):
        own["MFDEPLOY_INCLUDES"] = json.dumps(_includes(deployment, flow, package))
    if deployment.show_items and any(each.kind == "foreach" for each in flow.steps):
        own["MFDEPLOY_SHOW_ITEMS"] = "1"
    if step.parallel:
        own["MFDEPLOY_PARALLEL"] = "0"
    if flow.code.publishes_events:
        own["MFDEPLOY_EVENTS"] = "1"
    if deployment.namespace is not None:
        own["METAFLOW_TASK_NAMESPACE"] = deployment.namespace
    if deployment.environment.compute == "kubernetes":
        own["METAFLOW_KUBERNETES_WORKLOAD"] = "1"
        own["METAFLOW_RUNTIME_ENVIRONMENT"] = "kubernetes"
        own["MFDEPLOY_RESULT_FILE"] = pods.TERMINATION_MESSAGE
        # Metaflow starts the flow's file again to note that a spot instance is about to end.
        own["METAFLOW_FLOW_FILENAME"] = PurePath(flow.file).name
        own.update(pod_of(deployment, flow, step).environment)
    found = {**step.environment, **flow.environment, **package.environment, **own}
    if deployment.environment.compute == "kubernetes":
        # A pod that has a variable twice is refused by some clusters: these come from the pod itself.
        found = {name: value for name, value in found.items() if name not in pods.POD_FIELDS}
    return found


def _includes(deployment: Deployment, flow: Flow, package: Package) -> dict[str, object]:
    """What a run may give the flow's IncludeFiles, beside objects of its datastore: see `mfdeploy_task.included`."""
    files = [parameter for parameter in flow.parameters if parameter.type == "file"]
    values = {parameter.name: effective_default(deployment, parameter, package) for parameter in files}
    deployed = {name: value for name, value in values.items() if value is not ABSENT and value is not None}
    return {"deployed": deployed, "allowed": sorted(set(deployment.include_from))}

"""A step's pod as Airflow's KubernetesPodOperator creates it, as far as it is known before a run.

Left out, because only a run or a built code package decides them: the random suffix of the pod's name, the labels of
the run and of the installed Airflow, the annotations of the task, the variables that differ between tasks, and the
script. Source of what the operator adds: build_pod_request_obj in airflow/providers/cncf/kubernetes/operators/pod.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from deployer.kubernetes import pods
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Package, Step
from deployer.models.record import UNKNOWN_ORIGIN
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.step_pod import pod_of
from deployer.orchestrators.airflow.variables import run_tags, step_variables

BASE = "base"
# Replaces the script: this pod is only checked, never run.
NO_SCRIPT = ["true"]
_NO_PACKAGE = Package(url="", sha="", scripts={}, environment={})
_MAX_NAME = 50


def pod_manifests(deployment: Deployment, flow: Flow) -> dict[str, dict[str, Any]]:
    """The pods (manifests of the Kubernetes API) of a flow by step name, in graph order."""
    return {step.name: _manifest(deployment, flow, step) for step in flow.steps}


def _manifest(deployment: Deployment, flow: Flow, step: Step) -> dict[str, Any]:
    pod = pod_of(deployment, flow, step)
    container: dict[str, Any] = {"name": BASE, **pod.container, "env": _variables(deployment, flow, step)}
    container |= {"command": ["bash", "-c"], "args": NO_SCRIPT, "terminationMessagePolicy": "FallbackToLogsOnError"}
    spec: dict[str, Any] = {**pod.spec, "containers": [container], "restartPolicy": "Never"}
    labels = {**pod.labels, **_labels(deployment, flow, step)}
    metadata = {
        "name": _name(deployment, step),
        "namespace": pod.namespace,
        "labels": labels,
        "annotations": {**pod.annotations, "metaflow/step_name": step.name},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _variables(deployment: Deployment, flow: Flow, step: Step) -> list[dict[str, Any]]:
    fields = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in pods.POD_FIELDS.items()]
    values = step_variables(deployment, flow, step, _NO_PACKAGE, run_tags(deployment, UNKNOWN_ORIGIN))
    return [*fields, *({"name": name, "value": text.replace("$", "$$")} for name, text in values.items())]


def _labels(deployment: Deployment, flow: Flow, step: Step) -> Mapping[str, str]:
    """The labels that the operator adds and that are the same in each run."""
    return {
        "dag_id": _safe_label(dag_id(deployment, flow)),
        "task_id": _safe_label(step.name),
        "kubernetes_pod_operator": "True",
    }


def _safe_label(text: str) -> str:
    """Like the operator's make_safe_label_value: a value that is too long or not valid gets a hash as suffix."""
    safe = re.sub(r"^[^a-z0-9A-Z]*|[^a-zA-Z0-9_\-.]|[^a-z0-9A-Z]*$", "", text)
    if len(safe) > 63 or safe != text:
        digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:9]
        safe = f"{safe[: 63 - len(digest) - 1]}-{digest}"
    return safe


def _name(deployment: Deployment, step: Step) -> str:
    """The step's name with a hash as suffix. The operator's suffix is random; this one makes checks repeatable."""
    digest = hashlib.sha256(f"{deployment.address}/{step.name}".encode()).hexdigest()[:8]
    words = re.sub(r"[^a-z0-9]+", "-", step.name.lower()).strip("-")
    return f"{words[:_MAX_NAME].rstrip('-') or 'step'}-{digest}"

"""Pods as Metaflow's own compiler for Argo Workflows makes them, and ours, as fields that can be compared.

``python flow.py argo-workflows create --only-json`` needs no cluster: it is an oracle for what belongs into a pod.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.orchestrators.airflow.pod_manifest import pod_manifests
from tests.kubernetes.expressions import expanded
from tests.s3 import CREDENTIALS

# A pod's fields by their paths: ``container.env.METAFLOW_OWNER``.
Fields = dict[str, Any]
# What tells the items of a list apart; without one it is their position.
_NAMES = {"env": "name", "volumes": "name", "volumeMounts": "mountPath"}


def compiled(file: Path, home: Path, profile: str, *options: str, prints: Path | None = None) -> dict[str, Any]:
    """The WorkflowTemplate of a flow, with the settings of ``config_PROFILE.json`` in `home`.

    `prints` is a script that runs the flow's file in its place, and has something else printed.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    settings = {"METAFLOW_HOME": str(home), "METAFLOW_PROFILE": profile, "METAFLOW_USER": "growth"}
    command = ["--datastore=s3", "--no-pylint", "--quiet", *options, "argo-workflows", "create", "--only-json"]
    done = subprocess.run(
        [sys.executable, *([str(prints)] if prints else []), str(file), *command],
        env={**kept, **CREDENTIALS, **settings},
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def argo_pods(workflow: Mapping[str, Any]) -> dict[str, Fields]:
    """The pod of each step of a WorkflowTemplate, and how often it is tried again."""
    common = workflow["spec"]["podMetadata"]
    found = {}
    for template in workflow["spec"]["templates"]:
        step = template.get("metadata", {}).get("annotations", {}).get("metaflow/step_name")
        if "container" in template and step:
            # What a template says of the pod's metadata comes on top of what the workflow says.
            metadata = {key: {**common[key], **template["metadata"].get(key, {})} for key in ("labels", "annotations")}
            spec = {key: template.get(key) for key in _TEMPLATE_FIELDS}
            spec.update(json.loads(template.get("podSpecPatch") or "{}"))
            retries = template.get("retryStrategy") or {}
            found[step] = _fields(
                {
                    "metadata": {**metadata, "namespace": workflow["metadata"]["namespace"]},
                    "spec": spec,
                    "container": template["container"],
                    "retries": {
                        "times": int(retries.get("limit") or 0),
                        "minutes": int(retries["backoff"]["duration"].rstrip("m")) if retries.get("limit") else 0,
                    },
                }
            )
            _assert_known(template)
    return found


_TEMPLATE_FIELDS = ("activeDeadlineSeconds", "nodeSelector", "serviceAccountName", "tolerations", "volumes")
# What a template says beside the pod: what goes in and out of it, in the language of Argo.
_OTHER_FIELDS = {"container", "failFast", "inputs", "metadata", "name", "outputs", "podSpecPatch", "retryStrategy"}


def _assert_known(template: Mapping[str, Any]) -> None:
    unknown = set(template) - set(_TEMPLATE_FIELDS) - _OTHER_FIELDS
    assert not unknown, f"what is {', '.join(sorted(unknown))} of a template? Compare it, or say why not"


def our_pods(deployment: Deployment, flow: Flow) -> dict[str, Fields]:
    """The pod of each step as it goes to the cluster, and how often it is tried again."""
    found = {}
    for step, pod in pod_manifests(deployment, flow).items():
        retries = flow.step(step).retries
        (container,) = pod["spec"]["containers"]
        found[step] = _fields(
            {
                "metadata": pod["metadata"],
                "spec": {key: value for key, value in pod["spec"].items() if key != "containers"},
                "container": container,
                "retries": {"times": retries.times + retries.fallback, "minutes": retries.minutes_between},
            }
        )
    return found


def _fields(pod: Mapping[str, Any]) -> Fields:
    found: Fields = {}
    for path, value in _flat("", pod):
        assert path not in found, f"{path} is there twice"
        found[path] = _read(path, value)
    return found


def _read(path: str, value: Any) -> Any:
    """A value as the cluster reads it."""
    if path.startswith("container.resources."):
        # 4.0 and 4, and 2000.0M and 2000M are the same amount.
        return re.sub(r"\.0(?=M?$)", "", value)
    return expanded(value, {}) if path.startswith("container.env.") and isinstance(value, str) else value


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each scalar with its path. What is null, and an empty map or list, says nothing in the Kubernetes API."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{path}.{key}" if path else key, item)
    elif isinstance(value, list):
        name = _NAMES.get(path.rpartition(".")[2])
        for number, item in enumerate(value):
            key = item[name] if name else number
            rest = {other: each for other, each in item.items() if other != name} if name else item
            yield from _flat(f"{path}.{key}", rest if rest else {"there": True})
    elif value is not None:
        yield path, value

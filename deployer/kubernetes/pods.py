"""Builds a pod of the Kubernetes API from the attributes of `@kubernetes` that Metaflow resolved.

The pods equal those of Metaflow's own jobs (metaflow/plugins/kubernetes/kubernetes_job.py and kube_utils.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

# The attributes of `@kubernetes` that are supported. Any other that is set is refused, never ignored.
# fmt: off
KNOWN_ATTRIBUTES = frozenset((
    "annotations", "compute_pool", "cpu", "disk", "extended_resources", "gpu", "gpu_vendor",
    "hostname_resolution_timeout", "image", "image_pull_policy", "image_pull_secrets", "labels", "memory",
    "namespace", "node_selector", "persistent_volume_claims", "port", "qos", "secrets", "security_context",
    "service_account", "shared_memory", "tmpfs_path", "tmpfs_size", "tmpfs_tempdir", "tolerations",
    "use_tmpfs",
))
# fmt: on
# How Airflow connects to the cluster: the key of the manifest and the argument of the operator.
CLUSTER_SETTINGS: Mapping[str, str] = {
    "connection": "kubernetes_conn_id",
    "context": "cluster_context",
    "in_cluster": "in_cluster",
    "kubeconfig": "config_file",
}
# What Airflow does with a pod, where no manifest says otherwise.
HANDLING: Mapping[str, JsonValue] = {
    "on_finish_action": "delete_pod",
    "startup_timeout_seconds": 3600,
}
# Where a container leaves what the kubelet shows as its termination message, 4 KB of it. It is writable for every user,
# also in a container whose root file system is not.
TERMINATION_MESSAGE = "/dev/termination-log"
# Variables that describe the container's own pod, the same as Metaflow sets.
POD_FIELDS = {
    "METAFLOW_KUBERNETES_NAMESPACE": "metadata.namespace",
    "METAFLOW_KUBERNETES_POD_NAMESPACE": "metadata.namespace",
    "METAFLOW_KUBERNETES_POD_NAME": "metadata.name",
    "METAFLOW_KUBERNETES_POD_ID": "metadata.uid",
    "METAFLOW_KUBERNETES_SERVICE_ACCOUNT_NAME": "spec.serviceAccountName",
    "METAFLOW_KUBERNETES_NODE_IP": "status.hostIP",
}


@dataclass(frozen=True)
class Pod:
    """The parts of a step's pod, as JSON of the Kubernetes API. `environment` are variables that Metaflow adds."""

    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    spec: Mapping[str, JsonValue]
    container: Mapping[str, JsonValue]
    environment: Mapping[str, str] = field(default_factory=dict)


def unknown_attributes(attributes: Mapping[str, Any]) -> list[str]:
    """Attributes of `@kubernetes` that are set but not supported."""
    return sorted(name for name, value in attributes.items() if name not in KNOWN_ATTRIBUTES and value)


def build(
    attributes: Mapping[str, Any], annotations: Mapping[str, str], secrets: Sequence[str], time_limit: int
) -> Pod:
    """The pod for the attributes of `@kubernetes`, without a command.

    `annotations` extend and override those of the attributes. `secrets` are names of further Kubernetes secrets.
    `time_limit` is how many seconds the cluster lets the pod run.
    """
    given = {name: value for name, value in attributes.items() if value is not None}
    volumes = _volumes(given)
    spec: dict[str, JsonValue] = {"activeDeadlineSeconds": time_limit}
    _put(spec, "serviceAccountName", given.get("service_account"))
    _put(spec, "nodeSelector", {**_node_selector(given)})
    _put(spec, "tolerations", [_camel_keys(toleration) for toleration in given.get("tolerations") or ()])
    _put(spec, "imagePullSecrets", [{"name": name} for name in names_in(given.get("image_pull_secrets"))])
    _put(spec, "volumes", [volume for volume, _ in volumes])
    return Pod(
        namespace=str(given.get("namespace") or "default"),
        labels=_labels(given),
        annotations={**_string_values(given.get("annotations")), **annotations},
        spec=spec,
        container=_container(given, secrets, [mount for _, mount in volumes]),
        environment=_tmpfs_variables(given),
    )


def cluster_arguments(settings: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The arguments of the operator that select the cluster.

    Without any, the operator tries its default connection, the cluster that Airflow runs in, and the kubeconfig of the
    worker.
    """
    arguments: dict[str, JsonValue] = {
        CLUSTER_SETTINGS[name]: value for name, value in settings.items() if value is not None
    }
    if {"cluster_context", "config_file"} & set(arguments):
        # Otherwise the operator would use the cluster that it runs in, and not the selected one.
        arguments.setdefault("in_cluster", False)
    return arguments


def _container(given: Mapping[str, Any], secrets: Sequence[str], mounts: Sequence[JsonValue]) -> dict[str, JsonValue]:
    container: dict[str, JsonValue] = {"resources": _resources(given)}
    _put(container, "image", given.get("image"))
    _put(container, "imagePullPolicy", given.get("image_pull_policy"))
    all_secrets = dict.fromkeys([*names_in(given.get("secrets")), *secrets])
    _put(container, "envFrom", [{"secretRef": {"name": name}} for name in all_secrets])
    _put(container, "ports", [{"containerPort": int(given["port"])}] if given.get("port") else [])
    _put(container, "securityContext", _camel_keys(given.get("security_context") or {}))
    _put(container, "volumeMounts", list(mounts))
    return container


def _resources(given: Mapping[str, Any]) -> JsonValue:
    """Requests, and limits where the QoS class or the kind of resource needs them.

    Source: qos_requests_and_limits in metaflow/plugins/kubernetes/kube_utils.py.
    """
    amounts: dict[str, JsonValue] = {
        "cpu": str(given["cpu"]),
        "memory": f"{given['memory']}M",
        "ephemeral-storage": f"{given['disk']}M",
    }
    extended: dict[str, JsonValue] = {
        name: str(amount) for name, amount in (given.get("extended_resources") or {}).items()
    }
    guaranteed = str(given.get("qos", "")).lower() == "guaranteed"
    limits = {**(amounts if guaranteed else {}), **extended}
    if "gpu" in given:
        limits[f"{given.get('gpu_vendor', 'nvidia')}.com/gpu".lower()] = str(given["gpu"])
    resources: dict[str, JsonValue] = {"requests": {**amounts, **extended}}
    if limits:
        resources["limits"] = limits
    return resources


def _volumes(given: Mapping[str, Any]) -> list[tuple[JsonValue, JsonValue]]:
    """Pairs of a volume and its mount."""
    pairs: list[tuple[JsonValue, JsonValue]] = []
    if _uses_tmpfs(given):
        pairs.append(_memory_volume("tmpfs-ephemeral-volume", given["tmpfs_size"], given["tmpfs_path"]))
    if given.get("shared_memory"):
        pairs.append(_memory_volume("dhsm", int(given["shared_memory"]), "/dev/shm"))  # noqa: S108 - a path in the container
    for claim, path in sorted((given.get("persistent_volume_claims") or {}).items()):
        volume: JsonValue = {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
        pairs.append((volume, {"name": claim, "mountPath": path}))
    return pairs


def _memory_volume(name: str, mebibytes: int, path: str) -> tuple[JsonValue, JsonValue]:
    volume: JsonValue = {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{mebibytes}Mi"}}
    return volume, {"name": name, "mountPath": path}


def _uses_tmpfs(given: Mapping[str, Any]) -> bool:
    return bool(given.get("use_tmpfs") or given.get("tmpfs_size"))


def _tmpfs_variables(given: Mapping[str, Any]) -> dict[str, str]:
    """What the task has to know of its tmpfs: the `@kubernetes` in its code may say something else."""
    if not _uses_tmpfs(given):
        return {}
    attributes = {"tmpfs_path": given["tmpfs_path"], "tmpfs_tempdir": bool(given["tmpfs_tempdir"])}
    found = {"MFDEPLOY_TMPFS": json.dumps(attributes)}
    return {**found, "METAFLOW_TEMPDIR": given["tmpfs_path"]} if attributes["tmpfs_tempdir"] else found


def _node_selector(given: Mapping[str, Any]) -> dict[str, str]:
    selector = given.get("node_selector") or {}
    if isinstance(selector, str):
        selector = dict(pair.split("=", 1) for pair in selector.split(","))
    found = {name: str(value) for name, value in selector.items()}
    if given.get("compute_pool"):
        found.setdefault("outerbounds.co/compute-pool", str(given["compute_pool"]))
    return found


def _labels(given: Mapping[str, Any]) -> dict[str, str]:
    return {
        "app": "metaflow",
        **_string_values(given.get("labels")),
        "app.kubernetes.io/name": "metaflow-task",
        "app.kubernetes.io/part-of": "metaflow",
    }


def _string_values(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Labels or annotations with string values, as the Kubernetes API requires."""
    return {name: "" if value is None else str(value) for name, value in (values or {}).items()}


def _camel_keys(mapping: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Keys as in the Kubernetes API. Users may write the snake_case keys of its Python client."""
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), key): value for key, value in mapping.items()}


def names_in(value: str | Sequence[str] | None) -> list[str]:
    """The names in a list, or in a string that separates them by commas."""
    names = value.split(",") if isinstance(value, str) else value or ()
    return [name for name in names if name]


def _put(target: dict[str, JsonValue], key: str, value: JsonValue) -> None:
    if value:
        target[key] = value

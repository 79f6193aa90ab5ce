"""`@kubernetes` as a pod: every attribute that Metaflow resolved, in the words of the Kubernetes API.

What Metaflow does for its own jobs is the model (metaflow/plugins/kubernetes/kubernetes_job.py and kube_utils.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Attributes of `@kubernetes` that a pod is made from. One that is not here and is set is refused, never dropped.
# fmt: off
KNOWN_ATTRIBUTES = frozenset((
    "annotations", "compute_pool", "cpu", "disk", "extended_resources", "gpu", "gpu_vendor",
    "hostname_resolution_timeout", "image", "image_pull_policy", "image_pull_secrets", "labels", "memory",
    "namespace", "node_selector", "persistent_volume_claims", "port", "qos", "secrets", "security_context",
    "service_account", "shared_memory", "tmpfs_path", "tmpfs_size", "tmpfs_tempdir", "tolerations",
    "use_tmpfs",
))
# fmt: on
# How Airflow reaches the cluster: the manifest's word and the operator's argument.
CLUSTER_SETTINGS: Mapping[str, str] = {
    "connection": "kubernetes_conn_id",
    "context": "cluster_context",
    "in_cluster": "in_cluster",
    "kubeconfig": "config_file",
}
DEFAULT_STARTUP_TIMEOUT = 3600
# What a container is told of its own pod, as Metaflow tells it.
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
    """The parts of a step's pod, as plain mappings of the Kubernetes API; `environment` is what Metaflow adds."""

    namespace: str
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    container: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict)


def unknown_attributes(attributes: Mapping[str, Any]) -> list[str]:
    """Attributes of `@kubernetes` that are set and that no pod is made from."""
    return sorted(name for name, value in attributes.items() if name not in KNOWN_ATTRIBUTES and value)


def build(attributes: Mapping[str, Any], annotations: Mapping[str, str], secrets: Sequence[str]) -> Pod:
    """The pod that attributes of `@kubernetes` ask for, without a command.

    `annotations` are added to those of the attributes and stronger; `secrets` are names of Kubernetes secrets that are
    added as well.
    """
    given = {name: value for name, value in attributes.items() if value is not None}
    volumes = _volumes(given)
    spec: dict[str, Any] = {}
    _put(spec, "serviceAccountName", given.get("service_account"))
    _put(spec, "nodeSelector", _node_selector(given))
    _put(spec, "tolerations", [_camel_keys(toleration) for toleration in given.get("tolerations") or ()])
    _put(spec, "imagePullSecrets", [{"name": name} for name in names_in(given.get("image_pull_secrets"))])
    _put(spec, "volumes", [volume for volume, _ in volumes])
    return Pod(
        namespace=str(given.get("namespace") or "default"),
        metadata={"annotations": {**_texts(given.get("annotations")), **annotations}, "labels": _labels(given)},
        spec=spec,
        container=_container(given, secrets, [mount for _, mount in volumes]),
        environment={"METAFLOW_TEMPDIR": given["tmpfs_path"]} if _uses_tmpfs(given) and given["tmpfs_tempdir"] else {},
    )


def cluster_arguments(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of the operator that say where the cluster is.

    Without any the operator looks where it always does: its default connection, the cluster that Airflow runs in, then
    the kubeconfig of the worker.
    """
    arguments = {CLUSTER_SETTINGS[name]: value for name, value in settings.items() if value is not None}
    arguments.setdefault("startup_timeout_seconds", DEFAULT_STARTUP_TIMEOUT)
    if {"cluster_context", "config_file"} & set(arguments):
        # Else the operator prefers the cluster around it to the one that is named.
        arguments.setdefault("in_cluster", False)
    return arguments


def _container(given: Mapping[str, Any], secrets: Sequence[str], mounts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    container: dict[str, Any] = {
        "resources": _resources(given),
    }
    _put(container, "image", given.get("image"))
    _put(container, "imagePullPolicy", given.get("image_pull_policy"))
    _put(
        container,
        "envFrom",
        [{"secretRef": {"name": name}} for name in dict.fromkeys([*names_in(given.get("secrets")), *secrets])],
    )
    _put(container, "ports", [{"containerPort": int(given["port"])}] if given.get("port") else [])
    _put(container, "securityContext", _camel_keys(given.get("security_context") or {}))
    _put(container, "volumeMounts", list(mounts))
    return container


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    """Requests, and limits where the QoS class or the kind of resource wants them.

    Source: qos_requests_and_limits in metaflow/plugins/kubernetes/kube_utils.py.
    """
    amounts = {
        "cpu": str(given["cpu"]),
        "memory": f"{given['memory']}M",
        "ephemeral-storage": f"{given['disk']}M",
    }
    extended = {name: str(amount) for name, amount in (given.get("extended_resources") or {}).items()}
    guaranteed = str(given.get("qos", "")).lower() == "guaranteed"
    limits = {**(amounts if guaranteed else {}), **extended}
    if "gpu" in given:
        limits[f"{given.get('gpu_vendor', 'nvidia')}.com/gpu".lower()] = str(given["gpu"])
    resources = {"requests": {**amounts, **extended}}
    if limits:
        resources["limits"] = limits
    return resources


def _volumes(given: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of a volume and where it is mounted."""
    pairs = []
    if _uses_tmpfs(given):
        pairs.append(_memory("tmpfs-ephemeral-volume", given["tmpfs_size"], given["tmpfs_path"]))
    if given.get("shared_memory"):
        pairs.append(_memory("dhsm", int(given["shared_memory"]), "/dev/shm"))  # noqa: S108 - a path in the container
    for claim, path in sorted((given.get("persistent_volume_claims") or {}).items()):
        volume = {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
        pairs.append((volume, {"name": claim, "mountPath": path}))
    return pairs


def _memory(name: str, mebibytes: Any, path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    volume = {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{mebibytes}Mi"}}
    return volume, {"name": name, "mountPath": path}


def _uses_tmpfs(given: Mapping[str, Any]) -> bool:
    return bool(given.get("use_tmpfs") or given.get("tmpfs_size"))


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
        **_texts(given.get("labels")),
        "app": "metaflow",
        "app.kubernetes.io/name": "metaflow-task",
        "app.kubernetes.io/part-of": "metaflow",
    }


def _texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Labels or annotations, whose values are texts in the Kubernetes API."""
    return {name: "" if value is None else str(value) for name, value in (values or {}).items()}


def _camel_keys(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Keys as the Kubernetes API writes them; users write those of its Python client."""
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), key): value for key, value in mapping.items()}


def names_in(value: Any) -> list[str]:
    """Names in a list, or in a text that separates them by commas."""
    texts = value.split(",") if isinstance(value, str) else list(value or ())
    return [text for text in texts if text]


def _put(target: dict[str, Any], key: str, value: Any) -> None:
    if value:
        target[key] = value

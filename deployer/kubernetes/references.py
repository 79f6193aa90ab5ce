"""The objects that a pod needs. Admission does not check most of them; the kubelet does, when the pod starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Reference:
    """An object that a field of a pod refers to. `namespace` is empty for objects of the whole cluster."""

    kind: str
    namespace: str
    name: str


def references(pod: Mapping[str, Any]) -> Iterator[tuple[Reference, str]]:
    """Each object that the pod cannot run without, with the field that refers to it."""
    namespace, spec = pod["metadata"]["namespace"], pod["spec"]
    yield Reference("namespace", "", namespace), "metadata.namespace"
    if spec.get("priorityClassName"):
        yield Reference("priority class", "", spec["priorityClassName"]), "spec.priorityClassName"
    for kind, name, field in _spec_references(spec):
        yield Reference(kind, namespace, name), field


def _spec_references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if spec.get("serviceAccountName"):
        yield "service account", spec["serviceAccountName"], "spec.serviceAccountName"
    for number, secret in enumerate(spec.get("imagePullSecrets", ())):
        yield "secret", secret["name"], f"spec.imagePullSecrets[{number}]"
    for number, volume in enumerate(spec.get("volumes", ())):
        for kind, name in _volume_references(volume):
            yield kind, name, f"spec.volumes[{number}]"
    for number, container in enumerate(spec["containers"]):
        for kind, name, field in _container_references(container):
            yield kind, name, f"spec.containers[{number}].{field}"


def _volume_references(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    claim, secret, config = (volume.get(key, {}) for key in ("persistentVolumeClaim", "secret", "configMap"))
    if claim:
        yield "persistent volume claim", claim["claimName"]
    if secret and not secret.get("optional"):
        yield "secret", secret["secretName"]
    if config and not config.get("optional"):
        yield "config map", config["name"]


def _container_references(container: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    kinds = (("secret", "secretRef", "secretKeyRef"), ("config map", "configMapRef", "configMapKeyRef"))
    for kind, whole, single in kinds:
        for number, source in enumerate(container.get("envFrom", ())):
            if whole in source and not source[whole].get("optional"):
                yield kind, source[whole]["name"], f"envFrom[{number}]"
        for number, variable in enumerate(container.get("env", ())):
            source = variable.get("valueFrom", {})
            if single in source and not source[single].get("optional"):
                yield kind, source[single]["name"], f"env[{number}]"

"""Which attribute of `@kubernetes`, and so which setting of a manifest, decides a field of a pod."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# What a step's `@environment` decides; no setting does.
ENVIRONMENT = "environment"
_AMOUNTS = {"cpu": "cpu", "memory": "memory", "ephemeral-storage": "disk"}
_VOLUMES = {"tmpfs-ephemeral-volume": "tmpfs_size", "dhsm": "shared_memory"}
_MOUNTS = {"tmpfs-ephemeral-volume": "tmpfs_path", "dhsm": "shared_memory"}
_BASE = r"spec\.containers\[0\]\."
# fmt: off
_FIELDS = (
    (r"metadata\.namespace", "namespace"),
    (r"metadata\.labels", "labels"),
    (r"metadata\.annotations", "annotations"),
    (r"spec\.serviceAccountName", "service_account"),
    (r"spec\.nodeSelector", "node_selector"),
    (r"spec\.tolerations", "tolerations"),
    (r"spec\.imagePullSecrets", "image_pull_secrets"),
    (_BASE + r"imagePullPolicy", "image_pull_policy"),
    (_BASE + r"image", "image"),
    (_BASE + r"envFrom", "secrets"),
    (_BASE + r"env", ENVIRONMENT),
    (_BASE + r"ports", "port"),
    (_BASE + r"securityContext", "security_context"),
    (r"spec\.securityContext", "security_context"),
)
# fmt: on


def setting_of(pod: Mapping[str, Any], field: str) -> str:
    """The setting that decides a field (``spec.containers[0].resources.requests[cpu]``) of a pod's manifest.

    One entry of a map is named with it (``persistent_volume_claims.models``). Empty where no setting decides the field.
    """
    resource = re.match(_BASE + r"resources\.(?:requests|limits)(?:\[([^\]]+)\]|\.(.+))?", field)
    if resource:
        return setting_of_resource(resource[1] or resource[2] or "")
    volume = re.match(r"spec\.volumes\[(\d+)\]", field)
    if volume:
        return _of_volume(_item(pod["spec"].get("volumes", ()), volume[1]), _VOLUMES)
    mount = re.match(_BASE + r"volumeMounts\[(\d+)\]", field)
    if mount:
        return _of_volume(_item(pod["spec"]["containers"][0].get("volumeMounts", ()), mount[1]), _MOUNTS)
    return next((name for pattern, name in _FIELDS if re.match(pattern + r"\b", field)), "")


def setting_of_resource(resource: str) -> str:
    """The setting of a resource as quotas and limits name it (``requests.cpu``, ``nvidia.com/gpu``), or empty."""
    name = re.sub(r"^(?:requests|limits)\.", "", resource)
    if name in _AMOUNTS:
        return _AMOUNTS[name]
    if name.endswith(".com/gpu"):
        return "gpu"
    return f"extended_resources.{name}" if "/" in name else ""


def _item(found: Any, number: str) -> str:
    items = list(found)
    return str(items[int(number)]["name"]) if int(number) < len(items) else ""


def _of_volume(name: str, known: Mapping[str, str]) -> str:
    if name in ("", "xcom"):
        return ""
    return known.get(name, f"persistent_volume_claims.{name}")

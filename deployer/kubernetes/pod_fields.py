"""Which attribute of `@kubernetes`, and so which manifest setting, a field of a pod comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# For variables, which come from a step's `@environment` and from no setting.
ENVIRONMENT = "environment"
# For the time limit, which comes from a step's `@timeout`.
TIMEOUT = "timeout"
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
    (r"spec\.activeDeadlineSeconds", TIMEOUT),
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
    """The setting that a field of a pod comes from (``spec.containers[0].resources.requests[cpu]``).

    An entry of a map is named with its key (``persistent_volume_claims.models``). Empty if there is no such setting.
    """
    resource = re.match(_BASE + r"resources\.(?:requests|limits)(?:\[([^\]]+)\]|\.(.+))?", field)
    if resource:
        return setting_of_resource(resource[1] or resource[2] or "")
    volume = re.match(r"spec\.volumes\[(\d+)\]", field)
    if volume:
        return _volume_setting(_name_at(pod["spec"].get("volumes", ()), volume[1]), _VOLUMES)
    mount = re.match(_BASE + r"volumeMounts\[(\d+)\]", field)
    if mount:
        return _volume_setting(_name_at(pod["spec"]["containers"][0].get("volumeMounts", ()), mount[1]), _MOUNTS)
    return next((name for pattern, name in _FIELDS if re.match(pattern + r"\b", field)), "")


def setting_of_resource(resource: str) -> str:
    """The setting of a resource, named as in quotas and limits (``requests.cpu``, ``nvidia.com/gpu``); else empty."""
    name = re.sub(r"^(?:requests|limits)\.", "", resource)
    if name in _AMOUNTS:
        return _AMOUNTS[name]
    if name.endswith(".com/gpu"):
        return "gpu"
    return f"extended_resources.{name}" if "/" in name else ""


def _name_at(found: Iterable[Mapping[str, Any]], number: str) -> str:
    items = list(found)
    return str(items[int(number)]["name"]) if int(number) < len(items) else ""


def _volume_setting(name: str, known: Mapping[str, str]) -> str:
    return known.get(name, f"persistent_volume_claims.{name}") if name else ""

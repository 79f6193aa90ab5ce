"""Pods that are the same pod: without what only a run, a built package or the installed Airflow can know of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# Of the run, and of the Airflow that runs it.
_LABELS = ("run_id", "map_index", "try_number", "airflow_version", "airflow_kpo_in_cluster", "kpo_version")
_ANNOTATIONS = ("metaflow/run_id", "metaflow/task_id", "metaflow/attempt")


def comparable(pod: Mapping[str, Any], labelled: bool = True) -> dict[str, Any]:
    """What must be equal in the pod of a check and in that of the operator. `labelled` where a run marked the latter.

    Left out: the random end of the name, labels and annotations of the run, the script, variables (`variables_of` gives
    them: a task has more, and other values).
    """
    copied: dict[str, Any] = json.loads(json.dumps(pod))
    metadata, containers = copied["metadata"], copied["spec"]["containers"]
    for label in (*_LABELS, *(() if labelled else ("dag_id", "task_id", "kubernetes_pod_operator"))):
        metadata["labels"].pop(label, None)
    for annotation in (*_ANNOTATIONS, *(() if labelled else ("metaflow/step_name",))):
        metadata["annotations"].pop(annotation, None)
    metadata["name"] = metadata["name"].rpartition("-")[0]
    for container in containers:
        container.pop("env", None)
        container.pop("args")
    pruned: dict[str, Any] = _pruned(copied)
    return pruned


def variables_of(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The base container's variables by name: a value, or where it comes from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in pod["spec"]["containers"][0]["env"]}


def _pruned(value: Any) -> Any:
    """Without what says nothing: the operator sends empty maps and lists, and `hostNetwork: false`."""
    if isinstance(value, dict):
        kept = {key: _pruned(item) for key, item in value.items()}
        return {
            key: item
            for key, item in kept.items()
            if item not in ({}, [], None) and (key, item) != ("hostNetwork", False)
        }
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value

"""Builds the environments: everything about where flows go, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import Location
from deployer.manifest import keys as written
from deployer.manifest.nodes import Entry, Map, Node, Report, Scalar, is_text, to_data
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.places import check_datastore, check_target, datastore_place, target_place
from deployer.manifest.profiles import Datastore, read_settings
from deployer.models.deployment import Environment

POD_KEYS = frozenset(written.POD_SETTINGS.keys)
# For whoever plans: a DAG does not depend on them, and they are no access of the Airflow worker.
_CHECK_KEYS = frozenset(("check", "check_context"))
ACCESS_KEYS = frozenset(written.CLUSTER_SETTINGS.keys) - POD_KEYS - _CHECK_KEYS
_SHARED = frozenset(written.FLOW_SETTINGS.keys)
# The storage account, which a datastore's URL does not name.
_AZURE = "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"
_OWN = frozenset(written.ENVIRONMENT.keys) - _SHARED - {"metaflow"}


def check_environment(node: Node, path: NodePath, report: Report) -> dict[str, str]:
    """Check what the model of an environment does not; returns its METAFLOW_* settings, by name.

    Works on whatever was written: what has another type is the model's to report.
    """
    if not isinstance(node, Map):
        return {}
    target, stored, compute = node.get("target"), node.get("datastore"), node.get("compute")
    if is_text(target):
        check_target(target, (*path, "target"), report)
    before = report.errors
    datastore = None
    if is_text(stored):
        kind = compute.value if isinstance(compute, Scalar) else None
        check_datastore(stored, kind, (*path, "datastore"), report)
        if report.errors == before:
            place, type_ = datastore_place(stored)
            datastore = Datastore(type_, place.resolved)
    if isinstance(compute, Scalar):
        _warn_without_pods(node, compute.value, path, report)
    settings = read_settings(node.get("metaflow"), datastore, (*path, "metaflow"), report)
    if datastore is not None and datastore.kind == "azure" and report.errors == before and _AZURE not in settings:
        message = f"a container alone does not say where it is: set {_AZURE} below `metaflow:`"
        hint = "for example https://ACCOUNT.blob.core.windows.net"
        report.error("missing-key", message, node.location, (*path, "metaflow"), hint)
    return {name: settings[name].text for name in sorted(settings)}


def build_environment(name: str, project: str, entry: Entry, settings: Mapping[str, str]) -> Environment:
    """The environment of an entry that its model and `check_environment` have accepted."""
    node = entry.node
    assert isinstance(node, Map)
    data: dict[str, Any] = to_data(node)
    place, kind = datastore_place(_scalar(node, "datastore"))
    cluster: dict[str, Any] = data.get("kubernetes", {})
    return Environment(
        name=name,
        project=project,
        target=target_place(_scalar(node, "target")),
        compute=data["compute"],
        datastore=place,
        datastore_type=kind,
        orchestrator=data.get("orchestrator", "airflow"),
        production=data.get("production", False),
        protect=data.get("protect", False),
        branches=tuple(data.get("branches", ())),
        metaflow=settings,
        kubernetes={key: value for key, value in cluster.items() if key in ACCESS_KEYS},
        location=entry.key,
        check_cluster=cluster.get("check", False),
        check_context=cluster.get("check_context"),
    )


def _scalar(node: Map, name: str) -> Scalar:
    found = node.get(name)
    assert isinstance(found, Scalar)
    return found


def _warn_without_pods(node: Map, compute: object, path: NodePath, report: Report) -> None:
    kubernetes = node.entries.get("kubernetes")
    if compute == "local" and kubernetes is not None:
        message = "nothing reads these settings: with `compute: local` there are no pods"
        report.warn("unused-setting", message, kubernetes.key, (*path, "kubernetes"))


@dataclass(frozen=True)
class Layer:
    """An environment as a layer of each flow's settings. `sources` are the places of its own settings, by name."""

    environment: Environment
    settings: Map
    sources: Mapping[str, Location]
    schedules: bool


def build_layer(environment: Environment, node: Node) -> Layer:
    """The layer of an environment that has been checked."""
    assert isinstance(node, Map)
    sources = {name: entry.node.location for name, entry in node.entries.items() if name in _OWN}
    schedules = node.get("schedules")
    has_schedules = not (isinstance(schedules, Scalar) and schedules.value is False)
    return Layer(environment, _shared_settings(node), sources, has_schedules)


def _shared_settings(node: Map) -> Map:
    entries = {name: entry for name, entry in node.entries.items() if name in _SHARED}
    kubernetes = entries.get("kubernetes")
    if kubernetes is not None and isinstance(kubernetes.node, Map):
        pods = {name: entry for name, entry in kubernetes.node.entries.items() if name in POD_KEYS}
        entries["kubernetes"] = kubernetes._replace(node=Map(pods, kubernetes.node.location))
    return Map(entries, node.location)

"""Builds the environments: everything about where flows go, checked and complete."""

from __future__ import annotations

from typing import Any

from deployer.errors import Location
from deployer.manifest.check import known_keys
from deployer.manifest.nodes import Entry, Map, Node, Report, Scalar, to_data
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.places import check_datastore, check_target, datastore_place, target_place
from deployer.manifest.profiles import Datastore, read_settings
from deployer.models import manifest as written
from deployer.models.deployment import Environment

POD_KEYS = frozenset(known_keys(written.PodSettings))
ACCESS_KEYS = frozenset(known_keys(written.ClusterSettings)) - POD_KEYS


def build_environment(name: str, project: str, entry: Entry, report: Report) -> Environment | None:
    """The environment of an entry that its model has accepted; None (and a report) when its values do not fit."""
    node = entry.node
    assert isinstance(node, Map)
    path: NodePath = ("environments", name)
    before = report.errors
    data: dict[str, Any] = to_data(node)
    target, datastore = _scalar(node, "target"), _scalar(node, "datastore")
    check_target(target, (*path, "target"), report)
    check_datastore(datastore, data["compute"], (*path, "datastore"), report)
    if report.errors > before:
        return None
    place, kind = datastore_place(datastore)
    access = {key: value for key, value in data.get("kubernetes", {}).items() if key in ACCESS_KEYS}
    _warn_without_pods(node, data["compute"], path, report)
    settings = read_settings(node.get("metaflow"), Datastore(kind, place.resolved), (*path, "metaflow"), report)
    if report.errors > before:
        return None
    return Environment(
        name=name,
        project=project,
        target=target_place(target),
        compute=data["compute"],
        datastore=place,
        datastore_type=kind,
        production=data.get("production", False),
        protect=data.get("protect", False),
        metaflow={key: settings[key].text for key in sorted(settings)},
        kubernetes=access,
        location=entry.key,
    )


def _scalar(node: Map, name: str) -> Scalar:
    found = node.get(name)
    assert isinstance(found, Scalar)
    return found


def _warn_without_pods(node: Map, compute: str, path: NodePath, report: Report) -> None:
    kubernetes = node.entries.get("kubernetes")
    if compute == "local" and kubernetes is not None:
        message = "nothing reads these settings: with `compute: local` there are no pods"
        report.warn("unused-setting", message, kubernetes.key, (*path, "kubernetes"))


def environment_sources(node: Map) -> dict[str, Location]:
    """Where an environment's own settings were written, by dotted path."""
    own = set(known_keys(written.Environment)) - set(known_keys(written.FlowSettings)) - {"metaflow"}
    return {name: entry.node.location for name, entry in node.entries.items() if name in own}


def flow_layer(node: Node) -> Map:
    """The flow settings of an environment: what of it merges into each flow."""
    assert isinstance(node, Map)
    shared = set(known_keys(written.FlowSettings))
    entries = {name: entry for name, entry in node.entries.items() if name in shared}
    kubernetes = entries.get("kubernetes")
    if kubernetes is not None and isinstance(kubernetes.node, Map):
        pods = {name: entry for name, entry in kubernetes.node.entries.items() if name in POD_KEYS}
        entries["kubernetes"] = kubernetes._replace(node=Map(pods, kubernetes.node.location))
    return Map(entries, node.location)

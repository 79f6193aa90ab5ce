"""Builds the environments: everything about where flows go, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deployer.errors import Location
from deployer.manifest.airflow_access import check_airflow_access
from deployer.manifest.fields import ResolvedPath, keys_of
from deployer.manifest.keys import EnvironmentSettings, FlowSettings
from deployer.manifest.metadata_service import check_metadata_service
from deployer.manifest.nodes import Entry, Map, Node, Report, Scalar, SecretText, is_text, shown, to_data
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.paths import check_datastore, check_target, resolve_datastore, resolve_target
from deployer.manifest.pod_keys import ClusterAccess, PodSettings
from deployer.manifest.profiles import Datastore, MetaflowSetting, read_settings
from deployer.models.branches import Branch
from deployer.models.deployment import Environment
from deployer.models.metaflow_settings import Read, rule_of

_OWN: Final = frozenset(keys_of(EnvironmentSettings))
# The storage account, which a datastore's URL does not name.
_AZURE: Final = "METAFLOW_AZURE_STORAGE_BLOB_SERVICE_ENDPOINT"


def check_environment(node: Node, path: NodePath, report: Report) -> dict[str, MetaflowSetting]:
    """Check the paths, URLs and Metaflow settings of an environment; returns its METAFLOW_* settings, by name.

    Works on whatever was written: values of a wrong type are left to the validation of the document.
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
            root, type_ = resolve_datastore(stored)
            datastore = Datastore(type_, root.resolved)
    if isinstance(compute, Scalar):
        _warn_without_pods(node, compute.value, path, report)
    check_airflow_access(node, path, report)
    settings = read_settings(node.get("metaflow"), datastore, (*path, "metaflow"), report)
    if datastore is not None and datastore.kind == "azure" and report.errors == before and _AZURE not in settings:
        message = f"a container alone does not say where it is: set {_AZURE} below `metaflow:`"
        hint = "for example https://ACCOUNT.blob.core.windows.net"
        report.error("missing-key", message, node.location, (*path, "metaflow"), hint)
    if report.errors == before and isinstance(compute, Scalar):
        check_metadata_service(node, compute.value, datastore, settings, path, report)
    return {name: settings[name] for name in sorted(settings)}


def build_environment(
    name: str, project: str, entry: Entry, settings: Mapping[str, MetaflowSetting], branch: Branch
) -> Environment:
    """The environment of an entry without a violation; `settings` are its METAFLOW_* settings."""
    node = entry.node
    assert isinstance(node, Map)
    data: dict[str, Any] = to_data(node)
    datastore, kind = resolve_datastore(_scalar(node, "datastore"))
    cluster: dict[str, Any] = data.get("kubernetes", {})
    own = {key: value for key, value in data.items() if key in _OWN}
    metaflow = {setting: settings[setting].text for setting in settings}
    resolved = {"target": resolve_target(_scalar(node, "target")), "datastore": datastore, "metaflow": metaflow}
    return Environment(
        name=name,
        project=project,
        branch=branch,
        datastore_type=kind,
        kubernetes=ClusterAccess(**_only(ClusterAccess, cluster)),
        check_cluster=cluster.get("check", False),
        check_context=_check_context(node),
        location=entry.key,
        sources={
            key: each.key if isinstance(each.node, Map) else each.node.location for key, each in node.entries.items()
        },
        **{**own, **resolved},
    )


def _check_context(node: Map) -> ResolvedPath | None:
    """The context of the cluster check, with the references in it: it is shown as it is written."""
    found = node.get("kubernetes", "check_context")
    if not isinstance(found, Scalar):
        return None
    references = found.value.references if isinstance(found.value, SecretText) else ()
    return ResolvedPath(shown(found), str(found.value), references)


def _only(model: type[ClusterAccess | PodSettings], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in keys_of(model)}


def _scalar(node: Map, name: str) -> Scalar:
    found = node.get(name)
    assert isinstance(found, Scalar)
    return found


def _warn_without_pods(node: Map, compute: object, path: NodePath, report: Report) -> None:
    if compute != "local":
        return
    kubernetes, metaflow = node.entries.get("kubernetes"), node.get("metaflow")
    if kubernetes is not None:
        message = "nothing reads these settings: with `compute: local` there are no pods"
        report.warn("unused-setting", message, kubernetes.key, (*path, "kubernetes"))
    # Of those in a profile nothing is said: environments with pods may share it.
    for name, entry in metaflow.entries.items() if isinstance(metaflow, Map) else ():
        rule = rule_of(name)
        if isinstance(rule, Read) and rule.pods:
            message = "nothing reads this setting: with `compute: local` there are no pods"
            report.warn("unused-setting", message, entry.key, (*path, "metaflow", name))


@dataclass(frozen=True)
class Layer:
    """An environment as a layer of each flow's settings. `sources` are the locations of its own settings, by name."""

    environment: Environment
    settings: Map
    sources: Mapping[str, Location]


def build_layer(environment: Environment, node: Node, settings: Mapping[str, MetaflowSetting]) -> Layer:
    """The layer of an environment that has been checked; `settings` are its METAFLOW_* settings."""
    assert isinstance(node, Map)
    sources = {name: entry.node.location for name, entry in node.entries.items() if name in _OWN - {"metaflow"}}
    sources |= {f"metaflow.{name}": setting.location for name, setting in settings.items()}
    kubernetes = node.get("kubernetes")
    for name, entry in kubernetes.entries.items() if isinstance(kubernetes, Map) else ():
        if name not in keys_of(PodSettings):
            sources[f"kubernetes.{name}"] = entry.node.location
    return Layer(environment, _shared_settings(node), sources)


def _shared_settings(node: Map) -> Map:
    entries = {name: entry for name, entry in node.entries.items() if name in keys_of(FlowSettings)}
    kubernetes = entries.get("kubernetes")
    if kubernetes is not None and isinstance(kubernetes.node, Map):
        pods = _only(PodSettings, kubernetes.node.entries)
        entries["kubernetes"] = kubernetes._replace(node=Map(pods, kubernetes.node.location))
    return Map(entries, node.location)

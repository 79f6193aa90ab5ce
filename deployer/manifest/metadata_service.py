"""Whether an environment says where its runs are recorded: without a metadata service no Client finds runs of pods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from deployer.errors import Location
from deployer.manifest.nodes import Map, Report, Scalar
from deployer.manifest.nodes import Path as NodePath
from deployer.manifest.profiles import Datastore, MetaflowSetting

# One of these says where Metaflow keeps its metadata. The second is the address that pods use.
_SAYS_WHERE: Final = ("METAFLOW_SERVICE_URL", "METAFLOW_SERVICE_INTERNAL_URL", "METAFLOW_DEFAULT_METADATA")
_HINT: Final = (
    "set METAFLOW_SERVICE_URL below `metaflow:`; or METAFLOW_DEFAULT_METADATA: {service}; or"
    " METAFLOW_DEFAULT_METADATA: local, where {nobody}"
)


def check_metadata_service(
    node: Map,
    compute: object,
    datastore: Datastore | None,
    settings: Mapping[str, MetaflowSetting],
    path: NodePath,
    report: Report,
) -> None:
    """Refuse pods, and warn of processes, whose runs would be recorded where they run and nowhere else.

    A folder as the datastore holds the metadata as well. `settings` are the environment's METAFLOW_* settings.
    """
    metaflow = node.entries.get("metaflow")
    if any(name in settings and settings[name].text for name in _SAYS_WHERE):
        return
    if metaflow is not None and _is_unknown(metaflow.node):
        return
    location = metaflow.key if metaflow is not None else node.location
    if compute == "kubernetes":
        _refuse(location, (*path, "metaflow"), report)
    elif compute == "local" and datastore is not None and datastore.kind != "local":
        _warn(location, (*path, "metaflow"), report)


def _refuse(location: Location, path: NodePath, report: Report) -> None:
    message = "no metadata service: the Client will not find these runs, which only their pods would know of"
    service = "service, where a Kubernetes secret of the pods has the URL"
    report.refuse("no-metadata", message, location, path, _HINT.format(service=service, nobody="nobody looks for them"))


def _warn(location: Location, path: NodePath, report: Report) -> None:
    message = "no metadata service: the Client will not find these runs, which only the Airflow workers know of"
    service = "service, where the environment of the workers has the URL"
    nobody = "METAFLOW_DATASTORE_SYSROOT_LOCAL of the workers is a shared folder or nobody looks for them"
    report.warn("no-metadata", message, location, path, _HINT.format(service=service, nobody=nobody))


def _is_unknown(node: object) -> bool:
    """Whether there are settings whose names or values could not be read: what they say may be what is missing."""
    if not isinstance(node, Map):
        return True
    return any(isinstance(entry.node, Scalar) and entry.node.broken for entry in node.entries.values())

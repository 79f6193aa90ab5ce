"""The environment variables with which Metaflow's Client and ``resume`` find the runs of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deployer.models.credentials import holds_credential, names_credential
from deployer.models.deployment import DatastoreType, Environment
from deployer.models.metaflow_settings import Read, rule_of

DATASTORE_SETTINGS: Final[Mapping[DatastoreType, str]] = {
    "local": "METAFLOW_DATASTORE_SYSROOT_LOCAL",
    "s3": "METAFLOW_DATASTORE_SYSROOT_S3",
    "gs": "METAFLOW_DATASTORE_SYSROOT_GS",
    "azure": "METAFLOW_DATASTORE_SYSROOT_AZURE",
}
# It would name a configuration file in the home folder; the values of the environment's profile are in its settings.
UNSET: Final = ("METAFLOW_PROFILE",)
_SERVICE, _INTERNAL_SERVICE = "METAFLOW_SERVICE_URL", "METAFLOW_SERVICE_INTERNAL_URL"
# Paths on the machine of the task.
_OF_THE_TASK: Final = ("METAFLOW_TEMPDIR", "METAFLOW_ARTIFACT_LOCALROOT", "METAFLOW_CLIENT_CACHE_PATH")


def datastore_root(environment: Environment) -> str:
    """The root of the datastore as Metaflow's ``--datastore-root`` takes it."""
    if environment.datastore_type == "local":
        return str(Path(environment.datastore.resolved) / ".metaflow")
    return environment.datastore.resolved.removeprefix("azure://").rstrip("/")


def client_variables(environment: Environment) -> dict[str, str]:
    """The variables by name, none with a credential. They say the same as those of the tasks, for this machine."""
    given = environment.metaflow
    found = {name: str(value) for name, value in given.items() if _is_for_the_client(name, str(value))}
    service = given.get(_SERVICE) or given.get(_INTERNAL_SERVICE)
    if service and not holds_credential(service):
        found[_SERVICE] = service
    # As in the tasks: see `flow_environment` of the compiler's worker.
    found.setdefault("METAFLOW_DEFAULT_METADATA", "service" if service else "local")
    found["METAFLOW_DEFAULT_DATASTORE"] = environment.datastore_type
    root = datastore_root(environment)
    # Metaflow adds `.metaflow` to this one itself.
    is_local = environment.datastore_type == "local"
    found[DATASTORE_SETTINGS[environment.datastore_type]] = str(Path(root).parent) if is_local else root
    return dict(sorted(found.items()))


def _is_for_the_client(name: str, value: str) -> bool:
    rule = rule_of(name)
    is_read = isinstance(rule, Read) and rule.by != "compile" and not rule.pods
    return is_read and name not in _OF_THE_TASK and not (names_credential(name) or holds_credential(value))

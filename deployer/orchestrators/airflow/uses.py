"""What a DAG uses under a name that others at the same Airflow may use as well: pools, connections, and what pods have.

What names nothing uses a default of Airflow's or of Kubernetes', which is somebody's, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from deployer.kubernetes import pods
from deployer.models.description import Description, SensorDescription, SettingsDescription
from deployer.models.limits import LimitKind, Use
from deployer.orchestrators.airflow import notifications

DEFAULT_POOL: Final = "default_pool"
"""The pool of whatever names none: each Airflow has it."""
# The connections of operators that are given none (KubernetesPodOperator, S3KeySensor).
_CONNECTIONS: Final = {"kubernetes": "kubernetes_default", "s3_key": "aws_default"}
# The namespace of a pod, and the service account of a namespace.
_DEFAULT: Final = "default"
# Kubernetes secrets that every pod gets, in addition to those of the step.
_COMMON_SECRETS: Final = "METAFLOW_KUBERNETES_SECRETS"
_OF_PODS: Final[Mapping[LimitKind, tuple[str, str]]] = {
    "namespaces": ("namespace", _DEFAULT),
    "service_accounts": ("service_account", _DEFAULT),
    "images": ("image", ""),
    "secrets": ("secrets", ""),
}


def uses(description: Description) -> Sequence[Use]:
    """Everything that a DAG of this description uses, as far as a description has it."""
    settings = description.settings
    pool = _text(settings.value("worker_pool"), DEFAULT_POOL)
    found = [Use("compute", settings.compute, "settings.compute"), Use("pools", pool, "settings.worker_pool")]
    for name, sensor in settings.sensors.items():
        found += _of_sensor(name, sensor)
    told_by, _ = notifications.needed(settings.value("notify"))
    found += (Use("connections", connection, "settings.notify") for connection in sorted(told_by))
    if settings.compute == "kubernetes":
        found += _of_cluster(settings)
        for step, pod in description.resources.items():
            found += _of_pod(step, pod)
        found += _of_hooks(settings)
    return found


def _of_sensor(name: str, sensor: SensorDescription) -> Iterator[Use]:
    arguments, field = sensor.model_extra or {}, f"settings.sensors.{name}"
    if pool := _text(arguments.get("pool"), ""):
        yield Use("pools", pool, f"{field}.pool")
    if sensor.kind in _CONNECTIONS:
        connection = _text(arguments.get("aws_conn_id"), _CONNECTIONS[sensor.kind])
        yield Use("connections", connection, f"{field}.aws_conn_id")


def _of_cluster(settings: SettingsDescription) -> Iterator[Use]:
    connection = _text(settings.cluster.get("connection"), _CONNECTIONS["kubernetes"])
    yield Use("connections", connection, "settings.cluster.connection")
    for secret in pods.names_in(settings.variables.get(_COMMON_SECRETS, "")):
        yield Use("secrets", secret, f"settings.variables.{_COMMON_SECRETS}")


def _of_pod(step: str, pod: Mapping[str, JsonValue]) -> Iterator[Use]:
    for kind, (attribute, default) in _OF_PODS.items():
        value = pod.get(attribute) or default
        for name in value if isinstance(value, list) else [value]:
            if isinstance(name, str) and name:
                yield Use(kind, name, f"resources.{step}.{attribute}", step)


def _of_hooks(settings: SettingsDescription) -> Iterator[Use]:
    """The images of `@exit_hook`: else its pods are as that of the start step."""
    for kind, images in settings.exit_hooks.images.items():
        for image in images.values():
            yield Use("images", image, f"settings.exit_hooks.images.{kind}")


def _text(value: JsonValue, default: str) -> str:
    return value if isinstance(value, str) and value else default

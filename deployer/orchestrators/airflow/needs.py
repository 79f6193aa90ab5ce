"""What a DAG takes for granted in its Airflow: a pool, a connection, a provider that is not there fails its runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from deployer.models.description import Description
from deployer.models.live import Needs
from deployer.orchestrators.airflow import first_versions, notifications
from deployer.orchestrators.airflow.uses import DEFAULT_POOL

_KUBERNETES: Final = "apache-airflow-providers-cncf-kubernetes"
_PROVIDERS: Final = {"s3_key": "apache-airflow-providers-amazon"}


def needs(description: Description) -> Needs:
    """What a deployment of this description needs. Connections that operators use by default are not among them."""
    settings = description.settings
    sensors = settings.sensors.values()
    arguments = [sensor.model_extra or {} for sensor in sensors]
    pools = {settings.value("worker_pool"), *(each.get("pool") for each in arguments)}
    connections = {each.get("aws_conn_id") for each in arguments}
    providers = {_PROVIDERS.get(sensor.kind) for sensor in sensors}
    if settings.compute == "kubernetes":
        providers.add(_KUBERNETES)
    told_by, notifiers = notifications.needed(settings.value("notify"))
    return Needs(
        pools=_names(pools) - {DEFAULT_POOL},
        connections=_names(connections),
        providers=_names(providers),
        told_by=told_by,
        notifiers=notifiers,
        versions=first_versions.of_description(description),
    )


def _names(found: Iterable[object]) -> frozenset[str]:
    return frozenset(each for each in found if isinstance(each, str))

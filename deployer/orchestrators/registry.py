"""All orchestrators, by their name in a manifest. Each is imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from deployer.orchestrators.protocol import Orchestrator


@cache
def _airflow() -> Orchestrator:
    from deployer.orchestrators.airflow import AirflowOrchestrator

    return AirflowOrchestrator()


ORCHESTRATORS: Final[Mapping[str, Callable[[], Orchestrator]]] = {"airflow": _airflow}

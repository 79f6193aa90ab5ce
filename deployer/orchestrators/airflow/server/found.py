"""Whether the private Airflow of an environment runs. Every plan asks, so this imports nothing that runs one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deployer.models.deployment import Environment
from deployer.orchestrators.airflow.server import state
from deployer.orchestrators.airflow.server.folders import state_folder


def may_be_here(environment: Environment) -> bool:
    """Whether an environment can have a private Airflow: it names no other, and its DAG files are on this machine."""
    access = environment.airflow
    return "://" not in environment.target.resolved and not (access and (access.url or access.mwaa))


def url_of_running(environment: Environment, environ: Mapping[str, str]) -> str | None:
    """The address of the private Airflow that runs for an environment now; None if none does."""
    if not may_be_here(environment):
        return None
    server = state.found(state_folder(Path(environment.target.resolved), environ))
    return (server.url or None) if server else None

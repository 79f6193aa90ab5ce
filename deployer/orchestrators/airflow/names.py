"""The DAG id of a deployment."""

from __future__ import annotations

import re

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow

# Airflow's own rule (airflow.utils.helpers.validate_key).
MAX_LENGTH = 250
_KEY = re.compile(r"[A-Za-z0-9_.\-]+")


def dag_id(deployment: Deployment, flow: Flow) -> str:
    """The manifest's `dag_id`, else Metaflow's name of a flow with `@project`, else the flow's name and environment.

    In a production environment the DAG has the flow's name alone.
    """
    if deployment.dag_id:
        return deployment.dag_id
    if flow.project:
        return flow.project.flow
    if deployment.environment.production:
        return flow.name
    return f"{flow.name}.{deployment.environment.name}"


def is_valid(text: str) -> bool:
    """Whether `text` is a valid id of a DAG or a task."""
    return len(text) <= MAX_LENGTH and _KEY.fullmatch(text) is not None

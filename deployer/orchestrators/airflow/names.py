"""What a deployment's DAG is called in Airflow."""

from __future__ import annotations

import re

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow

# Airflow's own rule (airflow.utils.helpers.validate_key).
MAX_LENGTH = 250
_KEY = re.compile(r"[A-Za-z0-9_.\-]+")


def dag_id(deployment: Deployment, flow: Flow) -> str:
    """The manifest's `dag_id`, Metaflow's name for a flow of a `@project`, or the flow's name with its environment.

    Only a production environment leaves the environment out: there the DAG has the flow's own name.
    """
    if deployment.dag_id:
        return deployment.dag_id
    if flow.project:
        return flow.project.flow
    if deployment.environment.production:
        return flow.name
    return f"{flow.name}.{deployment.environment.name}"


def is_valid(text: str) -> bool:
    """Whether Airflow takes it as a DAG id."""
    return len(text) <= MAX_LENGTH and _KEY.fullmatch(text) is not None

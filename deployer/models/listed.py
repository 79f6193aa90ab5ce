"""A line of the list of deployments."""

from __future__ import annotations

from dataclasses import dataclass

from deployer.models.deployment import Deployment, Schedule


@dataclass(frozen=True)
class Listed:
    """A deployment with what decides on its runs: its id in the orchestrator, and its schedule (None: no schedule).

    Without `is_compiled` (the flow is broken, or was not asked) both are what the manifests write, None if they do not.
    """

    deployment: Deployment
    dag_id: str | None
    schedule: Schedule | None
    is_compiled: bool

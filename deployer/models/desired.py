"""What should be deployed and what is: the two sides that the planner compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.models.record import Record


@dataclass(frozen=True)
class Desired:
    """One deployment with its compiled flow. `description` is the canonical description that is compared."""

    deployment: Deployment
    flow: Flow
    dag_id: str
    description: Mapping[str, Any]

    @property
    def file(self) -> str:
        """The DAG file's name at the target."""
        return f"{self.dag_id}.py"


@dataclass(frozen=True)
class Deployed:
    """One file found at a target. `record` is None for a file that is not ours, or that cannot be read as ours.

    `version` is the target's own version of the file, `intact` says that the body still is what the record was made
    for, `problem` why a record that is there cannot be used.
    """

    file: str
    version: str
    record: Record | None
    intact: bool = True
    problem: str = ""

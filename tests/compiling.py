"""The compiler with the environment of the tests' process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.compiler import client
from deployer.compiler.client import Compiled
from deployer.models.deployment import Deployment
from deployer.models.flow import Package
from deployer.models.progress import Progress, silent


def compile_flows(
    deployments: Sequence[Deployment],
    progress: Progress = silent,
    *,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    note_inputs: bool = False,
) -> Compiled:
    """Describe the flow of each deployment."""
    return client.compile_flows(deployments, os.environ, progress, known=known, note_inputs=note_inputs)


def build_packages(deployments: Sequence[Deployment], **more: Any) -> Mapping[str, Package]:
    """Build the code package of each deployment, by address."""
    return client.build_packages(deployments, os.environ, **more)

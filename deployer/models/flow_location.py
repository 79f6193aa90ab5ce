"""Locations in a flow's code."""

from __future__ import annotations

from pathlib import Path

from deployer.errors import Location
from deployer.models.deployment import Deployment


def flow_location(deployment: Deployment, line: int) -> Location:
    """A line of the flow's file, whose path is relative to the working directory if it is below it."""
    resolved = Path(deployment.file.resolved)
    try:
        return Location(resolved.relative_to(Path.cwd()).as_posix(), line)
    except ValueError:
        return Location(str(resolved), line)

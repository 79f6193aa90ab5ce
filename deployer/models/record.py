"""The record that each deployed DAG file carries: the only state there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from pydantic import ConfigDict, JsonValue
from pydantic.dataclasses import dataclass

from deployer.models.description import Description
from deployer.models.types import Moment, Name

RECORD_FORMAT: Final = 2
_EXACT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_EXACT)
class Provenance:
    """Who applied it, when (UTC, ISO 8601) and from which commit. Never compared."""

    applied_by: Name
    applied_at: Name
    commit: Name | None
    tool_version: Name


@dataclass(frozen=True, config=_EXACT)
class Inputs:
    """What an apply put into the DAG file that its description does not say, so that the text can be made again.

    `parameters` are the values of deploy-time defaults (JSON values by name). Never compared.
    """

    production_token: Name | None = None
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, config=_EXACT)
class Record:
    """What a DAG file says of its deployment.

    `name` is the DAG id. `body_digest` is the SHA-256 of the DAG file without its record, so that an edit by hand
    shows. `since` is when the DAG was first applied (ISO 8601): kept by every later apply, since a DAG's start date
    must not move. It is None only in a record that was never applied: of what a revision would deploy.
    """

    owner: Name
    environment: Name
    address: Name
    name: Name
    description: Description
    body_digest: Name
    since: Moment | None
    provenance: Provenance | None = None
    inputs: Inputs | None = None
    format: Literal[2] = RECORD_FORMAT

    def is_owned_by(self, project: str, environment: str) -> bool:
        """Whether this project deployed the file, in this environment."""
        return (self.owner, self.environment) == (project, environment)

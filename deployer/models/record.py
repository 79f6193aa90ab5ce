"""The record that each deployed DAG file carries: the only state there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RECORD_FORMAT = 1


@dataclass(frozen=True)
class Provenance:
    """Who applied it, when (UTC, ISO 8601) and from which commit. Never compared."""

    applied_by: str
    applied_at: str
    commit: str | None
    tool_version: str


@dataclass(frozen=True)
class Inputs:
    """What an apply put into the DAG file that its description does not say, so that the text can be made again.

    `parameters` are the values of deploy-time defaults (JSON values by name). Never compared.
    """

    production_token: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What a DAG file says of its deployment.

    `description` is the canonical description that plans compare, by section (see `deployer.description`).
    `body_digest` is the SHA-256 of the DAG file without its record, so that an edit by hand shows. `since` is when the
    DAG was first applied (UTC, ISO 8601): kept by every later apply, since a DAG's start date must not move.
    """

    owner: str
    environment: str
    address: str
    name: str
    description: Mapping[str, Any]
    body_digest: str
    since: str
    provenance: Provenance | None = None
    inputs: Inputs | None = None
    format: int = RECORD_FORMAT

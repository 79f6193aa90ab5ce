"""The record in each deployed DAG file: the only state that there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from pydantic import ConfigDict, JsonValue
from pydantic.dataclasses import dataclass

from deployer.models.description import Description
from deployer.models.types import Moment, Name

RECORD_FORMAT: Final = 2
RunIds = Literal[1, 2]
FIRST_RUN_IDS: Final[RunIds] = 1  # of records that say nothing about it
NEWEST_RUN_IDS: Final[RunIds] = 2
_EXACT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_EXACT)
class CommitPages:
    """The author of a commit by name, and the URLs of its page and of its pull request; empty where not known."""

    author: str = ""
    url: str = ""
    pull_request: str = ""


UNKNOWN_PAGES: Final = CommitPages()


@dataclass(frozen=True, config=_EXACT)
class Provenance:
    """Who applied, when (UTC, ISO 8601) and from which commit; `ci_url` is the page of the CI job. Never compared."""

    applied_by: Name
    applied_at: Name
    commit: Name | None
    tool_version: Name
    ci_url: str = ""


@dataclass(frozen=True)
class Origin:
    """What a DAG says of the apply that it comes from: the commit, who applied, when, and the page of the CI job.

    `version` is that of its description (`version_of`), `applied_at` is in UTC (ISO 8601; empty if not known).
    """

    commit: str | None = None
    applied_by: str = ""
    ci_url: str = ""
    version: str = ""
    applied_at: str = ""
    pages: CommitPages = UNKNOWN_PAGES


UNKNOWN_ORIGIN: Final = Origin()


@dataclass(frozen=True, config=_EXACT)
class Inputs:
    """What an apply wrote into the DAG file beside its description, so that the file can be rendered again.

    `parameters` are the values of deploy-time defaults (JSON values by name). `applied_by`, `applied_at`, `ci_url` and
    `pages` are those of the apply that rendered the file: a rollback writes it as it was, with a provenance of its own.
    Never compared.
    """

    production_token: Name | None = None
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    applied_by: str = ""
    ci_url: str = ""
    applied_at: str = ""
    pages: CommitPages = UNKNOWN_PAGES


@dataclass(frozen=True, config=_EXACT)
class Record:
    """What a DAG file says about its deployment.

    `name` is the DAG id. `body_digest` is the SHA-256 of the DAG file without its record, to detect edits by hand.
    `since` is when the DAG was first applied (ISO 8601). Later applies keep it, since the start date of a DAG must not
    change. It is None only in a record of what a revision would deploy, which was never applied. `restored` is the
    history entry that a rollback went back to when it wrote the file; None if an apply wrote it. `branch` is the branch
    of the environment that it was deployed for, and `git_branch` the git branch that it was applied from; None if there
    is none or it is not known. `run_ids` is the way in which the deployment makes the ids of its runs: later applies
    keep it, since a run that has begun goes on with the new file.
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
    restored: Name | None = None
    branch: Name | None = None
    git_branch: Name | None = None
    run_ids: RunIds = FIRST_RUN_IDS
    format: Literal[2] = RECORD_FORMAT

    @property
    def origin(self) -> Origin:
        """What the DAG file itself says of where it comes from."""
        commit = self.provenance.commit if self.provenance else None
        said = self.inputs
        if said is None:
            return Origin(commit)
        return Origin(commit, said.applied_by, said.ci_url, applied_at=said.applied_at, pages=said.pages)

    def is_owned_by(self, project: str, environment: str) -> bool:
        """Whether this project deployed the file, in this environment."""
        return (self.owner, self.environment) == (project, environment)

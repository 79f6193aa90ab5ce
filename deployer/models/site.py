"""The catalogue of all deployments, as `mfdeploy site` writes it beside its pages (`site.json`).

It holds what a person wants to know who reads no YAML. Texts of flows and manifests are in it as they were written.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from deployer.models.deployment import Compute
from deployer.models.description import GraphDescription
from deployer.models.flow import ParameterType
from deployer.models.types import FrozenModel, Several

SITE_FORMAT: Final = 1

DeploymentState = Literal["deployed", "changed", "new", "unlisted", "broken", "foreign"]
Time = Annotated[str, Field(description="ISO 8601, with its offset.")]


class SiteSource(FrozenModel):
    """A place in a file of the repository."""

    file: Annotated[str, Field(description="Relative to the folder that the command ran in, if it is below it.")]
    line: int | None = None
    url: Annotated[str, Field(description="Its page at the service that has the repository; empty if not known.")] = ""


class SiteSchedule(FrozenModel):
    """When runs start by themselves."""

    text: Annotated[str, Field(description="In words, as in: At 03:00, Monday through Friday.")]
    crons: Annotated[Several[str], Field(description="A run starts at each time of each of them.")]
    timezone: str
    next_runs: Several[Time]


class SiteStart(FrozenModel):
    """What starts a deployment, or what it starts: another deployment, or an event that somebody publishes."""

    event: Annotated[str, Field(description="The name of the event.")]
    address: Annotated[
        str | None,
        Field(
            description="The other deployment; null if none is known. One of another manifest project has that before "
            "it, as in growth:prod/train."
        ),
    ] = None


class SiteParameter(FrozenModel):
    """A parameter of a flow."""

    name: str
    type: ParameterType | None
    required: bool
    default: Annotated[JsonValue, Field(description="Null also where there is none.")]
    help: str


class SiteStep(FrozenModel):
    """A step of the graph."""

    name: str
    doc: str
    retries: Annotated[int, Field(description="How often a failed task is tried again.")]
    timeout_seconds: int | None
    resources: Annotated[Mapping[str, JsonValue], Field(description="Of its pod, by the names of `kubernetes:`.")]


class SiteVersion(FrozenModel):
    """What is deployed: its version, and the apply that it comes from."""

    version: Annotated[str | None, Field(description="12 hex digits; null for a DAG of Metaflow's own command.")]
    applied_by: str = ""
    applied_at: str = ""
    commit: str = ""
    commit_url: str = ""
    author: Annotated[str, Field(description="Of the commit.")] = ""
    git_branch: str = ""
    pull_request_url: str = ""
    ci_url: str = ""
    tool_version: str = ""
    drifted: Annotated[bool, Field(description="Whether the file was edited after it was applied.")] = False


class SiteRun(FrozenModel):
    """A run in the running orchestrator."""

    run_id: str
    state: Annotated[str, Field(description="queued, running, success or failed.")]
    kind: Annotated[str, Field(description="What started it: scheduled, manual, backfill, asset_triggered.")]
    started_at: str | None
    seconds: Annotated[int | None, Field(description="How long it took; null while it runs.")]
    url: str = ""


class SiteLive(FrozenModel):
    """What the running orchestrator has of a deployment."""

    state: Annotated[str, Field(description="current, behind, unknown (not there yet), gone or broken.")]
    paused: bool | None
    active_runs: int | None
    import_error: str
    runs: Annotated[Several[SiteRun], Field(description="The newest first.")]


class SiteDeployment(FrozenModel):
    """A flow in an environment: as the manifests describe it, or as it is deployed where they do not."""

    environment: str
    address: Annotated[str, Field(description="environment/flow; project:environment/flow of another project.")]
    state: Annotated[
        DeploymentState,
        Field(
            description="deployed: what is deployed is what the manifests say; changed: it is something else; new: not "
            "deployed yet; unlisted: deployed, and not in the manifests any more; broken: it cannot be compiled; "
            "foreign: another manifest project deployed it."
        ),
    ]
    name: Annotated[str, Field(description="Its name in the orchestrator: the DAG id. Empty if it is not known.")]
    url: Annotated[str, Field(description="Its page in the running orchestrator; empty if there is none.")] = ""
    flow_class: str = ""
    project: Annotated[str, Field(description="The manifest project that owns it.")]
    owner: str
    description: str = ""
    tags: Several[str] = ()
    compute: Compute | None = None
    schedule: SiteSchedule | None = None
    started_by: Several[SiteStart] = ()
    starts: Several[SiteStart] = ()
    parameters: Several[SiteParameter] = ()
    graph: GraphDescription | None = None
    steps: Several[SiteStep] = ()
    version: Annotated[str | None, Field(description="That of the manifests; null where they have none.")] = None
    deployed: SiteVersion | None = None
    live: Annotated[SiteLive | None, Field(description="Null where nobody was asked, or nobody answered.")] = None
    manifest: SiteSource | None = None
    problems: Annotated[Several[str], Field(description="Why it is broken.")] = ()


class SiteFlow(FrozenModel):
    """A flow with all its deployments, by the name that the manifests give it; project:flow of another project."""

    name: str
    page: Annotated[str, Field(description="The file of its page, beside this one.")]
    doc: Annotated[str, Field(description="The docstring of its class.")]
    file: SiteSource | None
    deployments: Annotated[Several[SiteDeployment], Field(description="By environment.")]


class SiteEnvironment(FrozenModel):
    """An environment. `problem` says why its running orchestrator was not asked; empty for no problem."""

    name: str
    production: bool
    orchestrator: str
    asked: Annotated[bool, Field(description="Whether the running orchestrator answered.")]
    problem: str


class Site(FrozenModel):
    """The catalogue."""

    format: Annotated[Literal[1], Field(description="Version of this format.")] = SITE_FORMAT
    project: str
    at: Annotated[Time, Field(description="Next runs are those after this time.")]
    environments: Several[SiteEnvironment]
    flows: Annotated[Several[SiteFlow], Field(description="By name.")]


_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")


def page_names(flows: Iterable[str]) -> Mapping[str, str]:
    """The file of each flow's page: its name where that is plain, else what is plain of it and a digest.

    A name comes from a manifest or from a deployed file, which anybody may have written. On some file systems ``a`` and
    ``A`` are one file, so each of such names has a digest, too.
    """
    names = sorted(set(flows))
    folded = Counter(name.casefold() for name in names)
    return {name: f"flows/{_file_stem(name, alone=folded[name.casefold()] == 1)}.html" for name in names}


def _file_stem(name: str, *, alone: bool) -> str:
    if alone and _PLAIN_NAME.fullmatch(name):
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:12]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40]
    return f"{plain or 'flow'}.{digest}"

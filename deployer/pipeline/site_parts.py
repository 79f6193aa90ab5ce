"""The parts of a catalogue's deployment: from a description, a record, and what a running orchestrator said.

Pure: what has to be asked was asked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from deployer.compiler.flow_docs import FlowDocs
from deployer.description.schedule_words import schedule_in_words
from deployer.models.description import (
    Description,
    GraphDescription,
    ParameterDescription,
    Schedule,
    times_of,
    version_of,
)
from deployer.models.live import LiveRun
from deployer.models.site import (
    SiteLive,
    SiteParameter,
    SiteRun,
    SiteSchedule,
    SiteStep,
    SiteVersion,
)
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.live import DeployedFlow, FlowStatus

# What a reader wants to know of a pod. All other attributes say how it gets where it runs.
_RESOURCES: Final = ("cpu", "memory", "disk", "gpu", "gpu_vendor", "shared_memory", "tmpfs_size", "image")
_NEXT_RUNS: Final = 3


def described_parts(
    description: Description, docs: FlowDocs, orchestrator: Orchestrator, at: datetime
) -> dict[str, Any]:
    """The fields of a deployment that its description decides. Next runs are those after `at` (aware)."""
    settings = description.settings
    return {
        "flow_class": description.code.flow,
        "owner": _text(settings.value("owner")),
        "description": _text(settings.value("description")),
        "tags": tuple(map(str, _items(settings.value("tags")))),
        "compute": settings.compute,
        "schedule": schedule_part(description.schedule, orchestrator, at),
        "parameters": tuple(_parameter(name, each) for name, each in sorted(description.parameters.items())),
        "graph": _sorted_graph(description.graph),
        "steps": tuple(_steps(description, docs)),
    }


def _sorted_graph(graph: GraphDescription) -> GraphDescription:
    """The graph as a record has it, whose keys are sorted: a flow that was compiled anew looks the same."""
    steps = {
        name: step.model_copy(update={"cases": dict(sorted(step.cases.items()))}) if step.cases else step
        for name, step in sorted(graph.steps.items())
    }
    return graph.model_copy(update={"steps": steps})


def schedule_part(schedule: Schedule, orchestrator: Orchestrator, at: datetime) -> SiteSchedule | None:
    """The times of a schedule; None if there are none."""
    found = times_of(schedule)
    if found is None:
        return None
    try:
        following = tuple(orchestrator.next_runs(schedule, at, _NEXT_RUNS))
    except (ValueError, KeyError, OSError):  # of a record that somebody edited
        following = ()
    zone = found.timezone or "UTC"
    return SiteSchedule(text=schedule_in_words(found), crons=found.crons, timezone=zone, next_runs=following)


def _parameter(name: str, parameter: ParameterDescription) -> SiteParameter:
    return SiteParameter(
        name=name, type=parameter.type, required=parameter.required, default=parameter.default, help=parameter.help
    )


def _steps(description: Description, docs: FlowDocs) -> Iterable[SiteStep]:
    for name in sorted(description.graph.steps):
        retries, pod = description.retries.get(name), description.resources.get(name, {})
        settings = description.settings.steps.get(name)
        yield SiteStep(
            name=name,
            doc=docs.steps.get(name, ""),
            retries=retries.times if retries else 0,
            timeout_seconds=settings.timeout_seconds if settings else None,
            resources={key: pod[key] for key in _RESOURCES if pod.get(key) not in (None, "", [], {})},
        )


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _items(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, (list, tuple)) else ()


def deployed_part(flow: DeployedFlow) -> SiteVersion:
    """What is deployed, and who applied it."""
    record, found = flow.record, flow.record.provenance
    pages = record.inputs.pages if record.inputs else None
    return SiteVersion(
        version=flow.version,
        applied_by=found.applied_by if found else "",
        applied_at=found.applied_at if found else "",
        commit=(found.commit or "") if found else "",
        commit_url=pages.url if pages else "",
        author=pages.author if pages else "",
        git_branch=record.git_branch or "",
        pull_request_url=pages.pull_request if pages else "",
        ci_url=found.ci_url if found else "",
        tool_version=found.tool_version if found else "",
        drifted=not flow.item.intact,
    )


def is_as_described(flow: DeployedFlow, name: str, description: Description) -> bool:
    """Whether what is deployed is what the manifests say."""
    return flow.name == name and flow.item.intact and flow.version == version_of(description)


def live_part(status: FlowStatus | None) -> SiteLive | None:
    """What the running orchestrator has; None if it was not asked."""
    if status is None or not status.asked:
        return None
    live = status.live
    return SiteLive(
        state=status.state,
        paused=live.paused if live else None,
        active_runs=live.active_runs if live else None,
        import_error=status.import_error.traceback if status.import_error else "",
        runs=tuple(_run(run, status.pages.get(run.run_id, "")) for run in status.runs),
    )


def _run(run: LiveRun, page: str) -> SiteRun:
    return SiteRun(
        run_id=run.run_id,
        state=run.state,
        kind=run.kind,
        started_at=run.started_at or run.queued_at,
        seconds=run.seconds if run.ended else None,
        url=page,
    )

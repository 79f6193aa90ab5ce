"""Finds where each planned value was written: the line of a manifest or of a flow file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from deployer.errors import Location
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.flow import Flow, Step
from deployer.models.plan import Change, Reason
from deployer.plan_context import PlanContext

# Fields of the description that have another name in the manifest.
_NAMES = {
    "cluster": "kubernetes",
    "configs": "config_values",
    "variables": "metaflow",
}
# Settings of a step, and the decorators that set them.
_DECORATORS = {"environment": ("environment",), "timeout_seconds": ("timeout",), "packages": ("conda", "pypi")}
_WITH = "--with="


def with_origins(plan_context: PlanContext) -> PlanContext:
    """The same plan with the origin of each new value. Origins do not count when plans are compared."""
    root = plan_context.folder.resolve().parent
    return plan_context.with_changes(_traced(plan_context, change, root) for change in plan_context.plan.changes)


def _traced(plan_context: PlanContext, change: Change, root: Path) -> Change:
    if not change.writes:
        return change
    item = plan_context.item(change.environment, change.file)
    return replace(change, reasons=tuple(_with_origins(reason, item, root) for reason in change.reasons))


def _with_origins(reason: Reason, item: Desired, root: Path) -> Reason:
    fields = (replace(each, origin=_origin(each.after, each.field, item, root)) for each in reason.fields)
    return replace(reason, fields=tuple(fields))


def _origin(after: object, field: str, item: Desired, root: Path) -> str:
    """Where a value was written. A removed value has no origin, except for `schedule: none`."""
    return "" if after is None and field not in ("schedule.cron", "schedule.crons") else origin(item, field, root)


def origin(item: Desired, field: str, root: Path) -> str:
    """``file:line`` of what gave a description's field (``retries.fit.times``) its value; empty for a default.

    Paths are relative to `root`, so that the result does not depend on the working directory.
    """
    location = location_of(item, field)
    return shown_location(location, root) if location is not None else ""


def location_of(item: Desired, field: str) -> Location | None:
    """Where a description's field was written; None for a default, and for a flow that was not compiled."""
    if item.compiled is None:
        return None
    return next((each for each in _candidates(item, field.split(".")) if each is not None), None)


def _candidates(item: Desired, path: list[str]) -> Iterator[Location | None]:
    """The locations that may have set a field, strongest first."""
    deployment, flow, section, rest = item.deployment, item.flow, path[0], path[1:]
    file = deployment.file.resolved
    if section == "schedule":
        yield from _of_schedule(deployment, flow, rest or ["cron"])
    elif section == "code":
        yield _written(deployment, "file") if rest == ["file"] else Location(file, flow.line)
    elif not rest:
        return  # a section as a whole is written in no single place
    elif section == "parameters":
        if rest[1:2] == ["default"]:
            yield _written(deployment, f"parameters.{rest[0]}")
        yield next((Location(file, one.line) for one in flow.parameters if one.name == rest[0]), None)
    elif section in ("retries", "resources"):
        yield from _of_step(deployment, flow, section, rest)
    elif section == "graph" and len(rest) > 1:
        yield _step(deployment, flow, rest[1])
    elif section == "settings":
        yield from _of_settings(deployment, flow, rest)


def _of_schedule(deployment: Deployment, flow: Flow, path: list[str]) -> Iterator[Location | None]:
    name = "cron" if path[-1] == "crons" else path[-1]
    if name in ("catchup", "start_date"):
        yield _written(deployment, name)
        return
    if path[0] in ("after", "events", "payload"):
        yield from _of_triggers(deployment, flow)
    elif deployment.schedule is not None:
        yield _written(deployment, f"schedule.{name}")
        yield _written(deployment, "schedules")
    elif flow.schedule is not None:
        yield Location(deployment.file.resolved, flow.schedule.line)


def _of_triggers(deployment: Deployment, flow: Flow) -> Iterator[Location | None]:
    if deployment.triggers is not None:
        yield _written(deployment, "triggers")
        yield _written(deployment, "schedules")
    elif flow.triggers:
        yield Location(deployment.file.resolved, flow.triggers[0].line)


def _of_step(deployment: Deployment, flow: Flow, section: str, path: list[str]) -> Iterator[Location | None]:
    step, name = path[0], path[-1]
    if section == "resources":
        yield _written(deployment, ".".join(["steps", step, *path[1:]]))
        if path[1:]:
            yield _written(deployment, ".".join(["kubernetes", *path[1:]]))
    found = next((one for one in flow.steps if one.name == step), None)
    if section == "retries" and found is not None and not _has_own_retry(found):
        if any(spec.partition(":")[0] == "retry" for spec in deployment.decorators):
            yield _written(deployment, "with")
        elif deployment.retries:
            yield _written(deployment, f"retries.{name}")
            yield _written(deployment, "retries")  # what it says nothing of is Metaflow's default for a retry
    yield _step(deployment, flow, step)


def _has_own_retry(step: Step) -> bool:
    """Whether `@retry` is in the code of the step. One that the manifests add is also among the step's options."""
    added = any(option.startswith(f"{_WITH}retry") for option in step.options)
    return not added and any(decorator.name == "retry" for decorator in step.decorators)


def _of_settings(deployment: Deployment, flow: Flow, path: list[str]) -> Iterator[Location | None]:
    if path[0] == "steps":
        yield from _of_step_settings(deployment, flow, path)
        return
    yield _written(deployment, ".".join([_NAMES.get(path[0], path[0]), *path[1:]]))
    if path[0] == "configs":
        yield _written(deployment, ".".join(["config_files", *path[1:]]))


def _of_step_settings(deployment: Deployment, flow: Flow, path: list[str]) -> Iterator[Location | None]:
    """The environment, timeout or packages of a step: set in its code, or by `with:`."""
    yield _written(deployment, ".".join(path))
    found = next((one for one in flow.steps if one.name in path[1:2]), None)
    added = {option[len(_WITH) :].partition(":")[0] for option in found.options if _WITH in option} if found else set()
    if added.intersection(_DECORATORS.get(path[2] if len(path) > 2 else "", ())):
        yield _written(deployment, "with")
    yield _step(deployment, flow, path[1]) if found else None


def _step(deployment: Deployment, flow: Flow, name: str) -> Location | None:
    return next((Location(deployment.file.resolved, one.line) for one in flow.steps if one.name == name), None)


def _written(deployment: Deployment, path: str) -> Location | None:
    """Where a setting was written: the setting itself, else the first setting below it, else the one above it."""
    below = next((location for name, location in deployment.sources.items() if name.startswith(f"{path}.")), None)
    while path not in deployment.sources:
        if below is not None or not path:
            return below
        path = path.rpartition(".")[0]
    return deployment.sources[path]


def shown_location(location: Location, root: Path) -> str:
    """``file:line`` with the path relative to `root`."""
    return f"{_shown_path(location.file, root)}:{location.line}"


@lru_cache
def _shown_path(file: str, root: Path) -> str:
    # Few files hold all values of a plan, and to resolve a path asks the file system.
    path = Path(file).resolve()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

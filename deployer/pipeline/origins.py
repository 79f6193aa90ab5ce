"""Where a planned value was written: the line of a manifest or of a flow's file, for each field of a description."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from deployer.errors import Location
from deployer.models.deployment import Deployment
from deployer.models.desired import Desired
from deployer.models.flow import Flow, Step
from deployer.models.plan import Change, Reason
from deployer.plan_context import PlanContext

# Where the manifest calls a field of the description something else.
_NAMES = {
    "cluster": "kubernetes",
    "configs": "config_values",
    "variables": "metaflow",
}
# What a step's decorators decide, by the names of those.
_DECORATORS = {"environment": ("environment",), "timeout_seconds": ("timeout",), "packages": ("conda", "pypi")}
_WITH = "--with="


def with_origins(plan: PlanContext) -> PlanContext:
    """The same plan with where each new value was written. That makes no plan differ from another."""
    root = plan.folder.resolve().parent
    return plan.with_changes(_traced(plan, change, root) for change in plan.plan.changes)


def _traced(plan: PlanContext, change: Change, root: Path) -> Change:
    if not change.writes:
        return change
    item = plan.item(change.environment, change.file)
    return replace(change, reasons=tuple(_with_origins(reason, item, root) for reason in change.reasons))


def _with_origins(reason: Reason, item: Desired, root: Path) -> Reason:
    fields = (replace(each, origin=_origin(each.after, each.field, item, root)) for each in reason.fields)
    return replace(reason, fields=tuple(fields))


def _origin(after: object, field: str, item: Desired, root: Path) -> str:
    """Where a value was written. What is gone was written nowhere, but for `schedule: none`."""
    return "" if after is None and field != "schedule.cron" else origin(item, field, root)


def origin(item: Desired, field: str, root: Path) -> str:
    """``file:line`` of what gave a description's field (``retries.fit.times``) its value; empty for a default.

    Files are told from `root`, so that the answer does not depend on where the command was started.
    """
    for place in _places(item, field.split(".")):
        if place is not None:
            return _told(place, root)
    return ""


def _places(item: Desired, path: list[str]) -> Iterator[Location | None]:
    """Where it may have been written, the place that counts first."""
    deployment, flow, section, rest = item.deployment, item.flow, path[0], path[1:]
    file = deployment.file.resolved
    if section == "schedule":
        yield from _of_schedule(deployment, flow, rest[-1])
    elif section == "parameters":
        if rest[-1] == "default":
            yield _written(deployment, f"parameters.{rest[0]}")
        yield next((Location(file, one.line) for one in flow.parameters if one.name == rest[0]), None)
    elif section in ("retries", "resources"):
        yield from _of_step(deployment, flow, section, rest)
    elif section == "graph" and len(rest) > 1:
        yield _step(deployment, flow, rest[1])
    elif section == "code":
        yield _written(deployment, "file") if rest == ["file"] else Location(file, flow.line)
    elif section == "settings":
        yield from _of_settings(deployment, flow, rest)


def _of_schedule(deployment: Deployment, flow: Flow, name: str) -> Iterator[Location | None]:
    if name in ("catchup", "start_date"):
        yield _written(deployment, name)
        return
    if deployment.schedule is not None:
        yield _written(deployment, f"schedule.{name}")
        yield _written(deployment, "schedules")
    elif flow.schedule is not None:
        yield Location(deployment.file.resolved, flow.schedule.line)


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
    yield _step(deployment, flow, step)


def _has_own_retry(step: Step) -> bool:
    """Whether `@retry` is in the step's code: one that the manifests add is an option of its task as well."""
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
    """A step's environment, timeout or packages: the code's own, or those of `with:`."""
    yield _written(deployment, ".".join(path))
    found = next((one for one in flow.steps if one.name in path[1:2]), None)
    added = {option[len(_WITH) :].partition(":")[0] for option in found.options if _WITH in option} if found else set()
    if added.intersection(_DECORATORS.get(path[2] if len(path) > 2 else "", ())):
        yield _written(deployment, "with")
    yield _step(deployment, flow, path[1]) if found else None


def _step(deployment: Deployment, flow: Flow, name: str) -> Location | None:
    return next((Location(deployment.file.resolved, one.line) for one in flow.steps if one.name == name), None)


def _written(deployment: Deployment, path: str) -> Location | None:
    """Where a setting was written: itself, the first line of what it holds, or the mapping that holds it."""
    below = next((place for name, place in deployment.sources.items() if name.startswith(f"{path}.")), None)
    while path not in deployment.sources:
        if below is not None or not path:
            return below
        path = path.rpartition(".")[0]
    return deployment.sources[path]


def _told(place: Location, root: Path) -> str:
    path = Path(place.file).resolve()
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown.as_posix()}:{place.line}"

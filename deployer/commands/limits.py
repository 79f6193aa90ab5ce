"""What the projects files of a platform say against a plan: for plan, apply and rollback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.manifest.projects import Projects
from deployer.models.description import Description
from deployer.models.limits import BeyondLimits, Use
from deployer.models.plan import Change
from deployer.models.selection import Selection
from deployer.models.target import TargetError
from deployer.pipeline.projects_files import name_at, projects_files
from deployer.pipeline.use_locations import UseLocations
from deployer.plan_context import PlanContext
from deployer.planning.limits import beyond_limits, problem, unlisted_project
from deployer.state.survey import read_projects_content, target_problem


def refuse_beyond_limits(plan_context: PlanContext, selection: Selection, context: Context) -> PlanContext:
    """The same plan, with a warning for each unchanged deployment that goes beyond the limits of its project.

    Raises DeployError if an apply of the plan would write anything that goes beyond them, or if a projects file cannot
    be used. A rollback has no deployments of the manifests: its problems have no line.
    """
    files = projects_files(selection, plan_context.environments, plan_context.deployed)
    if not any(files.values()):
        return plan_context
    found = [*_unlisted(plan_context, files), *_beyond(plan_context, files, context)]
    if any(each.severity is Severity.ERROR for each in found):
        raise DeployError(found)
    return replace(plan_context, warnings=[*plan_context.warnings, *found])


def refuse_replaced(plan_context: PlanContext) -> None:
    """Raise DeployError if a projects file that the plan was checked with is another one now, or cannot be read.

    Whoever reads a plan before confirming it may take an hour.
    """
    deployed, environments = plan_context.deployed, plan_context.environments
    written = {change.environment for change in plan_context.plan.pending if change.writes}
    for name in sorted(written & deployed.projects_files.keys()):
        try:
            content = read_projects_content(deployed.targets[name])
        except TargetError as error:
            raise DeployError(target_problem(environments[name], str(error), error.hint)) from error
        if content != deployed.projects_files[name]:
            message = f"{name_at(environments[name])} was changed since the plan was made"
            raise DeployError(Diagnostic("stale-plan", message, hint="plan again: it limits what may be deployed"))


def _unlisted(plan_context: PlanContext, files: Mapping[str, Sequence[Projects]]) -> Iterator[Diagnostic]:
    written = {change.environment for change in plan_context.plan.changes if _is_written(change)}
    for name, found in files.items():
        environment = plan_context.environments[name]
        for each in unlisted_project(environment.project, environment, found):
            yield each if name in written else replace(each, severity=Severity.WARNING)


def _beyond(
    plan_context: PlanContext, files: Mapping[str, Sequence[Projects]], context: Context
) -> Iterator[Diagnostic]:
    """One problem for each line, with all deployments that it is about."""
    locations = UseLocations(plan_context.desired.manifests.locations)
    project = plan_context.desired.manifests.project
    items = {(item.deployment.environment.name, item.file): item for item in plan_context.desired.items}
    users: dict[tuple[str, Location | None, str, str, Location, bool], list[tuple[BeyondLimits, Change]]] = {}
    for change in plan_context.plan.changes:
        if not isinstance(change.after, Description):
            continue
        item = items.get((change.environment, change.file))
        for each in beyond_limits(
            project, _uses(change, change.after, plan_context, context), files[change.environment]
        ):
            path, location = locations.of(item, each.use) if item else ("", None)
            key = (path, location, each.use.kind, each.use.value, each.written, _is_written(change))
            users.setdefault(key, []).append((each, change))
    for (path, location, *_, is_written), found in users.items():
        made = problem(project, found[0][0], _words(found), location, path)
        yield made if is_written else replace(made, severity=Severity.WARNING)


def _uses(change: Change, described: Description, plan_context: PlanContext, context: Context) -> Sequence[Use]:
    own = (Use("environments", change.environment), Use("names", change.name))
    orchestrator = context.orchestrator(plan_context.environments[change.environment])
    return (*own, *orchestrator.uses(described))


def _is_written(change: Change) -> bool:
    """Whether an apply would write it, if it may."""
    return change.action in ("create", "update", "conflict")


def _words(found: Iterable[tuple[BeyondLimits, Change]]) -> list[str]:
    """Each deployment, with those of its steps that are meant."""
    steps: dict[str, list[str]] = {}
    for beyond, change in found:
        steps.setdefault(change.address, []).extend([beyond.use.step] if beyond.use.step else [])
    return [f"{address} ({', '.join(names)})" if names else address for address, names in steps.items()]

"""What the projects files of a platform say against a plan: for plan, apply and rollback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.manifest.projects import Projects
from deployer.models.description import Description
from deployer.models.limits import BeyondLimits, LimitKind, Use
from deployer.models.plan import Change, Violation
from deployer.models.selection import Selection
from deployer.models.target import TargetError
from deployer.pipeline.origins import shown_location
from deployer.pipeline.projects_files import name_at, projects_files
from deployer.pipeline.use_locations import UseLocations
from deployer.plan_context import PlanContext
from deployer.planning.limits import beyond_limits, unlisted_project, violation
from deployer.state.survey import read_projects_content, target_problem


def with_limits(plan_context: PlanContext, selection: Selection, context: Context) -> PlanContext:
    """The same plan with a violation for each use of a deployment that the limits of its project do not allow.

    Raises DeployError if a projects file cannot be used, or does not list a project that would write anything.
    """
    files = projects_files(selection, plan_context.environments, plan_context.deployed)
    if not any(files.values()):
        return plan_context
    unlisted = list(_unlisted(plan_context, files))
    if any(each.severity is Severity.ERROR for each in unlisted):
        raise DeployError(unlisted)
    found = replace(plan_context.plan, violations=tuple(_violations(plan_context, files, context)))
    return replace(plan_context, plan=found, warnings=[*plan_context.warnings, *unlisted])


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


def _violations(
    plan_context: PlanContext, files: Mapping[str, Sequence[Projects]], context: Context
) -> Iterator[Violation]:
    """The violations of each change; what several steps use in the same way is one."""
    manifests, root = plan_context.desired.manifests, plan_context.folder.resolve().parent
    locations = UseLocations(manifests.locations)
    items = {(item.deployment.environment.name, item.file): item for item in plan_context.desired.items}
    for change in plan_context.plan.changes:
        if not isinstance(change.after, Description):
            continue
        item = items.get((change.environment, change.file))
        uses, limits = _uses(change, change.after, plan_context, context), files[change.environment]
        found: dict[tuple[LimitKind, str, Location, str], list[BeyondLimits]] = {}
        for each in beyond_limits(manifests.project, uses, limits):
            location = locations.of(item, each.use) if item else None
            origin = f"{shown_location(location, root)}{_column(location)}" if location else ""
            found.setdefault((each.use.kind, each.use.value, each.written, origin), []).append(each)
        for (*_, origin), same in found.items():
            steps = [each.use.step for each in same if each.use.step]
            yield violation(manifests.project, same[0], change, steps, origin)


def _column(location: Location) -> str:
    return f":{location.column}" if location.column else ""


def _uses(change: Change, described: Description, plan_context: PlanContext, context: Context) -> Sequence[Use]:
    own = (Use("environments", change.environment), Use("names", change.name))
    orchestrator = context.orchestrator(plan_context.environments[change.environment])
    return (*own, *orchestrator.uses(described))


def _is_written(change: Change) -> bool:
    """Whether an apply would write it, if it may."""
    return change.action in ("create", "update", "conflict")

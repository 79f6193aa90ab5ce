"""What the projects file of a platform says against a plan: deployments that go beyond the limits of their project.

They are violations of the plan, as those of policies are: what an apply would write is refused. What is deployed
already and does not change is a warning: a new limit stops no other change. A delete is always allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from deployer.errors import Diagnostic, nearest
from deployer.manifest.projects import ProjectLimits, Projects
from deployer.models.deployment import Environment
from deployer.models.limits import PROJECTS_FILE, BeyondLimits, Use
from deployer.models.plan import Change, Violation

_WORDS = {
    "environments": "the environment",
    "names": "the DAG id",
    "compute": "the compute",
    "pools": "the pool",
    "namespaces": "the Kubernetes namespace",
    "service_accounts": "the Kubernetes service account",
    "images": "the image",
    "secrets": "the Kubernetes secret",
    "connections": "the Airflow connection",
}


def unlisted_project(project: str, environment: Environment, files: Sequence[Projects]) -> Iterator[Diagnostic]:
    """That a projects file does not list the project, and does not let others deploy."""
    for each in files:
        if project not in each.content.projects and each.content.others == "refuse":
            message = f"{each.name} does not list the project {project!r}, so it may deploy nothing to this target"
            hint = nearest(project, each.content.projects) or "ask whoever owns that file to add the project"
            path = f"environments.{environment.name}.target"
            yield Diagnostic("unlisted-project", message, environment.source("target"), path, hint)


def beyond_limits(project: str, uses: Sequence[Use], files: Sequence[Projects]) -> Iterator[BeyondLimits]:
    """The uses that a projects file does not allow to the project: names are compared as they are written."""
    for each in files:
        limits = each.content.projects.get(project)
        for use in uses if limits else ():
            assert limits is not None
            allowed = _allowed(limits, use)
            if allowed is not None and not any(fnmatchcase(use.value, pattern) for pattern in allowed):
                yield BeyondLimits(use, allowed, each.location("projects", project, use.kind))


def _allowed(limits: ProjectLimits, use: Use) -> Sequence[str] | None:
    """The names and patterns that are allowed; None where there is no limit."""
    found: Sequence[str] | None = getattr(limits, use.kind)
    return found


def violation(project: str, beyond: BeyondLimits, change: Change, steps: Sequence[str], origin: str) -> Violation:
    """One use of a deployment that the limits do not allow; `steps` are those that it is about, if it is about steps.

    What is deployed already and does not change stops no apply.
    """
    use, allowed = beyond.use, ", ".join(beyond.allowed) or "none"
    # A letter that looks like another one is shown by its number.
    what = f"{_WORDS[use.kind]} {use.value!a}"
    of_steps = f", for {'steps' if len(steps) > 1 else 'step'} {', '.join(steps)}" if steps else ""
    return Violation(
        policy=PROJECTS_FILE,
        address=change.address,
        severity="warning" if change.action == "none" else "error",
        message=f"{what} is not allowed to the project {project!r} ({use.kind}: {allowed}){of_steps}",
        hint=f"use an allowed one, or ask whoever owns {beyond.written} to add it",
        field=use.field,
        origin=origin,
    )

"""A helper's answers as the program's own values: `Flow`, `Package`, `Diagnostic`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from deployer.compiler.protocol import Answer, FlowData, PackageData, StepData, read_problems
from deployer.errors import Diagnostic, Location, Severity
from deployer.models.deployment import Deployment
from deployer.models.flow import (
    Code,
    Decorator,
    Flow,
    FlowSchedule,
    Hook,
    Package,
    Parameter,
    ProjectNames,
    Retries,
    Sensor,
    Step,
    Trigger,
)


def diagnostics(deployment: Deployment, answer: Answer) -> Iterator[Diagnostic]:
    """The problems of an answer, located in the flow's source or in the manifest, or nowhere: those of the machine."""
    for problem in read_problems(answer):
        setting = problem.setting
        in_source = Location(_relative(problem.file), problem.line) if problem.file else None
        yield Diagnostic(
            code=problem.code,
            message=problem.message,
            location=deployment.source(setting) if setting else in_source,
            path=_path(deployment, setting),
            hint=problem.hint,
            severity=Severity(problem.severity),
        )


def _path(deployment: Deployment, setting: str) -> str:
    """The path in the manifests. Some problems are those of an environment, not of the flow that found them."""
    if setting == "datastore" or setting.startswith("metaflow."):
        return f"environments.{deployment.environment.name}.{setting}"
    return f"flows.{deployment.name}" if setting else ""


def flow(deployment: Deployment, data: FlowData) -> Flow:
    """A `Flow` from its JSON form."""
    return Flow(
        name=data["name"],
        file=deployment.file.written,
        line=data["line"],
        doc=data["doc"],
        start=data["start"],
        end=data["end"],
        steps=tuple(_step(step) for step in data["steps"]),
        parameters=tuple(Parameter(**parameter) for parameter in data["parameters"]),
        code=Code(**data["code"]),
        schedule=FlowSchedule(**data["schedule"]) if data["schedule"] else None,
        project=ProjectNames(**data["project"]) if data["project"] else None,
        configs=data["configs"],
        decorators=tuple(Decorator(**decorator) for decorator in data["decorators"]),
        sensors=tuple(Sensor(**sensor) for sensor in data["sensors"]),
        triggers=tuple(Trigger(**trigger) for trigger in data["triggers"]),
        hooks=tuple(Hook(**hook) for hook in data["hooks"]),
        environment=data["environment"],
        default_time_limit=data["default_time_limit"],
    )


def package(data: PackageData) -> Package:
    """A `Package` from its JSON form."""
    return Package(**data)


def _step(data: StepData) -> Step:
    return Step(
        name=data["name"],
        kind=data["kind"],
        line=data["line"],
        doc=data["doc"],
        next=tuple(data["next"]),
        previous=tuple(data["previous"]),
        foreaches=tuple(data["foreaches"]),
        foreach_over=data["foreach_over"],
        joins=data["joins"],
        condition=data["condition"],
        cases=data["cases"],
        parallel=data["parallel"],
        decorators=tuple(Decorator(**decorator) for decorator in data["decorators"]),
        retries=Retries(**data["retries"]),
        timeout_seconds=data["timeout_seconds"],
        environment=data["environment"],
        pod=data["pod"],
        packages=data["packages"],
        options=tuple(data["options"]),
    )


def _relative(file: str) -> str:
    """A file as a user would type it: relative to the working directory where it lies below it."""
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return file

"""A helper's answers as the program's own values: `Flow`, `Package`, `Diagnostic`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployer.errors import Diagnostic, Location, Severity
from deployer.models.deployment import Deployment
from deployer.models.flow import (
    Code,
    Decorator,
    Flow,
    FlowSchedule,
    Package,
    Parameter,
    ProjectNames,
    Retries,
    Sensor,
    Step,
)


def diagnostics(deployment: Deployment, answer: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """The problems of an answer, at their place in the flow's source or in the manifest."""
    for problem in answer["problems"]:
        setting = problem["setting"]
        location = deployment.source(setting) if setting else Location(_shown(problem["file"]), problem["line"])
        yield Diagnostic(
            code=problem["code"],
            message=problem["message"],
            location=location,
            path=_path(deployment, setting),
            hint=problem["hint"],
            severity=Severity(problem["severity"]),
        )


def _path(deployment: Deployment, setting: str) -> str:
    """The place in the manifests; the datastore is its environment's, whichever flow found that it fails."""
    if setting == "datastore":
        return f"environments.{deployment.environment.name}.datastore"
    return f"flows.{deployment.name}" if setting else ""


def flow(deployment: Deployment, data: Mapping[str, Any]) -> Flow:
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
        environment=data["environment"],
    )


def package(data: Mapping[str, Any]) -> Package:
    """A `Package` from its JSON form."""
    return Package(**data)


def _step(data: Mapping[str, Any]) -> Step:
    lists = {name: tuple(data[name]) for name in ("next", "previous", "foreaches", "options")}
    return Step(
        **{
            **data,
            **lists,
            "decorators": tuple(Decorator(**decorator) for decorator in data["decorators"]),
            "retries": Retries(**data["retries"]),
        }
    )


def _shown(file: str) -> str:
    """A file as a user would type it: relative to the working directory where it lies below it."""
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return file

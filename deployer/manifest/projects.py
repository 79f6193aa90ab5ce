"""The file in which a platform says what each manifest project may deploy at a target.

It is no manifest: whoever owns the target or the pipeline writes it, and no variable is replaced in it. It is
validated as manifests are, with the location of each problem.
"""

# Without the future import of annotations, as in `keys`.

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from deployer.errors import DeployError, Diagnostic, Location
from deployer.manifest.fields import Items, Name, Omissible, Setting, Settings, Text
from deployer.manifest.files import shown
from deployer.manifest.nodes import Map, Report, describe, locations
from deployer.manifest.parse import parse
from deployer.manifest.validate import validate_as
from deployer.models.regular_file import read_regular

MAX_BYTES: Final = 1_000_000
_NO_DAG: Final = "it is no part of a manifest"
_LONGEST: Final = 250


def _check_pattern(value: Any) -> Any:
    """A shell pattern for names: printable, without blanks at its ends, and not longer than a DAG id."""
    if not isinstance(value, str) or not value:
        return value
    if "${" in value:
        raise _bad_pattern(f"{value[:80]!r} has a variable, and none is replaced in this file", "write the name itself")
    if not value.isprintable() or value != value.strip():
        message = f"{ascii(value)[:80]} has a blank at an end, or a character that cannot be printed"
        raise _bad_pattern(message, "write a name, or a pattern such as growth.*")
    if len(value) > _LONGEST:
        raise _bad_pattern(f"the pattern has {len(value):,} characters, and a name has {_LONGEST} at most", "")
    return value


def _bad_pattern(message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError("bad-pattern", "{message}", {"message": message, "hint": hint})


Patterns = Omissible[Items[Annotated[Text, BeforeValidator(_check_pattern)]]]


def _limit(purpose: str) -> Setting:
    return Setting(purpose, note=_NO_DAG)


class ProjectLimits(Settings):
    """What one manifest project may deploy. A list has names and shell patterns; what is absent is not limited."""

    environments: Annotated[Patterns, _limit("The environments, by the names that the project's manifests use.")] = None
    names: Annotated[Patterns, _limit("The DAG ids, as in `growth.*`.")] = None
    compute: Annotated[
        Omissible[Items[Literal["local", "kubernetes"]]],
        _limit("What a step may be: local, a process on the Airflow worker, or kubernetes, a pod."),
    ] = None
    pools: Annotated[Patterns, _limit("The Airflow pools; what names no pool runs in Airflow's own, default_pool.")] = (
        None
    )
    namespaces: Annotated[
        Patterns, _limit("The Kubernetes namespaces of pods; what names none is in Kubernetes' own, default.")
    ] = None
    service_accounts: Annotated[
        Patterns, _limit("The Kubernetes service accounts of pods; what names none has that of its namespace, default.")
    ] = None
    images: Annotated[Patterns, _limit("The images of pods, as in `registry.example.com/growth/*`.")] = None
    secrets: Annotated[Patterns, _limit("The Kubernetes secrets that pods get as variables.")] = None
    connections: Annotated[
        Patterns,
        _limit(
            "The Airflow connections to clusters, of sensors and of `notify`; what names none has Airflow's own, as in"
            " kubernetes_default, aws_default or smtp_default."
        ),
    ] = None


class ProjectsFile(Settings):
    """What each manifest project may deploy at a target. The platform owns the file."""

    version: Annotated[Literal[1], Setting("The version of this format: 1.", note=_NO_DAG)]
    projects: Annotated[
        Mapping[Name, ProjectLimits],
        Setting("The limits of each manifest project, by its name as in `project:` of its manifests.", note=_NO_DAG),
    ] = Field(default_factory=dict)
    others: Annotated[
        Literal["refuse", "allow"],
        Setting("Whether projects that are not listed may deploy here, without limits.", note=_NO_DAG),
    ] = "refuse"


@dataclass(frozen=True)
class Projects:
    """A projects file that was read: `name` is for messages, `locations` is where each key was written, by its path."""

    name: str
    content: ProjectsFile
    locations: Mapping[str, Location] = field(default_factory=dict)

    def location(self, *path: str) -> Location:
        """Where a key was written; the file itself for one that was not."""
        return self.locations.get(".".join(path), Location(self.name))


def read_projects(data: bytes, name: str) -> Projects:
    """The content of a projects file. Raises DeployError with all that is wrong in it.

    `name` is for messages. A file of more than a megabyte is refused, and so is an empty one: whoever owns it meant to
    limit something.
    """
    report = Report()
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes, and {MAX_BYTES:,} are the most"
        raise DeployError(Diagnostic("too-large", message, Location(name)))
    node, problems = parse(data, name)
    if problems:
        raise DeployError(problems)
    top = Map({}, Location(name)) if node is None else node
    if not isinstance(top, Map):
        message = f"expected a map (version, projects, others), found {describe(top)}"
        raise DeployError(Diagnostic("wrong-type", message, top.location))
    content = validate_as(ProjectsFile, top, report)
    if content is None:
        raise DeployError(report.found)
    return Projects(name, content, dict(locations(top, ())))


def read_projects_file(file: Path) -> Projects:
    """The content of a projects file on this machine. Raises DeployError, also where it cannot be read."""
    try:
        data = read_regular(file, MAX_BYTES)
    except OSError as error:
        message = f"the projects file cannot be read: {error.strerror}"
        hint = "name it with --projects FILE, or leave that out"
        raise DeployError(Diagnostic("bad-path", message, Location(shown(file)), hint=hint)) from error
    return read_projects(data, shown(file))

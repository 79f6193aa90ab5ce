"""The projects files that limit a plan: the one at each target, and one that the command line names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from deployer.errors import DeployError, Diagnostic
from deployer.manifest.files import shown
from deployer.manifest.projects import Projects, read_projects, read_projects_file
from deployer.models.deployment import Environment
from deployer.models.limits import PROJECTS_FILE
from deployer.models.selection import Selection
from deployer.state.survey import DeployedState


def projects_files(
    selection: Selection, environments: Mapping[str, Environment], deployed: DeployedState
) -> Mapping[str, Sequence[Projects]]:
    """The files that limit each environment, by its name. Raises DeployError with all that is wrong in any of them.

    A file that cannot be read limits everything: nothing is planned until somebody has mended it.
    """
    problems: list[Diagnostic] = []
    given = []
    if selection.projects is not None:
        try:
            given = [read_projects_file(selection.projects)]
        except DeployError as error:
            problems += error.diagnostics
    found = {}
    for state in deployed.states:
        name = state.environment
        try:
            there = projects_file_at(environments[name], deployed)
            found[name] = [*given, *([there] if there else [])]
        except DeployError as error:
            problems += error.diagnostics
    if problems:
        raise DeployError(problems)
    return found


def projects_file_at(environment: Environment, deployed: DeployedState) -> Projects | None:
    """The projects file at the target of an environment; None if there is none. Raises DeployError."""
    content = deployed.projects_files.get(environment.name)
    return None if content is None else read_projects(content, name_at(environment))


def name_at(environment: Environment) -> str:
    """The projects file at the target of an environment, for messages: no secret of the target's address is in it."""
    target = environment.target
    if "://" not in target.written and not target.secrets:
        return shown(Path(target.resolved) / PROJECTS_FILE)
    folder, mark, rest = target.written.partition("?")
    return f"{folder.rstrip('/')}/{PROJECTS_FILE}{mark}{rest}"

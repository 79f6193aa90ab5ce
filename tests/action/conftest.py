"""A repository whose GitHub is a server of the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.action.api import State, github
from tests.action.project import Project
from tests.action.repository import Repository


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with github(State()) as state:
        yield Project(Repository(tmp_path).make(), state)


@pytest.fixture(scope="session")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What planning both environments leaves behind, made once."""
    with github(State()) as state:
        made = Project(Repository(tmp_path_factory.mktemp("plans")).make(), state)
        made.open()
        runner = made.on_pull()
        for environment in ("staging", "prod"):
            assert runner.use(command="plan", environment=environment).result == "success"
    return made.repository.folder / "mfdeploy-plan"


@pytest.fixture
def planned(project: Project, plans: Path) -> Callable[[], Path]:
    """Puts the plans of both environments where the job that comments gets them; they are those of a new repository."""

    def put() -> Path:
        folder = project.repository.folder / "mfdeploy-plan"
        shutil.copytree(plans, folder, dirs_exist_ok=True)
        return folder

    return put

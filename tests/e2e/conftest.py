"""Projects to work on: a fresh one, and one where everything is deployed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.project import Project, checkout


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """The example deployments, nothing built."""
    return checkout(tmp_path / "project", tmp_path / "home")


@pytest.fixture(scope="session")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The example deployments, applied to the local environment; not to be changed."""
    folder = tmp_path_factory.mktemp("applied")
    project = checkout(folder / "project", folder / "home")
    project.apply()
    return project


@pytest.fixture
def applied(applied_once: Project, tmp_path: Path) -> Project:
    """The example deployments, applied to the local environment: a copy of its own."""
    return replace(applied_once.copy(tmp_path / "project"), home=tmp_path / "home")

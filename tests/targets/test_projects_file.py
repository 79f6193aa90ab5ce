"""The projects file beside the DAG files, at every kind of target."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.limits import PROJECTS_FILE
from deployer.models.target import Target
from deployer.state.survey import DeployedState, survey
from tests.contexts import context
from tests.plan import made

CONTENT = b"version: 1\nprojects: {growth: {}}\n"


def environment_at(place: str) -> Environment:
    return made.environment(target=ResolvedPath(place, place))


def surveyed(place: str, *, limits: bool = True) -> DeployedState:
    return survey([environment_at(place)], context().connect, (), limits=limits)


def test_the_file_is_read_where_it_is_and_is_no_dag_file(place: str, target: Target) -> None:
    assert surveyed(place).projects_files == {}
    target.create(PROJECTS_FILE, CONTENT)
    target.create("other.py", b"")
    found = surveyed(place)
    assert found.projects_files == {"prod": CONTENT}
    assert [item.file for item in found.states[0].deployed] == ["other.py"]
    assert surveyed(place, limits=False).projects_files == {}


def test_a_listing_of_several_patterns_is_all_that_fits_one(target: Target) -> None:
    for name in ("a.py", "b.json", "c.txt", PROJECTS_FILE):
        target.create(name, b"")
    assert sorted(target.list("*.py", "*.json", PROJECTS_FILE)) == ["a.py", "b.json", PROJECTS_FILE]


@pytest.mark.parametrize("kind", ["a folder", "a link to nothing"])
def test_what_is_no_file_in_a_folder_is_refused_and_not_skipped(kind: str, tmp_path: Path) -> None:
    file = tmp_path / PROJECTS_FILE
    file.mkdir() if kind == "a folder" else file.symlink_to("nowhere.yaml")
    with pytest.raises(DeployError, match=PROJECTS_FILE):
        surveyed(str(tmp_path))


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    # As Kubernetes mounts a ConfigMap.
    (tmp_path / "data.yaml").write_bytes(CONTENT)
    (tmp_path / PROJECTS_FILE).symlink_to("data.yaml")
    assert surveyed(str(tmp_path)).projects_files == {"prod": CONTENT}

"""The projects file beside the DAG files, at every kind of target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import DeployError
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.limits import PROJECTS_FILE
from deployer.models.target import Target
from deployer.pipeline.projects_files import name_at
from deployer.state.survey import DeployedState, survey
from tests.contexts import context
from tests.plan import made
from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET, target_at
from tests.targets.repositories import make_remote

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


@pytest.mark.parametrize(("is_there", "more"), [(False, 0), (True, 1)])
def test_a_store_is_asked_once_more_where_the_file_is(
    is_there: bool, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    @contextmanager
    def counted(request: Mapping[str, Any]) -> Iterator[None]:
        asked.append(request["PATH_INFO"])
        yield

    with s3_server(BUCKET, counted) as url:
        for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": url}.items():
            monkeypatch.setenv(name, value)
        if is_there:
            target_at(f"s3://{BUCKET}/dags").create(PROJECTS_FILE, CONTENT)
        counts = []
        for limits in (False, True):
            asked.clear()
            surveyed(f"s3://{BUCKET}/dags", limits=limits)
            counts.append(len(asked))
    assert counts[1] == counts[0] + more


def test_a_git_target_reads_the_file_of_its_folder(tmp_path: Path) -> None:
    remote = make_remote(tmp_path / "remote.git")
    remote.push({f"dags/{PROJECTS_FILE}": CONTENT, PROJECTS_FILE: b"of another folder"})
    assert surveyed(remote.address).projects_files == {"prod": CONTENT}


@pytest.mark.parametrize(
    ("written", "resolved", "secrets", "name"),
    [
        ("s3://lake/dags/", "s3://lake/dags/", (), "s3://lake/dags/mfdeploy-projects.yaml"),
        ("git+https://h/x.git//dags?ref=main", "", (), "git+https://h/x.git//dags/mfdeploy-projects.yaml?ref=main"),
        (
            "s3://${env.B}/dags",
            "s3://hunter2/dags",
            (("${env.B}", "hunter2"),),
            "s3://${env.B}/dags/mfdeploy-projects.yaml",
        ),
        ("${env.D}", "/hunter2", (("${env.D}", "/hunter2"),), "${env.D}/mfdeploy-projects.yaml"),
        ("../dags", "/srv/dags", (), "/srv/dags/mfdeploy-projects.yaml"),
    ],
)
def test_messages_name_the_file_without_what_is_secret(
    written: str, resolved: str, secrets: tuple[tuple[str, str], ...], name: str
) -> None:
    assert name_at(made.environment(target=ResolvedPath(written, resolved or written, secrets))) == name

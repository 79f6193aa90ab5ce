"""`mfdeploy plan` and `apply` where DAG files are published to S3."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.state.index import index_file
from deployer.targets.s3 import open_s3
from tests.e2e.project import OFFLINE, Project
from tests.s3 import client, s3_server
from tests.sources import two_steps
from tests.targets.kinds import AWS, BUCKET
from tests.targets.wire import Answer, Wire, wire_to

PREFIX = "dags"
INDEX = index_file("growth", "prod")
MANIFEST = """version: 1
project: growth
environments:
  prod:
    production: true
    target: s3://{bucket}/{prefix}
    compute: local
    datastore: {datastore}
flows:
  one: {{file: one/one.py}}
  two: {{file: two/two.py}}
  three: {{file: three/three.py}}
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with s3_server(BUCKET) as url:
        yield url


@pytest.fixture
def wire(upstream: str) -> Iterator[Wire]:
    with wire_to(upstream) as running:
        yield running


@pytest.fixture
def bucket(upstream: str) -> str:
    store = client(upstream)
    for found in store.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        store.delete_object(Bucket=BUCKET, Key=found["Key"])
    return BUCKET


@pytest.fixture
def project(tmp_path: Path, wire: Wire, bucket: str) -> Project:
    return made(tmp_path, wire, "../build/metaflow")


def made(folder: Path, wire: Wire, datastore: str) -> Project:
    manifests = folder / "deployments"
    manifests.mkdir()
    manifests.joinpath("m.yaml").write_text(MANIFEST.format(bucket=BUCKET, prefix=PREFIX, datastore=datastore))
    for name in ("one", "two", "three"):
        # A folder each: all of a flow's folder is in its code package.
        (manifests / name).mkdir()
        (manifests / name / f"{name}.py").write_text(two_steps(f"{name.title()}Flow"))
    local = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    variables = {**OFFLINE, **local, **AWS, "AWS_ENDPOINT_URL_S3": wire.url}
    return Project(folder, folder / "home", variables=variables)


def pending(project: Project) -> dict[str, list[str]]:
    """The words of the reasons of each change, by address."""
    changes = project.plan(env="prod").values()
    return {
        change["address"]: [change["action"], *(reason["word"] for reason in change["reasons"])]
        for change in changes
        if change["action"] != "none"
    }


def apply(project: Project) -> str:
    return project.do("apply", "--env", "prod", "--yes", "--allow-mass-change")


def by_hand(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": wire.url}.items():
        monkeypatch.setenv(name, value)
    return open_s3(f"s3://{BUCKET}/{PREFIX}", os.environ)


def written(wire: Any) -> list[str]:
    """Names of what was put at the target, in order; entries of the history have one of their own each time."""
    names = [path.rpartition("/")[2] for path in wire.seen("PUT")]
    return ["entry" if name.startswith(".mfdeploy.") and name != INDEX else name for name in names]


def test_the_life_of_deployments(project: Project, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    assert pending(project) == {key: ["create", "new"] for key in ("prod/one", "prod/two", "prod/three")}
    apply(project)
    target = by_hand(wire, monkeypatch)
    assert list(target.list()) == ["OneFlow.py", "ThreeFlow.py", "TwoFlow.py"]

    # Nothing to do: one listing, one index, no DAG file.
    wire.requests.clear()
    assert pending(project) == {}
    assert len(wire.requests) == 2
    assert len(wire.seen("GET", "list-type=2")) == len(wire.seen("GET", INDEX)) == 1

    # One change: its file, and once for each apply the entry of the history and the index.
    project.edit("one/one.py", "pass", "print('done')")
    assert pending(project) == {"prod/one": ["update", "code"]}
    wire.requests.clear()
    apply(project)
    assert written(wire) == ["OneFlow.py", "entry", INDEX]
    assert pending(project) == {}

    # Edited by hand, which the index written before does not know.
    content, version = target.read("TwoFlow.py")
    target.replace("TwoFlow.py", content.replace(b"The TwoFlow", b"My TwoFlow"), version)
    assert pending(project) == {"prod/two": ["update", "drifted"]}
    apply(project)
    assert target.read("TwoFlow.py")[0].count(b"My TwoFlow") == 0
    assert pending(project) == {}

    # Removed by hand, which only the index knows.
    target.delete("TwoFlow.py", target.list()["TwoFlow.py"])
    assert pending(project) == {"prod/two": ["create", "missing"]}
    apply(project)

    # Gone from the manifests.
    project.edit("m.yaml", "  three: {file: three/three.py}\n", "")
    assert pending(project) == {"prod/three": ["delete", "removed"]}
    apply(project)
    assert list(target.list()) == ["OneFlow.py", "TwoFlow.py"]
    assert pending(project) == {}


def test_the_index_is_a_cache_only(project: Project, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(project)
    target = by_hand(wire, monkeypatch)
    foreign = target.create("theirs.py", b"from airflow import DAG\n")
    whole, version = target.read(INDEX)
    # Deleted: every file is read, and the plan is the same.
    target.delete(INDEX, version)
    wire.requests.clear()
    assert pending(project) == {}
    assert len(wire.seen("GET", ".py")) == 4
    # Damaged: cut off, or with a record that says something else.
    version = target.create(INDEX, whole[:-100])
    assert pending(project) == {}
    version = target.replace(INDEX, re.sub(rb'"flow":', b'"flaw":', whole), version)
    assert pending(project) == {}
    # Written anew by the next apply, with what it saw of other files too.
    project.edit("one/one.py", "pass", "print('done')")
    apply(project)
    entries = json.loads(target.read(INDEX)[0])["dags"]
    assert sorted(entries) == ["OneFlow.py", "ThreeFlow.py", "TwoFlow.py", "theirs.py"]
    assert entries["theirs.py"]["version"] == foreign
    wire.requests.clear()
    assert pending(project) == {}
    assert wire.seen("GET", ".py") == []
    assert target.list()["theirs.py"] == foreign


def test_a_saved_plan_is_refused_when_the_target_moved(
    project: Project, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(project)
    project.edit("one/one.py", "pass", "print('done')")
    project.do("plan", "--env", "prod", "--out", "plan.json")
    target = by_hand(wire, monkeypatch)
    content, version = target.read("OneFlow.py")
    target.replace("OneFlow.py", content.replace(b"The OneFlow", b"My OneFlow"), version)
    before = target.list()
    done = project.run("apply", "plan.json", "--yes")
    assert done.returncode == 1
    assert "prod/one: OneFlow.py at the target was changed since the plan was made" in done.stderr
    assert target.list() == before


def test_a_store_that_refuses_is_one_error_with_its_line(project: Project, wire: Wire) -> None:
    wire.spoil(1000, Answer(403, "AccessDenied", "Access Denied"))
    for command in (("plan",), ("apply", "--yes")):
        done = project.run(*command, "--env", "prod")
        assert done.returncode == 1
        [line] = [line for line in done.stderr.splitlines() if ": error: " in line]
        where = "deployments/m.yaml:6:13: error: environments.prod.target: s3://airflow-of-tests/dags"
        assert line.startswith(where), done.stderr
        assert "access denied" in line


def test_an_index_that_cannot_be_written_is_a_warning(project: Project, wire: Wire) -> None:
    wire.spoil(1000, Answer(403, "AccessDenied", "Access Denied"), "PUT", INDEX)
    done = project.run("apply", "--env", "prod", "--yes")
    assert done.returncode == 0, done.stderr
    assert "the index could not be written" in done.stderr
    assert pending(project) == {}


class TestDatastoreInS3:
    @pytest.fixture
    def project(self, tmp_path: Path, wire: Wire, bucket: str) -> Project:
        project = made(tmp_path, wire, f"s3://{BUCKET}/metaflow")
        text = "    metaflow: {METAFLOW_S3_ENDPOINT_URL: " + wire.url + "}\nflows:"
        project.edit("m.yaml", "flows:", text)
        return project

    def test_packages_are_stored_once_and_before_any_dag(self, project: Project, wire: Wire) -> None:
        # The same flow twice: the same package.
        project.edit("m.yaml", "  two: {file: two/two.py}\n", "  again: {file: one/one.py, dag_id: Again}\n")
        apply(project)
        puts = wire.seen("PUT")
        packages = [path for path in puts if "/data/" in path]
        assert len(packages) == len(set(packages)) == 2
        tokens = [path.rpartition("/")[2] for path in puts if "/mf.airflow/" in path]
        assert sorted(tokens) == ["Again", "OneFlow", "ThreeFlow"]
        first_dag = min(puts.index(path) for path in wire.seen("PUT", f"/{PREFIX}/"))
        assert first_dag == len(packages) + len(tokens)

        # The code as it was: what is there already is not stored again.
        project.edit("m.yaml", "  three: {file: three/three.py}\n", "  three: {file: three/three.py, tags: [new]}\n")
        wire.requests.clear()
        apply(project)
        assert written(wire) == ["ThreeFlow.py", "entry", INDEX]

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer(403, "AccessDenied", "Access Denied"), "access denied"),
            (Answer(404, "NoSuchBucket", "gone"), "there is no such bucket or container"),
        ],
        ids=["403", "404"],
    )
    def test_a_datastore_that_refuses_is_one_error_and_no_dag_is_written(
        self, project: Project, wire: Wire, answer: Answer, said: str
    ) -> None:
        wire.spoil(1000, answer, path="/metaflow/")
        done = project.run("apply", "--env", "prod", "--yes")
        assert done.returncode == 1
        [line] = [line for line in done.stderr.splitlines() if ": error: " in line]
        where = "deployments/m.yaml:8:16: error: environments.prod.datastore: code packages cannot be stored in"
        assert line.startswith(f"{where} s3://{BUCKET}/metaflow: {said}"), done.stderr
        assert wire.seen("PUT", f"/{PREFIX}/") == []

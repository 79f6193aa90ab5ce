"""DAGs of Metaflow's own command, of another project and of somebody's own hand are taken over, if asked for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.project import OFFLINE, Project
from tests.s3 import CREDENTIALS, s3_server

FLOW = Path(__file__).parents[1] / "plan" / "native" / "train.py"
ALL = ("--env", "local")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server("acme-flows") as url:
        yield url


@pytest.fixture
def native(tmp_path: Path, s3: str) -> Project:
    """A flow that was deployed with `airflow create`, into the folder that a manifest now names as its target."""
    folder = tmp_path / "project"
    (folder / "deployments" / "flows").mkdir(parents=True)
    shutil.copy(FLOW, folder / "deployments" / "flows")
    root = f"s3://acme-flows/{tmp_path.name}"
    manifest = {
        "version": 1,
        "project": "growth",
        "environments": {
            "prod": {
                "production": True,
                "target": "../build/dags",
                "compute": "kubernetes",
                "datastore": root,
                "metaflow": {
                    "METAFLOW_DEFAULT_METADATA": "local",
                    "METAFLOW_S3_ENDPOINT_URL": s3,
                    "METAFLOW_S3_WORKER_COUNT": 1,
                },
                "kubernetes": {"image": "registry.example/flows:1"},
                "protect": True,
            }
        },
        "flows": {"train": {"file": "flows/train.py", "schedule": {"cron": "0 4 * * *"}}},
    }
    (folder / "deployments" / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    project = Project(folder, tmp_path / "home", variables={**OFFLINE, **CREDENTIALS, "no_proxy": "127.0.0.1"})
    create(project, s3, root)
    return project


def create(project: Project, s3: str, root: str) -> None:
    project.dags.mkdir(parents=True)
    environment = {
        **project.environ(),
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_S3": root,
        "METAFLOW_S3_ENDPOINT_URL": s3,
        "METAFLOW_SERVICE_HEADERS": '{"x-api-key": "never-to-be-shown"}',
    }
    command = [sys.executable, str(FLOW), "--with", "retry", "airflow", "create", str(project.dags / "dag.py")]
    done = subprocess.run(command, cwd=project.home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def token_of(text: str) -> str:
    found = re.search(r"trainflow-\d-\w+", text)
    assert found
    return found.group()


def words(change: dict[str, Any]) -> list[str]:
    return [reason["word"] for reason in change["reasons"]]


def _allowed(addresses: list[str]) -> list[str]:
    return [word for address in addresses for word in ("--allow-adopt", address)]


class TestNativeDag:
    def test_without_the_option_it_is_a_conflict_that_names_it(self, native: Project) -> None:
        done = native.run("apply", "--env", "prod", "--yes")
        assert done.returncode == 1
        assert "dag.py, written by Metaflow's airflow create, already defines the DAG TrainFlow" in done.stderr
        assert "--adopt prod/train" in done.stderr
        assert [path.name for path in native.dags.iterdir()] == ["dag.py"]

    def test_it_is_taken_over_with_its_namespace(self, native: Project) -> None:
        token = token_of((native.dags / "dag.py").read_text())
        change = native.plan("--adopt", "prod/train", env="prod")["prod/train"]
        assert (change["action"], words(change), change["name"]) == ("update", ["adopted"], "TrainFlow")
        fields = {each["field"]: (each["before"], each["after"]) for each in change["reasons"][0]["fields"]}
        assert fields == {"schedule.cron": ("0 3 * * *", "0 4 * * *")}
        said = native.do("apply", "--env", "prod", "--yes", "--adopt", "prod/train")
        assert f"namespace production:{token}" in re.sub(r"\s+", " ", said)
        assert [path.name for path in native.dags.glob("*.py")] == ["TrainFlow.py"]
        assert f'"METAFLOW_PRODUCTION_TOKEN": "{token}"' in (native.dags / "TrainFlow.py").read_text()
        assert native.pending(env="prod") == {}

    def test_its_namespace_is_that_of_its_runs_also_in_another_datastore(self, native: Project) -> None:
        token = token_of((native.dags / "dag.py").read_text())
        manifest = native.folder / "deployments" / "mfdeploy.yaml"
        manifest.write_text(re.sub("datastore: .*", "datastore: s3://acme-flows/elsewhere", manifest.read_text()))
        native.do("apply", "--env", "prod", "--yes", "--adopt", "train")
        assert f'"METAFLOW_PRODUCTION_TOKEN": "{token}"' in (native.dags / "TrainFlow.py").read_text()

    def test_a_saved_plan_holds_what_it_takes_over(self, native: Project) -> None:
        native.do("plan", "--env", "prod", "--adopt", "prod/*", "--out", "plan.json")
        assert native.run("apply", "plan.json", "--adopt", "prod/*").returncode == 1
        plan = json.loads((native.folder / "plan.json").read_text())
        adopted = [each["address"] for each in plan["changes"] if "adopted" in [why["word"] for why in each["reasons"]]]
        assert native.run("apply", "plan.json", *_allowed(adopted[1:])).returncode == 1
        native.do("apply", "plan.json", *_allowed(adopted))
        assert native.pending(env="prod") == {}

    def test_keys_that_it_holds_are_shown_in_no_plan(self, native: Project) -> None:
        (native.dags / "dag.py").rename(native.dags / "TrainFlow.py")
        assert "never-to-be-shown" in (native.dags / "TrainFlow.py").read_text()
        for options in ([], ["--diff"], ["--adopt", "train"], ["--adopt", "train", "--diff"]):
            said = native.do("plan", "--env", "prod", *options, code=0 if "--adopt" in options else 1)
            assert "never-to-be-shown" not in said
        native.do("apply", "--env", "prod", "--yes", "--adopt", "train")
        assert native.pending(env="prod") == {}


class TestProject:
    @pytest.fixture
    def renamed(self, applied: Project) -> Project:
        """Everything is deployed, and then the manifest project gets another name."""
        for manifest in (applied.folder / "deployments").glob("*.yaml"):
            manifest.write_text(manifest.read_text().replace("project: examples", "project: samples"))
        return applied

    def test_all_its_dags_are_conflicts_that_name_the_way_out(self, renamed: Project) -> None:
        assert set(renamed.pending(code=1).values()) == {"conflict"}
        done = renamed.run("apply", *ALL, "--yes")
        assert "--adopt project:examples for all files of that project" in done.stderr

    def test_all_are_taken_over_at_once(self, renamed: Project) -> None:
        before = {path.name for path in renamed.dags.glob("*.py")}
        renamed.apply("--adopt", "project:examples")
        assert renamed.pending() == {}
        assert {path.name for path in renamed.dags.glob("*.py")} == before

    def test_what_left_the_manifests_meanwhile_is_told(self, renamed: Project) -> None:
        renamed.edit("graphs.yaml", "  compare_models:\n    file: flows/compare_models/compare_models.py\n", "")
        asked = ("--env", "local", "--adopt", "project:examples")
        listed = "the project 'examples' still owns files that these manifests do not list: CompareModelsFlow.local.py"
        assert f"warning: {listed}" in renamed.run("plan", *asked).stderr
        renamed.do("apply", *asked, "--yes")
        assert f"warning: {listed}" in renamed.run("plan", *asked).stderr
        assert (renamed.dags / "CompareModelsFlow.local.py").exists()


class TestByHand:
    FOREIGN = "from airflow import DAG  # somebody else's\n"

    @pytest.fixture
    def foreign(self, fresh: Project) -> Project:
        fresh.dags.mkdir(parents=True)
        (fresh.dags / "HourlyFlow.local.py").write_text(self.FOREIGN)
        (fresh.dags / "theirs.py").write_text(self.FOREIGN)
        return fresh

    def test_its_whole_text_is_shown_before_it_goes(self, foreign: Project) -> None:
        change = foreign.plan("--flow", "hourly", "--adopt", "hourly")["local/hourly"]
        assert (change["action"], words(change)) == ("update", ["adopted"])
        assert change["reasons"][0]["edit"]["lines"] == ["@@ -0,0 +1 @@", f"+{self.FOREIGN.strip()}"]
        foreign.apply("--flow", "hourly", "--adopt", "local/hourly")
        assert (foreign.dags / "theirs.py").read_text() == self.FOREIGN
        assert foreign.pending("--flow", "hourly") == {}


class TestTheOption:
    def test_with_a_name_that_is_none_is_refused(self, applied_once: Project) -> None:
        done = applied_once.run("plan", *ALL, "--adopt", "local/horly")
        assert done.returncode == 1
        assert "--adopt local/horly: no deployment matches; did you mean 'local/hourly'?" in done.stderr

    def test_with_nothing_to_take_over_is_a_warning(self, applied_once: Project) -> None:
        for pattern in ("local/hourly", "project:nobody"):
            done = applied_once.run("plan", *ALL, "--adopt", pattern)
            assert done.returncode == 0
            assert f"warning: --adopt {pattern}: there is nothing to adopt" in done.stderr


def test_a_dag_whose_new_id_cannot_be_written_keeps_its_old_one(applied: Project) -> None:
    applied.edit(
        "scheduling.yaml", "file: flows/hourly/hourly.py\n", "file: flows/hourly/hourly.py\n    dag_id: clock\n"
    )
    applied.do("plan", *ALL, "--out", "plan.json")
    other = replace(applied, user="grace")
    (other.dags / "clock.py").mkdir()
    assert applied.run("apply", "plan.json").returncode == 1
    assert (applied.dags / "HourlyFlow.local.py").exists()

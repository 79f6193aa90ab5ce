"""What must hold of every plan and every apply, whatever is deployed."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project, checkout

ENVIRONMENTS = ("local", "staging", "prod")


def words(change: dict[str, Any]) -> list[str]:
    return [reason["word"] for reason in change["reasons"]]


def tree(*folders: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file and folder, the folders themselves included."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def lasting(plan: str) -> str:
    """A plan without the times of the next runs: they are those of the moment."""
    found = json.loads(plan)
    for change in found["changes"]:
        for effect in change["effects"]:
            effect.update(before=[], after=[])
    return json.dumps(found)


class TestPlanAfterApply:
    def test_is_empty(self, applied_once: Project) -> None:
        assert applied_once.pending() == {}

    def test_exits_0_also_when_changes_would_be_2(self, applied_once: Project) -> None:
        applied_once.do("plan", "--env", "local", "--detailed-exitcode")

    def test_is_empty_for_another_user(self, applied_once: Project, tmp_path: Path) -> None:
        other = applied_once.as_user(
            "grace", tmp_path / "home", PYTHONHASHSEED="4711", TZ="Asia/Tokyo", LANG="C", METAFLOW_USER="someone"
        )
        assert other.pending() == {}

    def test_is_empty_without_a_user(self, applied_once: Project) -> None:
        assert applied_once.as_user("", applied_once.home).pending() == {}

    def test_is_empty_with_metaflow_set_up_otherwise_at_home(self, applied_once: Project, tmp_path: Path) -> None:
        home = tmp_path / "home"
        (home / ".metaflowconfig").mkdir(parents=True)
        (home / ".metaflowconfig" / "config.json").write_text('{"METAFLOW_DEFAULT_DATASTORE": "s3"}')
        other = applied_once.as_user("ada", home, METAFLOW_DEFAULT_METADATA="service")
        assert other.pending() == {}

    def test_is_empty_in_another_folder(self, applied: Project, tmp_path: Path) -> None:
        assert applied.pending() == {}
        assert applied.plan("--manifests", str(applied.folder / "deployments")).keys()

    def test_is_empty_from_another_working_directory(self, applied_once: Project, tmp_path: Path) -> None:
        manifests = str(applied_once.folder / "deployments")
        output = applied_once.do("plan", "--env", "local", "--manifests", manifests, "--format", "json", cwd=tmp_path)
        assert {change["action"] for change in json.loads(output)["changes"]} == {"none"}

    def test_is_empty_when_files_are_only_newer(self, applied: Project) -> None:
        for path in (applied.folder / "deployments").rglob("*.py"):
            os.utime(path)
        assert applied.pending() == {}

    def test_applying_again_touches_no_file(self, applied: Project) -> None:
        before = tree(applied.dags)
        applied.apply()
        assert tree(applied.dags) == before


class TestSameInputSameBytes:
    def test_plans(self, fresh: Project, tmp_path: Path) -> None:
        here = lasting(fresh.do("plan", "--format", "json"))
        elsewhere = checkout(tmp_path / "else" / "where", tmp_path / "other")
        there = elsewhere.as_user("grace", tmp_path / "other", PYTHONHASHSEED="1", TZ="America/Lima")
        assert lasting(there.do("plan", "--format", "json")) == here

    @pytest.mark.parametrize("environment", ENVIRONMENTS)
    @pytest.mark.parametrize("flow", ["regions", "deployment_info"])
    def test_dag_files(self, flow: str, environment: str, fresh: Project, tmp_path: Path) -> None:
        # A task on this machine must find its datastore, so its place is in the DAG of a local datastore alone.
        place = fresh if environment == "local" else checkout(tmp_path / "else" / "where", tmp_path / "other")
        other = place.as_user("grace", tmp_path / "other", PYTHONHASHSEED="1", TZ="America/Lima")
        source = fresh.do("render", flow, "--env", environment)
        assert other.do("render", flow, "--env", environment) == source
        compile(source, flow, "exec")

    def test_no_path_or_user_of_this_machine_is_in_a_plan(self, fresh: Project) -> None:
        output = fresh.do("plan", "--format", "json")
        assert str(fresh.folder) not in output
        assert str(fresh.home) not in output
        assert fresh.user not in re.findall(r"\w+", output)


class TestOneChange:
    def test_of_code_concerns_one_flow(self, applied: Project) -> None:
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        changes = {address: change for address, change in applied.plan().items() if change["action"] != "none"}
        assert list(changes) == ["local/hourly"]
        assert words(changes["local/hourly"]) == ["code"]
        assert changes["local/hourly"]["reasons"][0]["files"]["changed"] == ["hourly.py"]
        applied.apply()
        assert applied.pending() == {}

    def test_of_an_imported_module_is_code(self, applied: Project) -> None:
        applied.edit("flows/scoring/features/text/marks.py", '"!?"', '"!"')
        change = applied.plan()["local/scoring"]
        assert words(change) == ["code"]
        assert change["reasons"][0]["files"]["changed"] == ["features/text/marks.py"]

    def test_of_the_graph_is_told(self, applied: Project) -> None:
        applied.edit(
            "flows/hourly/hourly.py",
            "        self.next(self.end)\n",
            "        self.next(self.late)\n\n    @step\n    def late(self):\n        self.next(self.end)\n",
        )
        assert "graph" in words(applied.plan()["local/hourly"])

    def test_of_a_schedule_is_told(self, applied: Project) -> None:
        applied.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
        assert applied.pending() == {"local/sales_report": "update"}
        assert words(applied.plan()["local/sales_report"]) == ["schedule"]

    def test_of_a_parameter_is_told(self, applied: Project) -> None:
        applied.edit("features.yaml", "sales@example.com", "all@example.com")
        assert words(applied.plan()["local/sales_report"]) == ["parameters"]

    def test_of_the_default_retries_leaves_steps_with_their_own(self, applied: Project) -> None:
        applied.edit("mfdeploy.yaml", "{times: 1, minutes_between: 0}", "{times: 2, minutes_between: 0}")
        pending = applied.pending()
        assert "local/debug" not in pending  # its entry says 0
        assert "local/hourly" in pending

    def test_of_a_comment_in_a_manifest_changes_nothing(self, applied: Project) -> None:
        applied.edit("graphs.yaml", "# A split and its join.", "# A diamond.")
        assert applied.pending() == {}

    def test_in_the_order_of_a_manifest_changes_nothing(self, applied: Project) -> None:
        manifest = applied.folder / "deployments" / "graphs.yaml"
        head, flows = manifest.read_text().split("flows:\n")
        entries = re.split(r"(?m)^(?=  # A )", flows)[1:]
        manifest.write_text(head + "flows:\n" + "".join(reversed([entry.rstrip() + "\n" for entry in entries])))
        assert applied.pending() == {}


class TestPlanning:
    @pytest.mark.parametrize("state", ["fresh", "applied"])
    def test_changes_no_file_anywhere(self, state: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        project: Project = request.getfixturevalue(state)
        cwd, temporary = tmp_path / "cwd", tmp_path / "tmp"
        cwd.mkdir()
        temporary.mkdir()
        project.home.mkdir(exist_ok=True)
        careful = project.as_user("ada", project.home, TMPDIR=str(temporary))
        before = tree(project.folder, project.home, cwd)
        manifests = str(project.folder / "deployments")
        for command in (["plan"], ["plan", "--diff"], ["validate"]):
            careful.do(*command, "--manifests", manifests, cwd=cwd)
        careful.do("render", "regions", "--env", "local", "--manifests", manifests, cwd=cwd)
        careful.do("show", "regions", "--env", "prod", "--manifests", manifests, cwd=cwd)
        after = tree(project.folder, project.home, cwd)
        assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()
        assert list(temporary.iterdir()) == []

    @pytest.mark.parametrize("environment", ["staging", "prod"])
    def test_needs_no_network_and_no_cloud(self, environment: str, fresh: Project) -> None:
        pending = fresh.pending(env=environment)
        assert f"{environment}/word_count" in pending
        assert set(pending.values()) == {"create"}
        assert f"{environment}/debug" not in pending

    def test_shows_a_deploy_time_parameter_as_known_at_apply(self, fresh: Project) -> None:
        assert "(known at apply)" in json.dumps(fresh.plan("--flow", "deployment_info"))

    def test_names_dags_by_environment(self, fresh: Project) -> None:
        plans = {name: fresh.plan("--flow", "churn", "--flow", "regions", env=name) for name in ENVIRONMENTS}
        ids = {address: change["name"] for plan in plans.values() for address, change in plan.items()}
        assert ids == {
            "local/churn": "growth.test.local.ChurnFlow",
            "local/regions": "RegionsFlow.local",
            "staging/churn": "growth.test.main.ChurnFlow",
            "staging/regions": "RegionsFlow.staging.main",
            "prod/churn": "growth.prod.ChurnFlow",
            "prod/regions": "RegionsFlow",
        }

    def test_takes_a_variable_from_the_command_line(self, fresh: Project) -> None:
        change = fresh.plan("--flow", "churn", "--var", "branch=pr_12", env="staging")["staging/churn"]
        assert change["name"] == "growth.test.pr_12.ChurnFlow"


class TestSavedPlan:
    def test_is_applied_as_it_is(self, applied: Project) -> None:
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        applied.do("plan", "--env", "local", "--out", "plan.json")
        applied.do("apply", "plan.json")
        assert applied.pending() == {}

    def test_is_refused_when_the_code_has_moved(self, applied: Project) -> None:
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        applied.do("plan", "--env", "local", "--out", "plan.json")
        applied.edit("flows/hourly/hourly.py", "the time is", "it is")
        assert self.refused(applied)

    def test_is_refused_when_the_manifests_have_moved(self, applied: Project) -> None:
        applied.edit("features.yaml", "30 6 * * 1-5", "45 6 * * 1-5")
        applied.do("plan", "--env", "local", "--out", "plan.json")
        applied.edit("features.yaml", "45 6 * * 1-5", "50 6 * * 1-5")
        assert self.refused(applied)

    def test_is_refused_when_what_is_deployed_has_moved(self, applied: Project, tmp_path: Path) -> None:
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        applied.do("plan", "--env", "local", "--out", "plan.json")
        applied.edit("flows/hourly/hourly.py", "the time is", "it is")
        applied.as_user("grace", tmp_path / "grace").apply()
        applied.edit("flows/hourly/hourly.py", "it is", "the time is")
        assert "grace" in self.refused(applied)

    def test_is_refused_when_it_holds_what_it_should_not(self, applied: Project) -> None:
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        applied.do("plan", "--env", "local", "--out", "plan.json")
        path = applied.folder / "plan.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "surprise": 1}))
        assert "surprise" in self.refused(applied)

    def refused(self, project: Project) -> str:
        """What is said of a saved plan that must change nothing."""
        before = content(project.dags)
        done = project.run("apply", "plan.json")
        assert done.returncode == 1, done.stdout + done.stderr
        assert content(project.dags) == before
        return done.stdout + done.stderr


class TestTarget:
    FOREIGN = "from airflow import DAG  # somebody else's\n"

    def test_a_dag_of_somebody_else_is_never_touched(self, fresh: Project) -> None:
        foreign = fresh.dags / "HourlyFlow.local.py"
        bystander = fresh.dags / "theirs.py"
        fresh.dags.mkdir(parents=True)
        foreign.write_text(self.FOREIGN)
        bystander.write_text(self.FOREIGN)
        assert fresh.plan(code=1)["local/hourly"]["action"] == "conflict"
        assert fresh.run("apply", "--env", "local", "--yes").returncode == 1
        fresh.run("destroy", "--env", "local", "--yes", "--allow-mass-change")
        assert foreign.read_text() == bystander.read_text() == self.FOREIGN

    def test_an_edit_by_hand_is_drift_and_is_mended(self, applied: Project) -> None:
        path = applied.dags / "HourlyFlow.local.py"
        deployed = path.read_text()
        path.write_text(deployed.replace("HourlyFlow", "HourlyFlaw", 1))
        change = applied.plan()["local/hourly"]
        assert (change["action"], words(change)) == ("update", ["drifted"])
        applied.apply()
        assert applied.pending() == {}

    def test_a_file_removed_by_hand_comes_back(self, applied: Project) -> None:
        (applied.dags / "HourlyFlow.local.py").unlink()
        change = applied.plan()["local/hourly"]
        assert (change["action"], words(change)) == ("create", ["missing"])

    def test_a_flow_that_left_the_manifests_is_deleted(self, applied: Project) -> None:
        applied.edit("graphs.yaml", "  compare_models:\n    file: flows/compare_models/compare_models.py\n", "")
        assert applied.pending() == {"local/compare_models": "delete"}
        applied.apply()
        assert not (applied.dags / "CompareModelsFlow.local.py").exists()
        assert applied.pending() == {}

    def test_destroy_deletes_all_that_is_ours(self, applied: Project) -> None:
        before = content(applied.dags)
        assert applied.run("destroy", "--env", "local", "--yes").returncode == 1  # more than a third
        assert content(applied.dags) == before
        applied.do("destroy", "--env", "local", "--yes", "--allow-mass-change")
        assert not list(applied.dags.glob("*.py"))

    def test_the_index_is_a_cache_only(self, applied: Project) -> None:
        for path in applied.dags.iterdir():
            if path.suffix != ".py":
                path.unlink()
        assert applied.pending() == {}

    def test_each_file_tells_who_applied_it(self, applied_once: Project) -> None:
        for path in applied_once.dags.glob("*.py"):
            names = {node.targets[0].id: node.value for node in assignments(path)}
            record = ast.literal_eval(names["MFDEPLOY_RECORD"])
            assert record["owner"] == "examples"
            assert record["provenance"]["applied_by"] == applied_once.user


def assignments(path: Path) -> list[Any]:
    return [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]

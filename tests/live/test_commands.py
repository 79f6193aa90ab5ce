"""The commands that talk to a running Airflow, as a user types them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployer.models.live import ENDED
from tests.live.conftest import FORBIDDEN, Stage, write_manifest

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def deployed(stage: Stage) -> Stage:
    """Both flows are deployed, and Airflow has them."""
    said = stage.project.do("apply", "--yes")
    assert said.endswith("Airflow has what was applied: 2 DAGs.\n")
    return stage


def status(stage: Stage) -> dict[str, dict[str, Any]]:
    found = json.loads(stage.project.do("status", "--format", "json"))
    return {flow["address"].partition("/")[2]: flow for flow in found["flows"]}


def test_an_apply_waits_until_airflow_has_it(deployed: Stage) -> None:
    write_manifest(deployed.project, deployed.url, tags=["other"])
    said = deployed.project.do("apply", "--yes")
    assert "  current    HelloFlow.local  (local/hello)  after " in said
    assert said.endswith("Airflow has what was applied: 1 DAG.\n")
    assert status(deployed)["hello"]["state"] == "current"


def test_what_airflow_cannot_import_is_put_back(deployed: Stage) -> None:
    before = status(deployed)["hello"]["version"]
    write_manifest(deployed.project, deployed.url, tags=[FORBIDDEN], on_import_error="rollback")
    said = deployed.project.do("apply", "--yes", code=1)
    assert "  broken     HelloFlow.local  (local/hello)  after " in said
    assert "this tag is not allowed" in said
    assert "The earlier files are put back:" in said
    assert said.endswith("Airflow has what was applied: 1 DAG.\n")
    found = status(deployed)["hello"]
    assert (found["version"], found["state"]) == (before, "current")
    write_manifest(deployed.project, deployed.url)
    deployed.project.do("apply", "--yes")


def test_an_airflow_that_is_restarted_while_an_apply_waits(deployed: Stage) -> None:
    def entries() -> int:
        return len([*(deployed.project.folder / "build" / "dags").glob(".mfdeploy.live.local.2*.json")])

    before = entries()
    write_manifest(deployed.project, deployed.url, tags=["restarted"])
    with ThreadPoolExecutor(1) as threads:
        applying = threads.submit(deployed.project.do, "apply", "--yes", timeout=300)
        deployed.airflow.until(lambda: entries() > before, "entry of the apply")
        deployed.restart()
        said = applying.result()
    assert said.endswith("Airflow has what was applied: 1 DAG.\n")


def test_status_says_which_version_airflow_has(deployed: Stage) -> None:
    found = status(deployed)["hello"]
    assert found["state"] == "current"
    assert found["version"] == found["airflow"]["version"]
    assert (found["applied_by"], found["drifted"], found["airflow"]["paused"]) == ("ada", False, False)
    text = deployed.project.do("status", "hello")
    assert "local/hello  current  " in text
    assert "1 flow: 1 current." in text


def test_a_run_is_started_followed_and_read(deployed: Stage, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    run_id = f"manual__{tmp_path.name}"
    given = ["--param", "count=4", "--param", f"broken={broken}", "--run-id", run_id]
    said = deployed.project.do("run", "switchboard", *given, "--wait", code=1, timeout=300)
    assert said.splitlines()[0] == run_id
    assert deployed.url in said.splitlines()[1]
    assert "  work: 1 failed, 3 success of 4" in said.splitlines()
    assert said.splitlines()[-1] == "failed"

    runs = json.loads(deployed.project.do("runs", "switchboard", "--format", "json"))["runs"]
    assert [(run["run_id"], run["state"]) for run in runs if run["run_id"] == run_id] == [(run_id, "failed")]
    log = deployed.project.do("logs", "switchboard", run_id)
    assert "the line is dead" in log
    assert next(line for line in log.splitlines() if line.startswith("--- ")).startswith(
        "--- work[1]  failed, attempt 1"
    )
    other = deployed.project.do("logs", "switchboard", run_id, "--step", "work[2]")
    assert "working on 2" in other
    assert "the line is dead" not in other

    broken.unlink()
    deployed.project.do("retry", "switchboard", run_id)
    again = deployed.project.do("run", "switchboard", *given, "--wait", timeout=300)
    assert again.splitlines()[-1] == "success"
    assert "the total is 14" in deployed.project.do("logs", "switchboard", run_id, "--step", "end")


def test_the_catalogue_has_the_last_runs(deployed: Stage) -> None:
    found = deployed.project.do("site", "--flow", "switchboard")
    assert found == "build/site/index.html: 1 flow.\n"
    written = json.loads((deployed.project.folder / "build" / "site" / "site.json").read_text())
    (deployment,) = written["flows"][0]["deployments"]
    assert deployment["live"]["state"] == "current"
    (last, *_) = deployment["live"]["runs"]
    assert (last["state"] in ENDED, last["kind"]) == (True, "manual")
    assert last["url"].startswith(deployed.url)


def test_a_plan_says_what_airflow_knows(deployed: Stage) -> None:
    def plan(*arguments: str) -> tuple[list[str], list[str]]:
        found = json.loads(deployed.project.do("plan", "--format", "json", *arguments))
        (change,) = [change for change in found["changes"] if change["action"] != "none"]
        return [each["text"] for each in change["known"]], [each["message"] for each in found["warnings"]]

    deployed.project.do("pause", "hello")
    write_manifest(deployed.project, deployed.url, worker_pool="gpu")
    try:
        known, warnings = plan()
        assert "paused: no run starts until somebody unpauses it" in known
        assert f"Airflow at {deployed.url} has no pool gpu, which local/hello needs" in warnings
        assert plan("--offline") == ([], [])
    finally:
        write_manifest(deployed.project, deployed.url)
        deployed.project.do("unpause", "hello")


def test_a_wrong_parameter_sends_nothing(deployed: Stage) -> None:
    before = deployed.project.do("runs", "switchboard", "--format", "json")
    done = deployed.project.run("run", "switchboard", "--param", "count=x", "--param", "brokn=1")
    assert done.returncode == 1
    assert "--param count: expected a whole number, found 'x'" in done.stderr
    assert "local/switchboard has no parameter 'brokn'" in done.stderr
    assert "did you mean 'broken'" in done.stderr
    assert deployed.project.do("runs", "switchboard", "--format", "json") == before


def test_pause_and_unpause(deployed: Stage) -> None:
    deployed.project.do("pause", "hello")
    assert status(deployed)["hello"]["airflow"]["paused"] is True
    deployed.project.do("unpause", "hello")
    assert status(deployed)["hello"]["airflow"]["paused"] is False


def test_a_run_is_stopped(deployed: Stage) -> None:
    deployed.project.do("pause", "hello")
    run_id = f"manual__stopped_{id(deployed)}"
    deployed.project.do("run", "hello", "--run-id", run_id)  # it waits: the DAG is paused
    assert deployed.project.do("stop", "hello") == f"{run_id}: stopped\n"
    done = deployed.project.run("stop", "hello", run_id)
    assert (done.returncode, "has ended: failed" in done.stderr) == (1, True)
    deployed.project.do("unpause", "hello")


def test_what_is_not_deployed_or_not_there(deployed: Stage) -> None:
    for arguments, told in [
        (("runs", "helo"), "did you mean 'hello'"),
        (("logs", "hello", "nowhere"), "cannot read the run nowhere of HelloFlow.local"),
        (("logs", "switchboard", "--step", "wrk"), ""),
    ]:
        done = deployed.project.run(*arguments)
        assert done.returncode == 1
        assert told in done.stderr


def test_a_viewer_sees_and_may_not_act(deployed: Stage) -> None:
    viewer = deployed.project.as_user("vic", deployed.folder / "vic")
    manifest = deployed.project.folder / "deployments" / "mfdeploy.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("user: ada", "user: vic"))
    try:
        assert "current" in viewer.do("status", "hello")
        done = viewer.run("pause", "hello")
        assert done.returncode == 1
        assert "the account may not pause HelloFlow.local" in done.stderr
    finally:
        manifest.write_text(text)


def test_a_password_is_never_shown(deployed: Stage) -> None:
    password = deployed.project.variables["AIRFLOW_PASSWORD"]
    for arguments in (("show", "hello"), ("show", "hello", "--format", "json"), ("plan", "--format", "json")):
        assert password not in deployed.project.do(*arguments)
    assert "${env.AIRFLOW_PASSWORD}" in deployed.project.do("show", "hello", "--format", "json")
    dags = deployed.project.folder / "build" / "dags"
    assert not [path for path in dags.iterdir() if password in path.read_text()]

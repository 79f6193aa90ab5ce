"""mfdeploy site with an Airflow that answers, with one that does not, and with none that is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.models.site import Site
from tests.live.test_command_line import Stage, run, stage

__all__ = ["stage"]


def catalogue(folder: Path) -> dict[str, Any]:
    text = (folder / "build" / "site" / "site.json").read_text()
    assert Site.model_validate_json(text).flows
    return dict(json.loads(text))


def test_what_a_running_airflow_says_is_in_the_catalogue(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "site", "--at", "2026-01-01T00:00") == "build/site/index.html: 1 flow.\n"
    found = catalogue(tmp_path)
    (deployment,) = found["flows"][0]["deployments"]
    # The manifests list no flow at all.
    assert (deployment["state"], deployment["name"]) == ("unlisted", "Train")
    assert deployment["url"] == f"{stage.server.url}/dags/Train"
    assert deployment["schedule"]["text"] == "At 01:00"
    assert deployment["schedule"]["next_runs"][0] == "2026-01-01T01:00+00:00"
    assert deployment["deployed"]["applied_by"] == "ada"
    assert deployment["live"]["state"] == "current"
    (last,) = deployment["live"]["runs"]
    assert (last["run_id"], last["state"], last["seconds"]) == ("r1", "failed", 90)
    assert last["url"] == f"{stage.server.url}/dags/Train/runs/r1"
    page = (tmp_path / "build" / "site" / "flows" / "train.html").read_text()
    assert "It is deployed, and the manifests no longer list it." in page


def test_offline_asks_nobody(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "site", "--offline")
    (deployment,) = catalogue(tmp_path)["flows"][0]["deployments"]
    assert deployment["live"] is None
    assert deployment["url"] == f"{stage.server.url}/dags/Train"
    assert stage.server.asked == []


def test_a_server_that_does_not_answer_is_said(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "deployments" / "a.yaml"
    manifest.write_text(manifest.read_text().replace(stage.server.url, "http://127.0.0.1:9"))
    monkeypatch.setenv("MFDEPLOY_TIMEOUT", "0.5")
    assert "warning: environments.prod.airflow: Airflow was not asked: " in run(capsys, "site", "--env", "prod")
    found = catalogue(tmp_path)
    assert found["flows"][0]["deployments"][0]["live"] is None
    assert found["environments"][0]["asked"] is False
    assert "Not asked" in (tmp_path / "build" / "site" / "index.html").read_text()


def test_the_same_again_writes_the_same_bytes(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def written() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (tmp_path / "build" / "site").rglob("*") if path.is_file()}

    run(capsys, "site", "--at", "2026-01-01T00:00Z")
    first = written()
    run(capsys, "site", "--at", "2026-01-01T00:00+00:00")
    assert written() == first


def test_what_is_typed_wrong_is_refused(stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--at: not a time: 'soon'" in run(capsys, "site", "--at", "soon", code=1)
    assert "no flow matches 'tarin'" in run(capsys, "site", "--flow", "tarin", code=1)
    assert "has files that no `mfdeploy site` wrote" in run(capsys, "site", "--out", "deployments", code=1)
    assert not (tmp_path / "build" / "site").exists()


def deploy(stage: Stage, flows: int) -> None:
    """Deploy so many flows beside the one that the stand-in has."""
    crons: dict[str, Any] = {f"flow{number:02}": "0 1 * * *" for number in range(flows)}
    stage.site.apply(train="0 1 * * *", **crons)


def test_what_one_answer_lacks_takes_nothing_from_the_others(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(stage, 40)
    # The stand-in knows one DAG and says of the others that there are none; of one it cannot say anything.
    stage.script.failing = ["/dags/Flow07/details"]
    said = run(capsys, "site")
    assert "warning: environments.prod.airflow: Airflow did not say everything: " in said
    found = {each["name"]: each["deployments"][0]["live"] for each in catalogue(tmp_path)["flows"]}
    assert found["train"]["state"] == "current"
    assert found["flow07"] is None
    assert found["flow39"]["state"] == "unknown"


def test_a_server_that_fails_again_and_again_is_given_up(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(stage, 60)
    stage.script.failing = [f"/dags/Flow{number:02}/details" for number in range(60)]
    assert "Airflow did not say everything: " in run(capsys, "site", "--flow", "flow*")
    asked = [path for path in stage.server.paths() if path.endswith("/details")]
    assert 8 <= len(asked) < 60


def test_what_other_projects_have_there_is_shown_on_request(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "deployments" / "a.yaml"
    # Two environments publish to one target: what lies there is shown once.
    text = manifest.read_text().replace("project: growth", "project: sales")
    production = text[text.index("  prod:") : text.index("flows:")]
    manifest.write_text(text.replace("flows:", f"{production.replace('prod:', 'dev:')}flows:"))
    assert run(capsys, "site") == "build/site/index.html: 0 flows.\n"
    assert run(capsys, "site", "--all-projects") == "build/site/index.html: 1 flow.\n"
    (flow,) = catalogue(tmp_path)["flows"]
    (deployment,) = flow["deployments"]
    assert (flow["name"], deployment["address"]) == ("growth:train", "growth:prod/train")
    assert (deployment["state"], deployment["project"], deployment["environment"]) == ("foreign", "growth", "prod")
    assert deployment["live"]["state"] == "current"
    assert "Another manifest project deployed it." in (tmp_path / "build" / "site" / flow["page"]).read_text()
    assert run(capsys, "site", "--all-projects", "--exclude", "train") == "build/site/index.html: 0 flows.\n"

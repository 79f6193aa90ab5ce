"""The commands that ask a running Airflow, against a stand-in: what they send, print and return."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.context import Context
from deployer.models.description import version_of
from tests.history.applying import AppliedFolder
from tests.live.stand_in import Reply, Request, StandIn, standing_in

MANIFEST = """\
version: 1
project: growth
environments:
  prod:
    target: %s
    compute: local
    datastore: %s
    production: true
    airflow: {url: "%s", token: "${env.AIRFLOW_TOKEN}"}
flows: {}
"""
RUN = {
    "dag_run_id": "r1",
    "state": "failed",
    "run_type": "manual",
    "queued_at": "2026-01-01T00:00:00Z",
    "start_date": "2026-01-01T00:00:01Z",
    "end_date": "2026-01-01T00:01:31Z",
}
TASKS = [
    {"task_id": "start", "map_index": -1, "state": "success", "try_number": 1, "start_date": "2026-01-01T00:00:02Z"},
    *(
        {
            "task_id": "fit",
            "map_index": index,
            "state": "failed" if index == 1 else "success",
            "try_number": 2,
            "start_date": "2026-01-01T00:00:05Z",
            "rendered_fields": {"metaflow_pathspec": f"Train/airflow-1/fit/{index}"},
        }
        for index in range(3)
    ),
    {"task_id": "end", "map_index": -1, "state": None, "try_number": 0},
]


@dataclass
class Script:
    """What the stand-in has: a DAG, a run of it, and its tasks. `asked` are the changes that were asked for.

    It fails where it is asked for the paths `failing`.
    """

    dag: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=lambda: [dict(RUN)])
    errors: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    failing: Sequence[str] = ()

    def answer(self, request: Request) -> Reply:
        if request.headers.get("Authorization") != "Bearer secret":
            return Reply(401, {"detail": "who are you?"})
        path = request.path.removeprefix("/api/v2")
        if request.method != "GET":
            self.asked.append((request.method, path, request.body))
            if path.endswith("/dagRuns"):
                return Reply(200, {**RUN, "dag_run_id": request.body["dag_run_id"], "state": "queued"})
            return Reply(200, {"task_instances": [{}, {}]})
        if path in self.failing:
            return Reply(403, {"detail": "not for you"})
        if path == "/importErrors":
            return Reply(200, {"import_errors": self.errors})
        if path == "/dags/Train/details":
            return Reply(200, self.dag) if self.dag else Reply(404, {"detail": "no DAG"})
        if path.endswith("/taskInstances"):
            return Reply(200, {"task_instances": TASKS})
        if "/logs/" in path:
            lines = [{"event": "the line is dead", "level": "error", "timestamp": "2026-01-01T00:00:06Z"}]
            return Reply(200, "".join(f"{json.dumps(line)}\n" for line in lines))
        if path.endswith("/dagRuns"):
            return Reply(200, {"dag_runs": self.runs})
        if "/dagRuns/" in path:
            name = path.rpartition("/")[2]
            found = [run for run in self.runs if run["dag_run_id"] == name]
            return Reply(200, found[0]) if found else Reply(404, {"detail": "no run"})
        return Reply(404, {"detail": "no such page"})


@dataclass(frozen=True)
class Stage:
    """A deployed flow, `prod/train`, and the stand-in for the Airflow that has it."""

    site: AppliedFolder
    script: Script
    server: StandIn


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    site, script = AppliedFolder(tmp_path), Script()
    site.apply(train="0 1 * * *")
    deployed = site.state().file("prod", "Train.py")
    assert deployed
    assert deployed.record
    script.dag = {
        "dag_id": "Train",
        "is_paused": False,
        "doc_md": f"Trains.\n\nVersion `{version_of(deployed.record.description)}`\n",
        "active_runs_count": 1,
        "next_dagrun_run_after": "2026-01-02T00:00:00Z",
    }
    monkeypatch.setenv("AIRFLOW_TOKEN", "secret")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    with standing_in(script.answer) as server:
        (tmp_path / "deployments").mkdir(exist_ok=True)
        manifest = MANIFEST % (site.dags, tmp_path / "datastore", server.url)
        (tmp_path / "deployments" / "a.yaml").write_text(manifest)
        yield Stage(site, script, server)


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run([*arguments]) == code, capsys.readouterr()
    said = capsys.readouterr()
    assert "secret" not in said.out + said.err
    return said.out + said.err


def test_status(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "status")
    assert text.splitlines()[0].startswith("prod/train  current  ")
    assert text.splitlines()[0].endswith("by ada  failed 2026-01-01 00:01, 1 active  next 2026-01-02 00:00")
    (flow,) = json.loads(run(capsys, "status", "train", "--format", "json"))["flows"]
    assert (flow["state"], flow["airflow"]["last_run"]["run_id"]) == ("current", "r1")
    assert '<p class="summary">1 flow: 1 current.</p>' in run(capsys, "status", "--format", "html")
    assert "no flow matches 'trian'; did you mean 'train'?" in run(capsys, "status", "trian", code=1)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({"doc_md": "Version `000000000000`"}, "behind"),
        ({"is_stale": True}, "gone"),
        (None, "unknown"),
    ],
)
def test_each_state_is_told(
    change: dict[str, Any] | None, state: str, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.script.dag = {**stage.script.dag, **change} if change is not None else {}
    assert f"prod/train  {state}  " in run(capsys, "status")


def test_the_status_is_watched(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_again(seconds: float) -> None:
        if stage.script.dag["is_paused"]:
            raise KeyboardInterrupt
        stage.script.dag["is_paused"] = True

    real = Context.__init__

    def without_time(self: Context, *values: Any, **named: Any) -> None:
        real(self, *values, **{**named, "sleep": look_again})

    monkeypatch.setattr(Context, "__init__", without_time)
    text = run(capsys, "status", "--watch", code=130)
    assert [line.rpartition("  ")[2] for line in text.splitlines() if line.startswith("prod/")] == [
        "next 2026-01-02 00:00",
        "paused",
    ]
    assert "--watch shows text only" in run(capsys, "status", "--watch", "--format", "json", code=1)


def test_an_import_error_is_shown_and_is_exit_1(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    traceback = "".join(f"line {number}\n" for number in range(20)) + "ValueError: broken\n"
    stage.script.errors = [{"filename": "sub/Train.py", "stack_trace": traceback, "timestamp": "2026-01-01T00:00:00Z"}]
    text = run(capsys, "status", code=1)
    assert "Airflow cannot import it" in text
    assert "ValueError: broken" in text
    assert "line 3\n" not in text


def test_an_airflow_that_refuses_is_a_warning_of_status(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_TOKEN", "other")
    text = run(capsys, "status")
    assert "prod/train  unchecked  " in text
    assert "Airflow was not asked: " in text
    assert "does not accept the login: who are you?" in text
    assert "does not accept the login" in run(capsys, "runs", "train", code=1)


def test_runs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "runs", "train")
    assert "  failed   r1  2026-01-01 00:00:01  1 min 30 s" in text
    assert json.loads(run(capsys, "runs", "train", "--format", "json"))["runs"][0]["state"] == "failed"
    stage.script.runs = []
    assert "It has not run yet." in run(capsys, "runs", "train")
    assert "has not run yet" in run(capsys, "logs", "train", code=1)


def test_a_run_is_started(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "run", "train", "--run-id", "r2")
    assert text == f"r2\n{stage.server.url}/dags/Train/runs/r2\n"
    assert stage.script.asked == [
        ("POST", "/dags/Train/dagRuns", {"dag_run_id": "r2", "logical_date": None, "conf": {}})
    ]
    assert json.loads(run(capsys, "run", "train", "--format", "json"))["state"] == "queued"


def test_a_run_is_waited_for(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "run", "train", "--run-id", "r1", "--wait", code=1)
    assert text.splitlines()[2:] == ["  start: success", "  fit: 1 failed, 2 success of 3", "failed"]
    stage.script.runs[0]["state"] = "success"
    data = json.loads(run(capsys, "run", "train", "--run-id", "r1", "--wait", "--format", "json"))
    assert data["state"] == "success"
    assert [task["pathspec"] for task in data["tasks"] if task["index"] == 1] == ["Train/airflow-1/fit/1"]


def test_wrong_parameters_are_told_together(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    text = run(capsys, "run", "train", "--param", "a=1", "--param", "b", code=1)
    assert "--param 'b' is not NAME=VALUE" in text
    assert "is given twice" in run(capsys, "run", "train", "--param", "a=1", "--param", "a=2", code=1)
    assert "has no parameter 'nope'" in run(capsys, "run", "train", "--param", "nope=1", code=1)
    assert stage.script.asked == []


def test_logs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    failed = "--- fit[1]  failed, attempt 2  Train/airflow-1/fit/1\nthe line is dead\n"
    assert run(capsys, "logs", "train") == failed
    assert run(capsys, "logs", "train", "r1", "--step", "fit[1]") == failed
    assert run(capsys, "logs", "train", "--step", "fit").count("--- fit[") == 3
    assert run(capsys, "logs", "train", "--follow") == failed
    text = run(capsys, "logs", "train", "--step", "fti", code=1)
    assert "the run has no task 'fti' that began" in text
    assert "cannot read the run r9 of Train" in run(capsys, "logs", "train", "r9", code=1)


def test_retry(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "retry", "train") == f"r1: 2 tasks run again\n{stage.server.url}/dags/Train/runs/r1\n"
    ((_, path, body),) = stage.script.asked
    assert (path, body["task_ids"]) == ("/dags/Train/clearTaskInstances", [["fit", 1]])


def test_stop(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert "the run r1 of prod/train has ended: failed" in run(capsys, "stop", "train", "r1", code=1)
    stage.script.runs = [{**RUN, "state": "running"}]
    assert run(capsys, "stop", "train") == "r1: stopped\n"
    assert stage.script.asked == [("PATCH", "/dags/Train/dagRuns/r1", {"state": "failed"})]
    stage.script.runs *= 2
    assert "2 runs of prod/train are active" in run(capsys, "stop", "train", code=1)
    stage.script.runs = []
    assert "no runs of prod/train are active" in run(capsys, "stop", "train", code=1)


def test_pause_and_unpause(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "pause", "train") == "prod/train: paused\n"
    assert run(capsys, "unpause", "train") == "prod/train: unpaused\n"
    assert [body for _, _, body in stage.script.asked] == [{"is_paused": True}, {"is_paused": False}]


def test_open(stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", "true")  # a program that shows nothing
    assert run(capsys, "open", "train") == f"{stage.server.url}/dags/Train\n"


def test_an_mwaa_that_cannot_be_found_is_one_error(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    manifest = stage.site.folder / "deployments" / "a.yaml"
    text = manifest.read_text()
    start = text.index("    airflow: ")
    manifest.write_text(f"{text[:start]}    airflow: {{mwaa: jobs}}\n{text[text.index('flows:') :]}")
    assert "MWAA environment jobs: You must specify a region." in run(capsys, "runs", "train", code=1)
    assert "prod/train  unchecked  " in run(capsys, "status")


def test_what_is_not_deployed(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert "prod/trian is not deployed; did you mean 'train'?" in run(capsys, "runs", "trian", code=1)

"""The running Airflow is waited for after an apply: what it is asked, what is shown, what becomes of what breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.commands import arrive
from tests.history.applying import AppliedFolder
from tests.live.folder_airflow import FolderAirflow
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
    airflow: {url: "%s"%s}
flows: {}
"""
EARLY, LATE = "0 1 * * *", "0 2 * * *"


@dataclass(frozen=True)
class Stage:
    """Two applies: `train` got another schedule, and `fit` came. `first` is the entry of the first one.

    A rollback to it writes one DAG and deletes the other, which Airflow is waited for as after any apply.
    """

    site: AppliedFolder
    airflow: FolderAirflow
    server: StandIn
    first: str

    def configure(self, settings: str = "") -> None:
        folder = self.site.folder / "deployments"
        folder.mkdir(exist_ok=True)
        values = (self.site.dags, self.site.folder / "datastore", self.server.url, settings)
        (folder / "a.yaml").write_text(MANIFEST % values)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(arrive, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(arrive, "_LONGEST_PAUSE", 0.01)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    site = AppliedFolder(tmp_path)
    first = site.apply(train=EARLY)
    site.apply(train=LATE, fit=EARLY)
    airflow = FolderAirflow(site.dags)
    airflow.find_new()
    with standing_in(airflow.answer) as server:
        found = Stage(site, airflow, server, first)
        found.configure()
        yield found


def roll_back(stage: Stage, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    words = ["rollback", stage.first, "--yes", "--allow-mass-change", "--offline", *arguments]
    assert cli.run(words) == code, capsys.readouterr()
    said = capsys.readouterr()
    return said.out if arguments[:1] == ("--format",) else said.err + said.out


def test_what_is_written_and_deleted_is_waited_for(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    said = roll_back(stage, capsys)
    assert f"Waiting until {stage.server.url} has 2 DAGs, 10 min at most.\n" in said
    assert "  current    Train  (prod/train)  after 0 s\n" in said
    assert "  gone       Fit  (prod/fit)  after 0 s\n" in said
    assert said.endswith("Airflow has what was applied: 2 DAGs.\n")
    assert stage.server.paths("PUT") == ["/api/v2/parseDagFile/Train.py"]
    # It is not asked for the version before it has read the file.
    assert stage.server.paths().count("/api/v2/dags/Train/details") == 1
    (newest, *_) = stage.site.entries()
    assert [(each.address, each.state) for each in newest.arrivals] == [("prod/fit", "gone"), ("prod/train", "current")]
    assert "      Airflow has what was applied: 2 DAGs." in history(capsys)


def history(capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert cli.run(["history", "--env", "prod"]) == 0
    return capsys.readouterr().out


def test_nobody_waits_without_a_word(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.configure(", wait: none")
    assert "Waiting" not in roll_back(stage, capsys)
    assert stage.server.asked == []


def test_the_caller_may_not_want_to_wait(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Waiting" not in roll_back(stage, capsys, "--no-wait")
    assert stage.server.asked == []


def test_as_json_all_is_one_object(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(roll_back(stage, capsys, "--format", "json"))
    assert {each["address"]: each["state"] for each in found["arrivals"]} == {
        "prod/fit": "gone",
        "prod/train": "current",
    }
    assert found["rolled_back"] == []


def test_a_file_that_cannot_be_imported_is_exit_1(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.breaks = {f"CRON = {EARLY!r}": "no such hour"}
    said = roll_back(stage, capsys, code=1)
    assert "  broken     Train  (prod/train)" in said
    assert '               File "/dags/Train.py", line 3, in <module>' in said
    assert "             ValueError: no such hour\n" in said
    assert "Of 2 DAGs, it cannot import 1." in said
    assert "        broken  prod/train: ValueError: no such hour" in history(capsys)
    assert stage.site.crons() == {"train": EARLY}


def test_it_is_rolled_back_where_the_manifest_wants_that(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.configure(", on_import_error: rollback")
    stage.airflow.breaks = {f"CRON = {EARLY!r}": "no such hour"}
    said = roll_back(stage, capsys, code=1)
    assert "The earlier files are put back:" in said
    assert said.endswith("Airflow has what was applied: 1 DAG.\n")
    assert stage.site.crons() == {"train": LATE}  # `fit` was deleted as planned
    back, broken, before, _ = stage.site.entries()
    assert (back.command, back.restored) == ("rollback", before.id)
    assert [each.state for each in broken.arrivals] == ["gone", "broken"]
    assert [each.state for each in back.arrivals] == ["current"]


@pytest.mark.parametrize("format", ["json", "markdown"])
def test_a_rollback_is_told_in_every_format(stage: Stage, capsys: pytest.CaptureFixture[str], format: str) -> None:
    stage.configure(", on_import_error: rollback")
    stage.airflow.breaks = {f"CRON = {EARLY!r}": "no such hour"}
    said = roll_back(stage, capsys, "--format", format, code=1)
    if format == "json":
        found = json.loads(said)
        assert [each["address"] for each in found["rolled_back"]] == ["prod/train"]
        assert [each["state"] for each in found["arrivals"]] == ["gone", "broken"]
    else:
        assert "**Of 2 DAGs, it cannot import 1.**" in said
        assert "> ValueError: no such hour" in said
        assert "put back as it was: `prod/train` as `Train`" in said


def test_an_error_of_the_earlier_file_is_not_about_this_one(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.breaks = {f"CRON = {LATE!r}": "no such hour"}
    stage.airflow.parse("Train.py")
    assert "Airflow has what was applied: 2 DAGs." in roll_back(stage, capsys)


def test_a_file_that_stays_broken_is_broken(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.breaks = {"CRON": "never"}
    stage.airflow.parse("Train.py")
    assert "  broken     Train" in roll_back(stage, capsys, code=1)


def test_the_time_is_over(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.may_parse = False
    stage.airflow.finds_new = False
    said = roll_back(stage, capsys, "--wait", "1s", code=1)
    assert "has 2 DAGs, 1 s at most." in said
    assert "  late       Train" in said
    assert "it has not read the new file yet" in said
    assert "it still has the deleted DAG" in said
    assert "Of 2 DAGs, it does not have yet 2." in said
    assert stage.server.paths("PUT") == ["/api/v2/parseDagFile/Train.py"]  # it is not asked for what it refuses


def test_a_new_dag_may_take_its_time(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.finds_new = False
    stage.airflow.dags.clear()
    said = roll_back(stage, capsys, "--wait", "1s", code=1)
    assert "it does not know the DAG yet; a new file is found within the refresh_interval" in said


def test_an_airflow_that_is_restarted_comes_back(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def restarted(request: Request) -> Reply | None:
        asked.append(request.path)
        return Reply(500, {"detail": "starting"}) if 3 <= len(asked) <= 8 else None

    stage.airflow.before = restarted
    assert "Airflow has what was applied: 2 DAGs." in roll_back(stage, capsys)


@pytest.mark.slow
def test_what_has_arrived_is_told_though_the_next_question_fails(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    """The deleted DAG is gone at the first look, right before a request to read the other file is refused."""
    failed: list[str] = []

    def fails_once(request: Request) -> Reply | None:
        if request.method == "PUT" and not failed:
            failed.append(request.path)
            return Reply(500, {"detail": "starting"})
        return None

    stage.airflow.before = fails_once
    said = roll_back(stage, capsys)
    assert "  gone       Fit  (prod/fit)  after 0 s\n" in said
    assert "Airflow has what was applied: 2 DAGs." in said


def test_an_airflow_that_cannot_be_asked_is_a_warning(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.before = lambda request: Reply(401, {"detail": "who are you?"})
    said = roll_back(stage, capsys)
    assert "the apply is not waited for: Airflow at" in said
    assert stage.site.crons() == {"train": EARLY}


def test_it_is_an_error_of_whoever_says_wait(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.before = lambda request: Reply(401, {"detail": "who are you?"})
    assert "does not accept the login" in roll_back(stage, capsys, "--wait", "1m", code=1)
    assert stage.site.crons() == {"train": LATE, "fit": EARLY}


def test_rights_that_end_meanwhile_are_told(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.before = lambda request: Reply(403, {"detail": "no"}) if request.path.endswith("/dags") else None
    said = roll_back(stage, capsys)
    assert "  unchecked  Train" in said
    assert "the account may not list the DAGs of growth: no" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--wait", "5"), "--wait '5' is no time to wait"),
        (("--wait", "5m", "--no-wait"), "--wait and --no-wait do not go together"),
        (("--wait", "5m", "--out", "plan.json"), "--wait is about an apply, and --out only saves the plan"),
        (("--forget", "--no-wait"), "--forget and --no-wait do not go together"),
        (("--forget", "--out", "plan.json"), "--forget is about an apply, and --out only saves the plan"),
    ],
)
def test_wrong_options(stage: Stage, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str) -> None:
    assert told in roll_back(stage, capsys, *arguments, code=1)


def test_what_is_gone_is_forgotten_where_that_is_asked_for(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    said = roll_back(stage, capsys, "--forget")
    assert "forgotten  Fit  (prod/fit)" in said
    assert stage.server.paths("DELETE") == ["/api/v2/dags/Fit"]
    (newest, *_) = stage.site.entries()
    assert {each.name: each.note for each in newest.arrivals} == {"Fit": "Its runs are deleted too.", "Train": ""}


def test_what_may_not_be_forgotten_stays(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.airflow.before = lambda request: Reply(403, {"detail": "no"}) if request.method == "DELETE" else None
    said = roll_back(stage, capsys, "--forget")
    assert "prod/fit: what Airflow keeps of it stays: Airflow at" in said


def test_to_forget_needs_to_wait(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.configure(", wait: none")
    said = roll_back(stage, capsys, "--forget", code=1)
    assert "--forget needs to wait until Airflow has noticed the deletes, and prod has `wait: none`" in said
    assert stage.site.crons() == {"train": LATE, "fit": EARLY}


def test_wait_needs_an_airflow(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = stage.site.folder / "deployments" / "a.yaml"
    lines: list[Any] = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if "airflow:" not in line))
    said = roll_back(stage, capsys, "--wait", "5m", code=1)
    assert "the manifests do not say where the Airflow of prod runs" in said
    assert stage.site.crons() == {"train": LATE, "fit": EARLY}


@pytest.mark.slow
def test_a_hundred_dags_need_less_than_300_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrive, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(arrive, "_LONGEST_PAUSE", 0.01)
    monkeypatch.chdir(tmp_path)
    site = AppliedFolder(tmp_path)
    names = [f"flow{number}" for number in range(100)]
    early: Any = dict.fromkeys(names, EARLY)
    late: Any = dict.fromkeys(names, LATE)
    first = site.apply(**early)
    site.apply(**late)
    airflow = FolderAirflow(site.dags)
    airflow.find_new()
    with standing_in(airflow.answer) as server:
        stage = Stage(site, airflow, server, first)
        stage.configure()
        assert cli.run(["rollback", first, "--yes", "--offline"]) == 0
        assert len(server.asked) < 300

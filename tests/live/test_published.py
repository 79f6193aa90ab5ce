"""How events are published in each Airflow, against a stand-in: what is sent, and when nothing is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from deployer import cli
from deployer.models.live import LiveEvent
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import BearerLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport
from tests.live.stand_in import VERSION_3, Reply, Request, standing_in

VERSION_2 = {"version": "2.11.2", "git_version": None}
MANIFEST = """\
version: 1
project: growth
environments:
  prod:
    target: dags
    compute: local
    datastore: metaflow
    airflow: {url: "%s", token: "${env.AIRFLOW_TOKEN}"}
flows: {}
"""
EVENT = LiveEvent("orders", "o1", 1700000000, {"area": "north"})
CONTENT = {"name": "orders", "id": "o1", "timestamp": 1700000000, "payload": {"area": "north"}}


@dataclass
class Airflow:
    """An Airflow with DAGs that wait for events; a run that exists is not started again."""

    kind: str = "assets"
    waiting: Mapping[str, list[str]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, Any]] = field(default_factory=list)

    def assets(self) -> list[dict[str, Any]]:
        key = "scheduled_dags" if self.kind == "assets" else "consuming_dags"
        return [
            {"id": number, "name": name, "uri": name, key: [{"dag_id": dag} for dag in dags]}
            for number, (name, dags) in enumerate(self.waiting.items())
        ]

    def answer(self, request: Request) -> Reply:
        path = request.path.removeprefix(f"/api/v{2 if self.kind == 'assets' else 1}")
        if path.startswith("/api"):
            return Reply(404, {"detail": "another version"})
        if request.method == "POST":
            if path.endswith("/dagRuns") and (path, request.body) in self.sent:
                return Reply(409, {"detail": "there is one"})
            self.sent.append((path, request.body))
            if path.endswith("/events"):
                self.events.append({"extra": request.body["extra"]})
            return Reply(200, {"dag_run_id": request.body.get("dag_run_id"), "state": "queued"})
        if path == f"/{self.kind}/events":
            return Reply(200, {f"{self.kind[:-1]}_events": self.events})
        if path == f"/{self.kind}":
            (pattern,) = parse_qs(request.query).get("uri_pattern", [""])
            return Reply(200, {self.kind: [each for each in self.assets() if pattern in each["uri"]]})
        return Reply(200, {"dag_run_id": path.rpartition("/")[2], "state": "queued"})


@pytest.mark.parametrize(("version", "kind"), [(VERSION_3, "assets"), (VERSION_2, "datasets")])
def test_each_flow_that_waits_gets_one_run_and_others_are_told(version: dict[str, Any], kind: str) -> None:
    airflow = Airflow(kind, {"orders": ["B", "A"], "orders.other": ["C"], "orders+": ["D"]})
    with standing_in(airflow.answer, version) as server:
        live = LiveAirflow(HttpTransport(server.url, BearerLogin("t")))
        published = [live.publish(EVENT) for _ in range(2)]
        assert live.awaited_events() == ["orders", "orders.other"]
    for each in published:
        assert [(run.name, run.run_id) for run in each.runs] == [
            ("A", "event__orders__o1"),
            ("B", "event__orders__o1"),
        ]
        assert each.together == ["D"]
    date = {"logical_date": None} if kind == "assets" else {}
    run = {"dag_run_id": "event__orders__o1", "conf": {"metaflow_event": CONTENT}, **date}
    asset = {"asset_id": 2} if kind == "assets" else {"dataset_uri": "orders+"}
    # Nothing is sent by the second time.
    assert airflow.sent == [
        ("/dags/A/dagRuns", run),
        ("/dags/B/dagRuns", run),
        (f"/{kind}/events", {**asset, "extra": CONTENT}),
    ]


class TestCommand:
    def run(
        self,
        airflow: Airflow,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        *arguments: str,
        code: int = 0,
    ) -> str:
        monkeypatch.setenv("AIRFLOW_TOKEN", "secret")
        monkeypatch.chdir(folder)
        with standing_in(airflow.answer) as server:
            (folder / "deployments").mkdir(exist_ok=True)
            (folder / "deployments" / "a.yaml").write_text(MANIFEST % server.url)
            assert cli.run(["event", *arguments]) == code
        said = capsys.readouterr()
        return said.out + said.err

    def test_it_says_which_runs_it_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        airflow = Airflow(waiting={"orders": ["Orders"], "orders+": ["Both"]})
        given = ("orders", "--payload", '{"area": "north"}', "--id", "o1")
        text = self.run(airflow, tmp_path, monkeypatch, capsys, *given)
        assert text == "Orders  event__orders__o1\nnoted for Both\n"
        found = json.loads(self.run(airflow, tmp_path, monkeypatch, capsys, *given, "--format", "json"))
        assert (found["event"], found["id"], found["noted_for"]) == ("orders", "o1", ["Both"])
        assert [(run["name"], run["state"]) for run in found["runs"]] == [("Orders", "queued")]
        self.run(airflow, tmp_path, monkeypatch, capsys, "orders")
        assert len({body["dag_run_id"] for path, body in airflow.sent if path.endswith("dagRuns")}) == 2

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (
                ("order",),
                "no deployed flow waits for the event 'order', and nothing was started; did you mean 'orders'?",
            ),
            (("other",), "flows there wait for orders"),
            (("a b",), "'a b' is not the name of an event"),
            (("orders", "--id", "a b"), "'a b' is not the id of an event"),
            (("orders", "--payload", "[1]"), "the payload is not a JSON object"),
            (("orders", "--payload", "{"), "the payload is not a JSON object"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_sent(
        self,
        arguments: tuple[str, ...],
        said: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        airflow = Airflow(waiting={"orders": ["Orders"], "metaflow.A.end": ["B"]})
        assert said in self.run(airflow, tmp_path, monkeypatch, capsys, *arguments, code=1)
        assert airflow.sent == []

    def test_where_nothing_waits_that_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = self.run(Airflow(), tmp_path, monkeypatch, capsys, "orders", code=1)
        assert "no flow there waits for an event" in text

"""Flows that start each other and that events start, under a real scheduler, and `mfdeploy event`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.models.live import LiveEvent
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import PasswordLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport
from tests.e2e.project import Project
from tests.live.conftest import PASSWORD, USER, Stage

pytestmark = pytest.mark.airflow

FLOWS = Path(__file__).with_name("event_flows")
CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
ORDERS = [{"area": f"north-{number}", "amount": number} for number in range(3)]


@dataclass(frozen=True)
class Events:
    """A project whose flows start each other, in a running Airflow."""

    stage: Stage
    project: Project
    live: LiveAirflow

    def event(self, name: str, payload: Mapping[str, Any], event_id: str, code: int = 0) -> str:
        arguments = ("event", name, "--payload", json.dumps(payload), "--id", event_id)
        return self.project.do(*arguments, code=code, timeout=300)

    def until_runs(self, flow: str, count: int, seconds: float = 400) -> list[dict[str, Any]]:
        """The runs of a flow in Metaflow's account, once there are so many that have ended."""

        def ended() -> bool:
            # Metaflow's account takes as long to read as a run takes.
            return sum(run.ended for run in self.live.runs(f"{flow}.local", 100)) >= count

        self.stage.airflow.until(ended, f"{count} runs of {flow}", seconds)
        found = [run for run in self.runs(flow) if run["finished"]]
        assert len(found) >= count
        assert all(run["successful"] for run in found)
        return found

    def edit(self, flow: str, text: str, by: str) -> None:
        file = self.project.folder / "deployments" / "flows" / f"{flow}.py"
        file.write_text(file.read_text().replace(text, by))

    def runs(self, flow: str) -> list[dict[str, Any]]:
        variables = {
            **self.project.environ(),
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(self.project.datastore),
        }
        command = [sys.executable, str(CLIENT), flow]
        done = subprocess.run(command, env=variables, cwd=self.project.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout)[flow])


def artifacts(run: Mapping[str, Any], step: str = "start") -> dict[str, Any]:
    """What the step itself set: `name` is the name of the flow."""
    return {key: value for key, value in run["steps"][step][0]["artifacts"].items() if key != "name"}


@pytest.fixture(scope="module")
def events(stage: Stage) -> Iterator[Events]:
    folder = stage.folder / "events"
    shutil.copytree(FLOWS, folder / "deployments" / "flows")
    entries: dict[str, Any] = {file.stem: {"file": f"flows/{file.name}"} for file in sorted(FLOWS.glob("*.py"))}
    # The time of the cron that has passed starts one run at once.
    retries = {"times": 2, "minutes_between": 0}
    entries["orders"] |= {"schedule": "0 0 1 1 *", "start_date": "2020-01-01", "retries": retries}
    environment = {
        "target": f"../../{stage.project.folder.name}/build/dags/events",
        "compute": "local",
        "datastore": "../build/metaflow",
        "airflow": {"url": stage.url, "user": USER, "password": "${env.AIRFLOW_PASSWORD}"},
    }
    manifest = {"version": 1, "project": "events", "environments": {"local": environment}, "flows": entries}
    (folder / "deployments" / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    project = replace(stage.project, folder=folder)
    project.do("apply", "--yes", timeout=300)
    names = {f"{name.capitalize()}Flow.local" for name in entries}
    stage.airflow.until(lambda: names <= set(stage.airflow.ask("known")), f"the DAGs {sorted(names)}")
    yield Events(stage, project, LiveAirflow(HttpTransport(stage.url, PasswordLogin(USER, PASSWORD))))


def test_a_chain_of_flows_and_an_event_of_a_step(events: Events) -> None:
    events.project.do("run", "side", timeout=300)
    events.project.do("run", "up", "--param", "rows=7", timeout=300)

    (after,) = events.until_runs("AfterFlow", 1)
    (up,) = events.runs("UpFlow")
    assert artifacts(after) == {"rows": 7, "found": True}
    last = artifacts(after, "last")
    assert last["again"] == [f"UpFlow/{up['id']}"]
    assert last["events"] == [["metaflow.UpFlow.local.end", "run"]]
    triggers = json.loads(dict(after["steps"]["start"][0]["metadata"])["execution-triggers"])
    assert [(each["name"], each["type"]) for each in triggers] == [("metaflow.UpFlow.local.end", "run")]
    assert triggers[0]["id"].startswith(f"UpFlow/{up['id']}/end/")
    assert "execution-triggers" not in dict(after["steps"]["last"][0]["metadata"])

    (stock,) = events.until_runs("StockFlow", 1)
    assert {name: artifacts(stock)[name] for name in ("amount", "place", "event")} == {
        "amount": 7,
        "place": "north",
        "event": "stock.arrived",
    }
    # And: the third of a chain, and one by itself.
    (both,) = events.until_runs("BothFlow", 1)
    assert artifacts(both)["names"] == ["AfterFlow", "SideFlow"]


def test_each_event_of_a_burst_has_a_run_of_its_own(events: Events) -> None:
    # What comes meanwhile waits.
    events.project.do("pause", "orders", timeout=300)
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda each: events.event("orders.arrived", each, f"order-{each['amount']}"), ORDERS))
    assert said[0] == "OrdersFlow.local  event__orders.arrived__order-0\n"
    assert events.event("orders.arrived", ORDERS[0], "order-0") == said[0]  # the same, and nothing new
    events.project.do("unpause", "orders", timeout=300)
    runs = events.until_runs("OrdersFlow", len(ORDERS) + 1)
    found = sorted((each["region"], each["amount"], each["event"]) for each in map(artifacts, runs))
    wanted = [(each["area"], each["amount"], ["orders.arrived", f"order-{each['amount']}", "event"]) for each in ORDERS]
    # The last one is that of the schedule.
    assert found == sorted([*wanted, ("none", 0, None)], key=lambda each: each[:2])


def test_an_event_waits_for_a_paused_consumer_that_is_deployed_anew(events: Events) -> None:
    """Neither a new version of who publishes nor one of who waits loses what came before it."""
    before = {flow: len(events.runs(flow)) for flow in ("UpFlow", "AfterFlow", "OrdersFlow")}
    events.project.do("pause", "orders", timeout=300)
    events.project.do("pause", "after", timeout=300)
    events.event("orders.arrived", {"area": "early", "amount": 5}, "early")
    events.project.do("run", "up", "--param", "rows=1", timeout=300)
    first = events.until_runs("UpFlow", before["UpFlow"] + 1)[-1]
    events.edit("orders", "self.event =", 'self.version = "new"\n        self.event =')
    events.edit("after", "self.found =", 'self.version = "new"\n        self.found =')
    events.edit("up", "def end(self):", 'def end(self):\n        self.version = "new"')
    events.project.do("apply", "--yes", timeout=300)
    events.project.do("unpause", "orders", timeout=300)
    events.project.do("unpause", "after", timeout=300)

    order = events.until_runs("OrdersFlow", before["OrdersFlow"] + 1)[-1]
    found = {name: artifacts(order)[name] for name in ("region", "amount", "event", "version")}
    assert found == {"region": "early", "amount": 5, "event": ["orders.arrived", "early", "event"], "version": "new"}
    # The end of a flow that came meanwhile is part of the next run, which the next end starts.
    events.project.do("run", "up", "--param", "rows=2", timeout=300)
    after = events.until_runs("AfterFlow", before["AfterFlow"] + 1)[-1]
    second = events.runs("UpFlow")[-1]
    assert artifacts(after) == {"rows": 2, "found": True, "version": "new"}
    assert artifacts(after, "last")["again"] == [f"UpFlow/{second['id']}", f"UpFlow/{first['id']}"]


@pytest.mark.skipif(not os.environ.get("MFDEPLOY_CONFORMANCE"), reason="50 runs take minutes: `make conformance`")
def test_no_event_is_lost_or_doubled_over_a_restart(events: Events) -> None:
    """The scheduler and all tasks are killed while events come; a task that is killed has retries by the manifest."""
    scheduler = events.stage.airflow.processes["scheduler"]

    def publish(number: int) -> None:
        event = LiveEvent("orders.arrived", f"many-{number}", 1767225600, {"area": "many", "amount": number})
        if number == 25:
            scheduler.end()
        events.live.publish(event)
        if number % 10 == 0:
            events.live.publish(event)

    def ended() -> bool:
        runs = [run for run in events.live.runs("OrdersFlow.local", 100) if "__many-" in run.run_id]
        return len(runs) >= 50 and all(run.ended for run in runs)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, range(50)))
    events.stage.airflow.start_scheduler()
    events.stage.airflow.until(ended, "end of 50 runs", seconds=1800)
    runs = [run for run in events.runs("OrdersFlow") if artifacts(run)["region"] == "many"]
    assert all(run["successful"] for run in runs)
    found = sorted((each["amount"], each["event"][1]) for each in map(artifacts, runs))
    assert found == [(number, f"many-{number}") for number in range(50)]


def test_several_events_come_together(events: Events) -> None:
    assert events.event("prices", {"part": 0.25}, "p1") == "noted for PricesFlow.local\n"
    assert events.event("prices", {"part": 0.25}, "p1") == "noted for PricesFlow.local\n"
    assert events.runs("PricesFlow") == []
    events.event("rates", {}, "r1")
    (run,) = events.until_runs("PricesFlow", 1)
    assert (artifacts(run)["share"], artifacts(run)["names"]) == (0.25, ["prices", "rates"])


def test_an_event_that_nobody_waits_for_is_refused(events: Events) -> None:
    done = events.project.run("event", "orders.arived", timeout=300)
    assert done.returncode == 1
    assert "no deployed flow waits for the event 'orders.arived'" in done.stderr
    assert "did you mean 'orders.arrived'?" in done.stderr

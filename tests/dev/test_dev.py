"""`mfdeploy dev` and a run without a server, in the process of the tests, with a stand-in for Airflow."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer import cli
from deployer.commands.dev import Applied, Arrived, Event, Refused, Serving, Starting, dev
from deployer.models.selection import Selection
from deployer.pipeline.local_arrivals import Arrival
from tests.contexts import context
from tests.dev.conftest import HELLO, Site, processes_of

DEPLOYMENTS = Path("deployments")


def ignore(told: str) -> None:
    pass


def until(kind: type[Event], events: Iterator[Event]) -> Event:
    """The next event of a kind; others may come before."""
    return next(event for event in events if isinstance(event, kind))


def actions(event: Event) -> list[tuple[str, str]]:
    assert isinstance(event, Applied)
    return [(change.address, change.action) for change in event.result.done]


def arrivals(event: Event) -> list[tuple[str, bool]]:
    assert isinstance(event, Arrived)
    return [(arrival.address, arrival.error is None) for arrival in event.arrivals]


@pytest.mark.slow
def test_each_save_is_applied_and_arrives(site: Site) -> None:
    with contextlib.closing(dev(Selection(DEPLOYMENTS), "local", context(), ignore)) as events:
        assert next(events) == Starting("Airflow 3.3.2", "../build/dags")
        assert actions(until(Applied, events)) == [("local/hello", "create")]
        assert isinstance(until(Serving, events), Serving)
        assert arrivals(until(Arrived, events)) == [("local/hello", True)]

        site.flow.write_text(site.flow.read_text().replace('default="success"', 'default="good"'))
        assert actions(until(Applied, events)) == [("local/hello", "update")]
        assert arrivals(until(Arrived, events)) == [("local/hello", True)]

        manifest = site.manifest.read_text()
        site.manifest.write_text(f"{manifest}    schedul: daily\n")
        refused = until(Refused, events)
        assert isinstance(refused, Refused)
        site.manifest.write_text(manifest)
        assert actions(until(Applied, events)) == []

        site.dag.with_name("other.py").write_text("raise ImportError\n")
        (error,) = [arrival.error for arrival in until_arrived(events)]
        assert error is not None
        assert error.file == "other.py"
    assert processes_of(site) == []


def until_arrived(events: Iterator[Event]) -> list[Arrival]:
    found = until(Arrived, events)
    assert isinstance(found, Arrived)
    return [*found.arrivals]


@pytest.mark.slow
def test_ctrl_c_is_how_it_ends(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_STAND_IN", "interrupt")
    monkeypatch.setenv("BROWSER", "true")  # a program that shows nothing
    assert cli.run(["dev", "--env", "local"]) == 0
    said = capsys.readouterr()
    assert "Airflow 3.3.2 starts for the DAG files in ../build/dags" in said.out
    assert "+ local/hello  created" in said.out
    assert "It serves http://127.0.0.1:" in said.out
    assert "Ended; nothing of it runs any more." in said.err
    assert processes_of(site) == []


@pytest.mark.slow
def test_an_airflow_that_dies_ends_it(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_STAND_IN", "die")
    assert cli.run(["dev", "--no-open"]) == 1
    said = capsys.readouterr()
    assert "Airflow's api-server ended with exit code 3; its log is " in said.err
    assert "out of luck" in said.err
    assert processes_of(site) == []


@pytest.mark.parametrize("environment", ["bucket", "far"])
def test_it_runs_for_a_folder_that_has_no_other_airflow(
    environment: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["dev", "--env", environment]) == 1
    assert f"the Airflow of {environment} cannot run on this machine" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_without_a_server(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["apply", "--env", "local", "--yes"]) == 0
    capsys.readouterr()
    assert cli.run(["run", "hello", "--env", "local"]) == 0
    assert capsys.readouterr().out == "manual__1\n  start: success\n  end: success\nsuccess\n"

    assert cli.run(["run", "hello", "--env", "local", "--param", "state=failed", "--format", "json"]) == 1
    said = capsys.readouterr()
    run = json.loads(said.out)
    assert (run["state"], run["page"], run["tasks"][1]["pathspec"]) == ("failed", None, "Flow/1/end/2")
    assert "What the tasks wrote: " in said.err

    assert cli.run(["run", "hello", "--env", "local", "--run-id", "mine"]) == 1
    assert "--run-id is for a running Airflow" in capsys.readouterr().err
    assert cli.run(["runs", "hello", "--env", "local"]) == 1
    assert "mfdeploy dev --env local" in capsys.readouterr().err

    monkeypatch.setenv("AIRFLOW_VAR_STAND_IN", "die")
    assert cli.run(["run", "hello", "--env", "local"]) == 1
    assert f"Airflow did not run {HELLO.removesuffix('.py')} to its end (exit code 1)" in capsys.readouterr().err
    assert processes_of(site) == []

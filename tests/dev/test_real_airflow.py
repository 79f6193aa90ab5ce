"""`mfdeploy dev` with a real Airflow 3, as a user types it, and a run in one process after it has ended."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.airflow.harness import cache, installed, versions
from tests.dev.conftest import Site, new_site, processes_of
from tests.e2e.project import MFDEPLOY

pytestmark = pytest.mark.airflow
VERSION = "3.3.2"


@dataclass
class Dev:
    """A running `mfdeploy dev`, and the lines that it prints as they come."""

    site: Site
    environ: dict[str, str]
    process: subprocess.Popen[str]
    lines: queue.Queue[str] = field(default_factory=queue.Queue)
    seen: list[str] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, text: str) -> str:
        """The next line that holds a text. The time is a limit for a test that fails."""
        while True:
            try:
                self.seen.append(self.lines.get(timeout=300))
            except queue.Empty:
                raise AssertionError(f"no {text!r} in:\n{''.join(self.seen)}") from None
            if text in self.seen[-1]:
                return self.seen[-1]

    def mfdeploy(self, *arguments: str, code: int = 0) -> str:
        return mfdeploy(self.site, self.environ, *arguments, code=code)


def mfdeploy(site: Site, environ: dict[str, str], *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [MFDEPLOY, *arguments], cwd=site.folder, env=environ, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """The Airflow that other tests have installed, running for a project; no package is fetched."""
    site = new_site(tmp_path_factory.mktemp("dev"))
    installed(VERSION)
    (site.cache / "airflow").symlink_to(cache())
    environ = {"PATH": os.environ["PATH"], "HOME": str(site.folder), "USER": "ada", "MFDEPLOY_CACHE": str(site.cache)}
    process = subprocess.Popen(
        [MFDEPLOY, "dev", "--no-open", "--env", "local"],
        cwd=site.folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    found = Dev(site, environ, process)
    threading.Thread(target=found.read, daemon=True).start()
    try:
        yield found
    finally:
        # Its keeper ends what it started also if it cannot any more.
        process.kill()
        process.wait()


def test_a_flow_is_saved_run_and_the_airflow_ended(dev: Dev) -> None:
    dev.until("+ local/hello  created")
    dev.until("It serves http://127.0.0.1:")
    dev.until("Airflow has local/hello")

    dev.site.flow.write_text(dev.site.flow.read_text().replace("Says hello.", "Says good morning."))
    dev.until("~ local/hello  updated")
    dev.until("Airflow has local/hello")
    (status,) = json.loads(dev.mfdeploy("status", "--env", "local", "--format", "json"))["flows"]
    assert (status["state"], status["airflow"]["paused"]) == ("current", False)
    assert dev.mfdeploy("run", "hello", "--env", "local", "--wait").splitlines()[-1] == "success"

    # A file that somebody else put there.
    (dev.site.dag.with_name("broken.py")).write_text(
        "from airflow.sdk import DAG\nraise ImportError('no such thing')\n"
    )
    dev.until("Airflow cannot import broken.py")
    dev.until("no such thing")
    assert processes_of(dev.site)

    dev.process.send_signal(signal.SIGTERM)
    assert dev.process.wait(timeout=120) == 0
    assert processes_of(dev.site) == []

    (dev.site.dag.with_name("broken.py")).unlink()
    said = dev.mfdeploy("run", "hello", "--env", "local").splitlines()
    assert said[0].startswith("manual__")
    assert {"  start: success", "  end: success"} <= set(said)
    assert said[-1] == "success"
    assert processes_of(dev.site) == []


@pytest.mark.parametrize("version", versions("2.11.2"))
def test_a_step_publishes_in_a_run_of_one_process(version: str, tmp_path: Path) -> None:
    """Airflow runs no task that publishes by an alias which it does not know: here nobody else has made it known."""
    site = new_site(tmp_path)
    installed(version)
    (site.cache / "airflow").symlink_to(cache())
    environ = {"PATH": os.environ["PATH"], "HOME": str(site.folder), "USER": "ada", "MFDEPLOY_CACHE": str(site.cache)}
    site.manifest.write_text(
        site.manifest.read_text().replace("local: {", f"local: {{airflow: {{version: {version}}}, ")
    )
    publishing = (
        "from metaflow.integrations import ArgoEvent\n        ArgoEvent('stock.arrived').publish({'shop': 7})\n"
    )
    site.flow.write_text(
        site.flow.read_text().replace("self.next(self.end)", f"{publishing}        self.next(self.end)")
    )

    mfdeploy(site, environ, "apply", "--env", "local", "--yes")
    said = mfdeploy(site, environ, "run", "hello", "--env", "local").splitlines()
    assert {"  start: success", "  end: success"} <= set(said)
    assert said[-1] == "success"
    (database,) = site.cache.rglob("airflow.db")
    kind = "dataset" if version.startswith("2.") else "asset"
    with sqlite3.connect(database) as connection:
        published = f"select e.extra from {kind}_event e join {kind} a on a.id = e.{kind}_id where a.uri like ?"
        ((extra,),) = connection.execute(published, ["%stock.arrived"])
    assert json.loads(json.loads(extra)["payload"]) == {"shop": 7}

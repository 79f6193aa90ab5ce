"""A project with one flow, and a cache folder in which a stand-in is installed as Airflow."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.orchestrators.airflow.server.versions import DEFAULT_VERSION, python_for

STAND_IN = Path(__file__).with_name("stand_in.py")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
FLOW = '''\
"""Says hello."""

from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    """Says hello."""

    state = Parameter("state", default="success")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HelloFlow()
'''
MANIFEST = """\
version: 1
project: dev
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
  bucket: {target: "s3://nowhere/dags", compute: local, datastore: "s3://nowhere/metaflow"}
  far: {target: ../build/far, compute: local, datastore: ../build/metaflow, airflow: {url: "http://127.0.0.1:9"}}
flows:
  hello: {file: flows/hello.py}
"""
HELLO = "HelloFlow.local.py"


@dataclass(frozen=True)
class Site:
    """The project and the cache folder."""

    folder: Path
    cache: Path

    @property
    def flow(self) -> Path:
        return self.folder / "deployments" / "flows" / "hello.py"

    @property
    def manifest(self) -> Path:
        return self.folder / "deployments" / "mfdeploy.yaml"

    @property
    def dag(self) -> Path:
        return self.folder / "build" / "dags" / HELLO


def new_site(folder: Path) -> Site:
    """A project, and an empty cache folder."""
    site = Site(folder / "project", folder / "cache")
    site.flow.parent.mkdir(parents=True)
    site.flow.write_text(FLOW)
    site.manifest.write_text(MANIFEST)
    site.cache.mkdir()
    return site


def write_python(path: Path) -> None:
    """A program that is called as the Python of an Airflow is, and is the stand-in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    path.chmod(0o755)


def processes_of(site: Site) -> list[str]:
    """The commands of all processes that have an AIRFLOW_HOME below the cache folder, or were started by those."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if f"AIRFLOW_HOME={site.cache}".encode() in environ:
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The project is the working directory, and the stand-in is installed."""
    made = new_site(tmp_path)
    environment = made.cache / "airflow" / f"{DEFAULT_VERSION}-{python_for(DEFAULT_VERSION, RUNNING)}"
    write_python(environment / "bin" / "python")
    (environment / "installed").write_text(f"apache-airflow=={DEFAULT_VERSION}\n")
    monkeypatch.setenv("MFDEPLOY_CACHE", str(made.cache))
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(made.folder)
    return made

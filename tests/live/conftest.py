"""A running Airflow of each version with its API, a project whose flows it runs, and accounts to log in with."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.airflow.harness import installed, versions
from tests.airflow.scheduler import RunningAirflow, free_port, running
from tests.airflow.web import _answers
from tests.e2e.project import OFFLINE, Project

FLOWS = Path(__file__).with_name("flows")
USER, PASSWORD = "ada", "correct-horse-battery"
VIEWER = "vic"
FORBIDDEN = "forbidden"
# What a platform team may have: to Airflow a DAG that is refused is one that cannot be imported.
POLICY = f"""\
from airflow.exceptions import AirflowClusterPolicyViolation


def dag_policy(dag):
    if {FORBIDDEN!r} in dag.tags:
        raise AirflowClusterPolicyViolation("this tag is not allowed")
"""


@dataclass(frozen=True)
class Stage:
    """A running Airflow at `url`, and the project whose flows it runs."""

    airflow: RunningAirflow
    url: str
    project: Project
    folder: Path

    def restart(self) -> None:
        """Kill the server that answers requests, and start it again at its address."""
        name, host = ("webserver", "--hostname") if self.airflow.airflow.is_2 else ("api-server", "--host")
        self.airflow.processes[name].end()
        port = str(urlsplit(self.url).port)
        self.airflow.start(name, name, "--port", port, host, "127.0.0.1", "--workers", "1")


@pytest.fixture(scope="session", params=versions("3.3.2"))
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("live")
    airflow = installed(request.param)
    passwords = folder / "passwords.json"
    passwords.write_text(json.dumps({USER: PASSWORD, VIEWER: PASSWORD}))
    settings = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin,{VIEWER}:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.basic_auth",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    }
    project = project_in(folder)
    policy = folder / "airflow" / "config" / "airflow_local_settings.py"
    policy.parent.mkdir(parents=True, exist_ok=True)
    policy.write_text(POLICY)
    with running(airflow, folder / "airflow", project.folder / "build" / "dags", **settings) as found:
        url = _webserver(found) if airflow.is_2 else _api_server(found)
        write_manifest(project, url)
        yield Stage(found, url, project, folder)


def _api_server(found: RunningAirflow) -> str:
    parts = urlsplit(found.environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"])
    return f"http://{parts.netloc}"


def _webserver(found: RunningAirflow) -> str:
    _airflow(found, "sync-perm")
    for user, role in ((USER, "Admin"), (VIEWER, "Viewer")):
        names = ["--firstname", user, "--lastname", user, "--email", f"{user}@example.com"]
        _airflow(found, "users", "create", "--username", user, *names, "--role", role, "--password", PASSWORD)
    port = free_port()
    found.start("webserver", "webserver", "--port", str(port), "--hostname", "127.0.0.1", "--workers", "1")
    url = f"http://127.0.0.1:{port}"
    found.until(lambda: _answers(url), "answer of the webserver")
    return url


def _airflow(found: RunningAirflow, *words: str) -> None:
    command = [str(found.airflow.python), "-m", "airflow", *words]
    done = subprocess.run(command, env=dict(found.environment), cwd=found.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def project_in(folder: Path) -> Project:
    flows = folder / "project" / "deployments" / "flows"
    shutil.copytree(FLOWS, flows)
    variables = {**OFFLINE, "no_proxy": "127.0.0.1", "AIRFLOW_PASSWORD": PASSWORD}
    return replace(Project(folder / "project", folder / "home"), variables=variables)


def write_manifest(
    project: Project, url: str, tags: Sequence[str] = (), worker_pool: str | None = None, **access: Any
) -> None:
    """The flow `hello` has the tags and the pool; `access` are more settings below `airflow:`."""
    hello = {"file": "flows/hello.py", "schedule": "daily", "tags": [*tags]}
    if worker_pool:
        hello["worker_pool"] = worker_pool
    manifest = {
        "version": 1,
        "project": "live",
        "environments": {
            "local": {
                "target": "../build/dags",
                "compute": "local",
                "datastore": "../build/metaflow",
                "airflow": {"url": url, "user": USER, "password": "${env.AIRFLOW_PASSWORD}", **access},
            },
        },
        "flows": {
            "switchboard": {"file": "flows/switchboard.py"},
            "hello": hello,
        },
    }
    (project.folder / "deployments" / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))

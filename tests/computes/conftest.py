"""Flows that were applied for both computes, and run by each Airflow: what they wait for, and what their tasks get."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.airflow.harness import installed, new_home, versions
from tests.e2e.project import OFFLINE, Project
from tests.kubernetes.cluster import Kubernetes, running

HERE = Path(__file__).parent
BUCKETS = ("metaflow-of-tests", "acme-lake")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret-key",
    "AWS_DEFAULT_REGION": "us-east-1",
}
PASSWORD = "correct horse battery staple"
SERVICE_KEY = "never-in-a-dag"
LATE = "/acme-lake/late/"
# DAG id -> (the flow's class, its environment), in the order in which they run.
DAGS = {
    "loads": ("LoadsFlow", "worker"),
    **{f"WaitingFlow.{name}": ("WaitingFlow", name) for name in ("worker", "pods")},
    "LateFlow.worker": ("LateFlow", "worker"),
    "OptionalFlow.worker": ("OptionalFlow", "worker"),
    **{f"GuardedFlow.{name}": ("GuardedFlow", name) for name in ("laptop", "worker", "pods")},
    **{f"PackagedFlow.{name}": ("PackagedFlow", name) for name in ("worker", "pods")},
    **{f"WheelsFlow.{name}": ("WheelsFlow", name) for name in ("worker", "pods")},
}
DATE = "2026-02-01T11:00:00+00:00"
HOUR_BEFORE = "2026-02-01T10:00:00+00:00"


class Aws:
    """moto's server with S3 and Secrets Manager; what is asked for below LATE and is not there comes a moment later."""

    def __init__(self) -> None:
        self._backend = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.missed: list[str] = []
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        for bucket in BUCKETS:
            self.client("s3").create_bucket(Bucket=bucket)
        self.client("s3").put_object(Bucket="acme-lake", Key="2026-02-01/orders.csv", Body=b"1")
        self.client("secretsmanager").create_secret(Name="database", SecretString=json.dumps({"DB_PASSWORD": PASSWORD}))

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, **keys)

    def stored(self, prefix: str = "") -> list[str]:
        """The objects of Metaflow's bucket."""
        found = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKETS[0], Prefix=prefix)
        return [item["Key"] for page in found for item in page.get("Contents", ())]

    def forget_late(self) -> None:
        self.missed.clear()
        for item in self.client("s3").list_objects_v2(Bucket="acme-lake", Prefix="late/").get("Contents", ()):
            self.client("s3").delete_object(Bucket="acme-lake", Key=item["Key"])

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        status: list[str] = []

        def note(line: str, *rest: Any) -> Any:
            status.append(line)
            return start(line, *rest)

        answer: Iterable[bytes] = self._backend(environ, note)
        if environ["REQUEST_METHOD"] == "HEAD" and path.startswith(LATE) and status[0].startswith("404"):
            self.missed.append(path)
            _, bucket, key = path.split("/", 2)
            threading.Thread(target=self.client("s3").put_object, kwargs={"Bucket": bucket, "Key": key}).start()
        return answer


@dataclass(frozen=True)
class Ran:
    """Airflow's account of each DAG's run, Metaflow's by flow and environment, and what the runs left behind."""

    outcomes: Mapping[str, Mapping[str, Any]]
    flows: Mapping[str, Mapping[str, Mapping[str, Any]]]
    project: Project
    missed: tuple[str, ...]
    said: str
    pods: str

    def states(self, dag: str) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.outcomes[dag]["tasks"]}

    def task(self, dag: str, step: str = "start") -> Mapping[str, Any]:
        flow, environment = DAGS[dag]
        return dict(self.flows[flow][environment][step])


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    server = Aws()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def solver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the search path that has a `micromamba`."""
    folder = tmp_path_factory.mktemp("solver")
    root, program = folder / "root", folder / "bin" / "micromamba"
    for made in (root, program.parent):
        made.mkdir()
    command = shlex.join([sys.executable, str(HERE / "micromamba.py")])
    program.write_text(f'#!/bin/sh\nexport STANDIN_ROOT="{root}"\nexec {command} "$@"\n')
    program.chmod(0o755)
    return program.parent


@pytest.fixture(scope="module", params=versions("3.3.2"))
def ran(request: pytest.FixtureRequest, aws: Aws, solver: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All flows, applied and run; one process of each Airflow runs all DAGs."""
    folder = tmp_path_factory.mktemp("computes")
    aws.forget_late()
    metadata = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "metadata")}
    tasks = {**CREDENTIALS, **metadata, "AWS_ENDPOINT_URL": aws.url, "METAFLOW_SERVICE_AUTH_KEY": SERVICE_KEY}
    path = {"METAFLOW_INIT_SCRIPT": f'export PATH="{solver}:$PATH"'}
    with running(folder / "cluster", {"of-tasks": {**tasks, **path}}) as cluster:
        project = project_for(folder, aws, solver, cluster)
        applied = project.run("apply", "--yes", timeout=900)
        assert applied.returncode == 0, applied.stderr
        home = new_home(installed(request.param), folder / "airflow", project.dags, **tasks)
        home.variables["PATH"] = f"{solver}:{home.environment()['PATH']}"
        dates = {"loads": HOUR_BEFORE}
        answer = home.ask(
            [{"dag_id": dag, "date": dates.get(dag, DATE)} for dag in DAGS], timeout=1800, registered=True
        )
        assert answer["import_errors"] == {}
        pods = json.dumps([pod["manifest"] for pod in cluster.recorded()["pods"]])
    outcomes = dict(zip(DAGS, answer["runs"], strict=True))
    return Ran(
        outcomes,
        metaflow_flows(project, aws, metadata),
        project,
        tuple(aws.missed),
        applied.stdout + applied.stderr + home.log,
        pods,
    )


def project_for(folder: Path, aws: Aws, solver: Path, cluster: Kubernetes) -> Project:
    """A project with an environment for each compute, and one whose datastore is a folder."""
    shutil.copytree(HERE / "flows", folder / "project" / "deployments" / "flows")
    settings = {
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_S3_ENDPOINT_URL": aws.url,
        "METAFLOW_S3_WORKER_COUNT": 1,
    }
    shared = {"target": "../build/dags", "start_date": "2026-01-01"}
    local = {**shared, "compute": "local", "python": sys.executable}
    stored = {"datastore": f"s3://{BUCKETS[0]}/{folder.name}", "metaflow": settings}
    pods = {"kubeconfig": str(cluster.kubeconfig), "image": "registry.example/flows:1", "secrets": ["of-tasks"]}
    both = ["worker", "pods"]
    flows: dict[str, dict[str, Any]] = {
        "loads": {"environments": ["worker"], "dag_id": "loads"},
        "waiting": {"environments": both},
        "late": {"environments": ["worker"]},
        "optional": {"environments": ["worker"]},
        "guarded": {},
        "packaged": {"environments": both, "package_environment": "conda"},
        "wheels": {"environments": both, "package_environment": "pypi"},
    }
    manifest = {
        "version": 1,
        "project": "computes",
        "environments": {
            "laptop": {**local, "datastore": "../build/metaflow"},
            "worker": {**local, **stored},
            "pods": {**shared, **stored, "compute": "kubernetes", "kubernetes": pods},
        },
        "flows": {name: {"file": f"flows/{name}.py", **entry} for name, entry in flows.items()},
    }
    (folder / "project" / "deployments" / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    path = {"PATH": f"{solver}:{os.environ['PATH']}", "no_proxy": "127.0.0.1"}
    given = {**CREDENTIALS, "METAFLOW_SERVICE_AUTH_KEY": SERVICE_KEY}
    return replace(Project(folder / "project", folder / "home"), variables={**OFFLINE, **path, **given})


def metaflow_flows(project: Project, aws: Aws, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What Metaflow's Client says of each flow, by environment."""
    manifest = yaml.safe_load((project.folder / "deployments" / "mfdeploy.yaml").read_text())
    stored = {
        **metadata,
        "METAFLOW_S3_ENDPOINT_URL": aws.url,
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": manifest["environments"]["worker"]["datastore"],
    }
    found: dict[str, Any] = {}
    for variables in (stored, {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(project.datastore)}):
        environ = {**project.environ(), "METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_USER": "ada", **variables}
        environ.pop("METAFLOW_SERVICE_AUTH_KEY")
        command = [sys.executable, str(HERE / "client.py"), *sorted({flow for flow, _ in DAGS.values()})]
        done = subprocess.run(command, env=environ, cwd=project.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        for flow, runs in json.loads(done.stdout).items():
            found.setdefault(flow, {}).update(runs)
    return found

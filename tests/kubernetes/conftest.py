"""Flows that were applied to a cluster, and run there by each Airflow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.airflow.harness import installed, new_home, versions
from tests.e2e.project import OFFLINE, Project
from tests.kubernetes.cluster import Kubernetes, running
from tests.s3 import BUCKET, CREDENTIALS, s3_server

FLOWS = Path(__file__).with_name("flows")
CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
SERVICE_HEADERS = json.dumps({"x-api-key": "never-in-a-manifest"})
# What somebody types into the trigger form; no shell, no template and no kubelet may read it.
HOSTILE = '"it\'s" $(HOME) $$ $$(HOME) $HOME `id` $(id) {{ ds }} {% raw %} \\ ä\n漢字 ${METAFLOW_RUN_ID}'
LONG = (HOSTILE + "\n") * 1500
TRIGGERED = {"title": HOSTILE, "long": LONG, "count": 7, "fast": True, "options": {"a": [HOSTILE, None]}}
# What each pod runs before anything else.
PREPARE = 'export PREPARED="it\'s $METAFLOW_STEP_NAME, $(echo $((6 * 7)))"\n'
DAGS = {
    "ShapedFlow": "ShapedFlow.pods",
    "GraphFlow": "GraphFlow.pods",
    "AttemptsFlow": "growth.test.pods.AttemptsFlow",
    "FailingFlow": "FailingFlow.pods",
    "ForbiddingFlow": "ForbiddingFlow.pods",
}
FAILING = {"FailingFlow", "ForbiddingFlow"}


@dataclass(frozen=True)
class Ran:
    """Airflow's account of all runs, Metaflow's, and the cluster's; `checked` are the pods of the apply's check.

    `misspelt` is a run that was given a name that is no parameter.
    """

    outcomes: Mapping[str, Mapping[str, Any]]
    misspelt: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]]
    pods: Sequence[Mapping[str, Any]]
    refused: Sequence[str]
    log: str
    checked: Sequence[Mapping[str, Any]]

    def states(self, flow: str) -> dict[str, list[str]]:
        """Airflow's states of each step's tasks."""
        found: dict[str, list[str]] = {}
        for task in self.outcomes[flow]["tasks"]:
            found.setdefault(task["task_id"], []).append(task["state"])
        return found

    def tasks(self, flow: str, step: str) -> list[dict[str, Any]]:
        """Metaflow's account of a step's tasks."""
        return list(self.runs[flow]["steps"][step])

    def artifacts(self, flow: str, step: str) -> dict[str, Any]:
        (task,) = self.tasks(flow, step)
        return dict(task["artifacts"])

    def pods_of(self, flow: str, step: str = "") -> list[Mapping[str, Any]]:
        """The pods of a flow, or of one of its steps, in the order of their start."""
        wanted = {"metaflow/flow_name": flow, **({"metaflow/step_name": step} if step else {})}
        return [pod for pod in self.pods if wanted.items() <= pod["manifest"]["metadata"]["annotations"].items()]


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3 server that has one bucket."""
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module", params=versions("2.11.2"))
def ran(request: pytest.FixtureRequest, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """All flows, applied and run; one process of each Airflow runs all DAGs."""
    folder = tmp_path_factory.mktemp("pods")
    # A folder that all pods share is what a metadata service would be.
    secrets = {"s3-credentials": CREDENTIALS, "shared-metadata": metadata_in(folder)}
    with running(folder / "cluster", secrets) as cluster:
        project = project_for(folder, s3, cluster)
        project.do("apply", "--env", "pods", "--yes", "--check-cluster")
        home = new_home(installed(request.param), folder / "airflow", project.dags)
        confs = {"ShapedFlow": TRIGGERED}
        asked: list[Mapping[str, Any]] = [{"dag_id": dag, "conf": confs.get(flow, {})} for flow, dag in DAGS.items()]
        asked.append({"dag_id": DAGS["ShapedFlow"], "conf": {**TRIGGERED, "titel": "x"}, "minute": 1})
        answer = home.ask(asked, timeout=900)
        assert answer["import_errors"] == {}
        seen = cluster.recorded()
    *runs, misspelt = answer["runs"]
    return Ran(
        dict(zip(DAGS, runs, strict=True)),
        misspelt,
        metaflow_runs(project, metadata_in(folder)),
        seen["pods"],
        seen["refused"],
        home.log,
        seen["dry_runs"],
    )


def metadata_in(folder: Path) -> dict[str, str]:
    return {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder / "metadata")}


def project_for(folder: Path, s3: str, cluster: Kubernetes) -> Project:
    """A project whose only environment is the cluster; its runs and their artifacts are in S3."""
    shutil.copytree(FLOWS, folder / "project" / "deployments" / "flows")
    environment = {
        "target": "../build/dags",
        "compute": "kubernetes",
        "datastore": f"s3://{BUCKET}/{folder.name}",
        "kubernetes": {
            "kubeconfig": str(cluster.kubeconfig),
            "namespace": "jobs",
            "image": "registry.example/flows:1",
            "secrets": ["s3-credentials", "shared-metadata"],
        },
        # One worker, since each that moves data to and from S3 is a process; there are 64 else.
        "metaflow": {
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_KUBERNETES_SANDBOX_INIT_SCRIPT": PREPARE,
            "METAFLOW_S3_ENDPOINT_URL": s3,
            "METAFLOW_S3_WORKER_COUNT": 1,
        },
    }
    manifest: dict[str, Any] = {
        "version": 1,
        "project": "pods",
        "environments": {"pods": environment},
        "flows": {path.stem: {"file": f"flows/{path.name}"} for path in sorted(FLOWS.glob("*.py"))},
    }
    tmpfs = {"tmpfs_size": 32, "tmpfs_path": "/from-manifest", "tmpfs_tempdir": False}
    manifest["flows"]["shaped"]["steps"] = {"end": {**tmpfs, "on_finish_action": "keep_pod"}}
    manifest["flows"]["failing"]["kubernetes"] = {"on_finish_action": "delete_succeeded_pod"}
    manifest["flows"]["attempts"].update(config_values={"settings": {"rate": 0.5}}, tags=["examples"])
    (folder / "project" / "deployments" / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    secrets = {**CREDENTIALS, "METAFLOW_SERVICE_HEADERS": SERVICE_HEADERS, "no_proxy": "127.0.0.1"}
    return replace(Project(folder / "project", folder / "home"), variables={**OFFLINE, **secrets})


def metaflow_runs(project: Project, metadata: Mapping[str, str]) -> dict[str, Any]:
    """What Metaflow's Client says of the one run of each flow."""
    environment = yaml.safe_load((project.folder / "deployments" / "mfdeploy.yaml").read_text())["environments"]["pods"]
    variables = {
        **project.environ(),
        **{name: str(value) for name, value in environment["metaflow"].items()},
        **metadata,
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": environment["datastore"],
        "METAFLOW_DEFAULT_METADATA": "local",
    }
    command = [sys.executable, str(CLIENT), *DAGS]
    done = subprocess.run(command, env=variables, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {flow: runs[0] for flow, runs in json.loads(done.stdout).items()}

"""Where the corpus is deployed to: environments of a manifest, with what they need around them, and the project."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.cases import Case
from tests.e2e.project import OFFLINE, Project
from tests.graphs.warm import warm_python
from tests.kubernetes.cluster import Kubernetes, running
from tests.s3 import BUCKET, CREDENTIALS, s3_server

# Metaflow's name for where a local datastore is; and for where local metadata are, whatever the datastore.
LOCAL_ROOT = "METAFLOW_DATASTORE_SYSROOT_LOCAL"
# What the case `settings` looks for.
SETTINGS = {"METAFLOW_MAXIMUM_FOREACH_VALUE_CHARS": 31}


@dataclass(frozen=True)
class ResolvedPath:
    """An environment of a manifest, the variables of whoever deploys to it, and those with which its runs are read.

    `python` is an interpreter that has Metaflow imported already, for the cases that can do with it.
    """

    environment: Mapping[str, Any]
    reader: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    cluster: Kubernetes | None = None
    python: Path | None = None


@contextlib.contextmanager
def local_place(folder: Path, warm: bool = False) -> Iterator[ResolvedPath]:
    """Processes of the worker, and a folder. Where `warm`, each process has Metaflow imported already."""
    datastore = folder / "metaflow"
    environment = {"compute": "local", "target": "../build/dags", "datastore": str(datastore), "metaflow": SETTINGS}
    reader = {
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        LOCAL_ROOT: str(datastore),
    }
    if not warm:
        yield ResolvedPath(environment, reader)
        return
    settings = {name: str(value) for name, value in SETTINGS.items()}
    with warm_python(folder / "warm", {"PATH": os.environ["PATH"], "USER": "ada", **reader, **settings}) as python:
        yield ResolvedPath(environment, reader, python=python)


@contextlib.contextmanager
def cluster_place(folder: Path) -> Iterator[ResolvedPath]:
    """Pods on a cluster of its own; code packages and artifacts in an S3 of its own."""
    # A folder that all pods share is what a metadata service would be.
    metadata = {LOCAL_ROOT: str(folder / "metadata")}
    secrets = {"s3-credentials": CREDENTIALS, "shared-metadata": metadata}
    with s3_server() as s3, running(folder / "cluster", secrets) as cluster:
        environment = cluster_environment(s3, kubeconfig=str(cluster.kubeconfig), secrets=list(secrets))
        reader = {
            **CREDENTIALS,
            **metadata,
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DEFAULT_DATASTORE": "s3",
            "METAFLOW_DATASTORE_SYSROOT_S3": environment["datastore"],
            "METAFLOW_S3_ENDPOINT_URL": s3,
            "no_proxy": "127.0.0.1",
        }
        yield ResolvedPath(environment, reader, {**CREDENTIALS, "no_proxy": "127.0.0.1"}, cluster)


def cluster_environment(s3: str, **pods: Any) -> dict[str, Any]:
    """An environment of a manifest with compute kubernetes; `pods` are further keys of its `kubernetes`."""
    return {
        "compute": "kubernetes",
        "target": "../build/dags",
        "datastore": f"s3://{BUCKET}/metaflow",
        "kubernetes": {"namespace": "jobs", "image": "registry.example/flows:1", **pods},
        # One worker, since each that moves data to and from S3 is a process; there are 64 else.
        "metaflow": {
            **SETTINGS,
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_S3_ENDPOINT_URL": s3,
            "METAFLOW_S3_WORKER_COUNT": 1,
        },
    }


def write_project(
    folder: Path,
    environments: Mapping[str, Mapping[str, Any]],
    variables: Mapping[str, str],
    cases: Sequence[Case],
    python: Path | None = None,
) -> Project:
    """A project with one deployment for each case in each environment; nothing is deployed yet."""
    manifests = folder / "project" / "deployments"
    entries: dict[str, dict[str, Any]] = {}
    for case in cases:
        warm = {"python": str(python)} if python and not case.cold else {}
        where = [name for name, environment in environments.items() if environment["compute"] in case.computes]
        found = {"file": f"flows/{case.name}/{case.name}.py", "environments": where}
        entries[case.name] = {**found, **warm, **case.entry}
        # A folder for each, as users have it: what is beside a flow travels with it.
        place = manifests / "flows" / case.name
        place.mkdir(parents=True)
        shutil.copy(case.file, place)
        for name, text in case.files.items():
            (place / name).parent.mkdir(exist_ok=True)
            (place / name).write_text(text, encoding="utf-8")
    manifest = {
        "version": 1,
        "project": "conformance",
        "environments": {name: {**environment, "retries": 0} for name, environment in environments.items()},
        "flows": entries,
    }
    (manifests / "mfdeploy.yaml").write_text(
        yaml.safe_dump(manifest, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    return Project(folder / "project", folder / "home", variables={**OFFLINE, **variables})

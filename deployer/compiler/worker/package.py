"""Builds a flow's code package, the same bytes for the same content, for where Metaflow would store it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from . import code, parameters
from .archive import Content, Shared, joined, parts_of
from .drive import with_flow
from .job import Job
from .problems import Problem
from .production import token_prefix
from .script import fetch_commands, task_script
from .source import Source
from .storing import to_store

RUNTIME = Path(__file__).resolve().parents[2] / "runtime" / "mfdeploy_task"
KNOWN_AT_APPLY = "(known at apply)"
# Who built it, where and with what: nothing that a task needs.
_IDENTITY = ("username", "platform", "python_version", "python_version_code", "production_token", "runtime", "app")


def build(job: Job) -> tuple[dict[str, Any], list[Problem]]:
    """The package of a flow in the form of `deployer.models.flow.Package`.

    Where the job says that it is to be stored, `to_store` is what that takes (see `storing`), and the production token
    is known when that is done.
    """
    return with_flow(job, lambda obj, source: (_build(job, obj, source), []))  # type: ignore[no-any-return]


def _build(job: Job, obj: Any, source: Source) -> dict[str, Any]:
    upload = job.mode == "upload"
    # Evaluated first: a function that fails must not leave a package behind.
    values = _deploy_time_values(job, obj, source, upload)
    with tempfile.TemporaryDirectory(prefix="mfdeploy-") if upload else nullcontext() as folder:
        package = code.open_package(obj, folder)
        parts = parts_of(dict(_entries(package)), shared_files())
    url, sha = _address(obj, joined(parts, shared_files()))
    fetch = fetch_commands(job, obj, url, package.package_metadata)
    scripts = {name: task_script(job, obj, name, fetch) for name in obj.graph.sorted_nodes}
    environment = {
        "METAFLOW_CODE_METADATA": package.package_metadata,
        "METAFLOW_CODE_SHA": sha,
        "METAFLOW_CODE_URL": url,
        "METAFLOW_CODE_DS": job.datastore_type,
    }
    if job.datastore_type == "local":
        environment[job.datastore_setting] = str(Path(job.datastore_root).parent)
    if job.dag_id:
        environment["METAFLOW_PRODUCTION_TOKEN"] = job.production_token or KNOWN_AT_APPLY
    built = {
        "url": url,
        "sha": sha,
        "scripts": scripts,
        "environment": environment,
        "parameters": values,
    }
    return {**built, "to_store": to_store(obj.flow.name, sha, parts, token_prefix(job))} if upload else built


def _deploy_time_values(job: Job, obj: Any, source: Source, upload: bool) -> dict[str, Any]:
    given = set(job.parameters)
    if upload:
        return parameters.evaluate(obj.flow, source, given)
    described = parameters.describe_parameters(obj.flow, source)
    return {one["name"]: KNOWN_AT_APPLY for one in described if one["deploy_time"] and one["name"] not in given}


@cache
def shared_files() -> Shared:
    """Metaflow's own files, which are the same in every package of this process."""
    return Shared({path: file for file, path in code.metaflow_files()})


def _entries(package: Any) -> Iterator[tuple[str, Content]]:
    content = package._mfcontent
    seen = set()
    for data, name in content.contents():
        seen.add(name)
        yield name, _normal(name, data) if isinstance(data, bytes) else str(data)
    for part in RUNTIME.glob("*.py"):
        yield f"{content._code_dir}/{RUNTIME.name}/{part.name}", str(part)
    for file, name in package._cached_user_members:
        if name not in seen:
            yield name, file


def _normal(name: str, data: bytes) -> bytes:
    """A generated file without identity, its keys in order."""
    value = json.loads(data)
    if name.endswith("/INFO"):
        value = {key: item for key, item in value.items() if key not in _IDENTITY}
    if isinstance(value, dict) and "module_files" in value:
        value["module_files"] = sorted(value["module_files"])
    return json.dumps(value, sort_keys=True).encode()


def _address(obj: Any, blob: bytes) -> tuple[str, str]:
    """Where Metaflow's content-addressed store would put it."""
    sha = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
    store = obj.flow_datastore.ca_store
    return store._storage_impl.full_uri(store._storage_impl.path_join(store._prefix, sha[:2], sha)), sha

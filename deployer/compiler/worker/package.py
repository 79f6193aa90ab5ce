"""Builds a flow's code package: the same bytes for the same content, with the URL at which Metaflow would store it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from ... import runtime
from ..protocol import Job, Json, PackageData, Problem
from . import code, parameters
from .archive import Content, write_archive
from .chosen import choose_files
from .drive import with_flow
from .metaflow_compat import CodePackage, open_package, package_uri
from .problems import FlowError
from .production import token_prefix
from .script import fetch_commands, task_script
from .source import Source
from .store import storage_of
from .storing import Upload

KNOWN_AT_APPLY = "(known at apply)"
# Who built it, where and with what. Tasks do not need it.
_IDENTITY = ("username", "platform", "python_version", "python_version_code", "production_token", "runtime", "app")


def build(
    job: Job, access: Mapping[str, str], out: BinaryIO | None, asking: parameters.Asking
) -> tuple[PackageData, Upload | None]:
    """The package of a flow, written to `out` if there is one, and the upload if the job asks for one.

    The production token is known once the upload is stored. `access` are variables that the process gets once the flow
    is loaded: deploy-time functions, included files and installed packages may be in the datastore. `asking` is entered
    while an included file is stored. Raises FlowError.
    """

    def use(obj: Any, source: Source) -> tuple[PackageData, Upload | None]:
        os.environ.update(access)
        return _build(job, obj, source, out, asking)

    return with_flow(job, use)


def _build(
    job: Job, obj: Any, source: Source, out: BinaryIO | None, asking: parameters.Asking
) -> tuple[PackageData, Upload | None]:
    upload = job.mode == "upload"
    # Evaluated first: a function that fails must not leave a package behind.
    values = _deploy_time_values(job, obj, source, asking if upload else None)
    with tempfile.TemporaryDirectory(prefix="mfdeploy-") if upload else nullcontext() as folder:
        package = choose_files(job, open_package(obj, folder)).package
        # Where Metaflow's content-addressed store would put it.
        sha = _write(job, package, out)
    url = package_uri(storage_of(job), obj.flow.name, sha)
    fetch = fetch_commands(job, obj, url, package.metadata)
    scripts = {name: task_script(job, obj, name, fetch) for name in obj.graph.sorted_nodes}
    environment = {
        "METAFLOW_CODE_METADATA": package.metadata,
        "METAFLOW_CODE_SHA": sha,
        "METAFLOW_CODE_URL": url,
        "METAFLOW_CODE_DS": job.datastore_type,
    }
    if job.datastore_type == "local":
        environment[job.datastore_setting] = str(Path(job.datastore_root).parent)
    if job.dag_id:
        environment["METAFLOW_PRODUCTION_TOKEN"] = job.production_token or KNOWN_AT_APPLY
    built: PackageData = {
        "url": url,
        "sha": sha,
        "scripts": scripts,
        "environment": environment,
        "parameters": values,
    }
    return built, Upload(obj.flow.name, sha, token_prefix(job)) if upload else None


class _Hashed:
    """What an archive is written to: a file, if there is one, and its digest."""

    def __init__(self, out: BinaryIO | None) -> None:
        self._out = out
        self.sha1 = hashlib.sha1(usedforsecurity=False)

    def write(self, data: bytes) -> None:
        self.sha1.update(data)
        if self._out is not None:
            self._out.write(data)


def _write(job: Job, package: CodePackage, out: BinaryIO | None) -> str:
    """Writes the archive of a package. Returns its SHA-1."""
    hashed = _Hashed(out)
    try:
        write_archive(_entries(job, package), code.shared_files(), hashed)
        if out is not None:
            out.flush()
    except OSError as error:
        if error.filename:
            raise code.unreadable(str(error.filename), error) from None
        message = f"the code package cannot be written to a temporary file: {error.strerror or error}"
        raise FlowError(Problem("package-failed", message, setting="file")) from None
    return hashed.sha1.hexdigest()


def _deploy_time_values(job: Job, obj: Any, source: Source, asking: parameters.Asking | None) -> dict[str, Json]:
    """Those that an apply evaluates; without `asking`, that they are not known yet."""
    given = set(job.parameters)
    if asking is not None:
        return parameters.evaluate(obj.flow, source, given, asking)
    described = parameters.describe_parameters(obj.flow, source)
    return {one["name"]: KNOWN_AT_APPLY for one in described if one["deploy_time"] and one["name"] not in given}


def _entries(job: Job, package: CodePackage) -> dict[str, Content]:
    """What goes into the archive, by name. Of equal names, Metaflow's files win over ours, and ours over the user's."""
    own: dict[str, Content] = {
        f"{package.code_folder}{runtime.NAME}/{file.name}": str(file) for file in runtime.runtime_files()
    }
    if any(job.package.get(key) for key in ("only", "exclude")):
        # So that a task that misses a module can name the setting.
        own[f"{package.code_folder}{runtime.NAME}/{runtime.CHOICE}"] = json.dumps(job.package, sort_keys=True).encode()
    files = code.user_files(package)
    generated = {name: _normalize(name, data) for name, data in package.generate(files).items()}
    return {**files, **own, **code.shared_files().files, **generated}


def _normalize(name: str, data: bytes) -> bytes:
    """A generated file without what identifies the builder, its keys sorted, except for those in a Config's value."""
    value = json.loads(data)
    if isinstance(value, dict) and set(value) == {"user_configs"}:
        return json.dumps({"user_configs": dict(sorted(value["user_configs"].items()))}).encode()
    if PurePosixPath(name).name == "INFO":
        value = {key: item for key, item in value.items() if key not in _IDENTITY}
    if isinstance(value, dict) and "module_files" in value:
        value["module_files"] = sorted(value["module_files"])
    return json.dumps(value, sort_keys=True).encode()

"""Starts the helper processes and talks to them: jobs as JSON in, one JSON line for each out."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

from deployer.compiler.client.helpers import RunningHelpers, running_helpers
from deployer.models.credentials import OF_THE_SERVICE
from deployer.models.deployment import Deployment
from deployer.models.progress import Progress

Mode = Literal["describe", "package", "upload"]
Answer = Mapping[str, Any]

WORKER = Path(__file__).resolve().parents[1] / "worker"
# Read by Metaflow for its own settings of the user and never there: the manifests alone say them.
NO_HOME = "/nonexistent/mfdeploy"
_DATASTORE_SETTINGS = {
    "local": "METAFLOW_DATASTORE_SYSROOT_LOCAL",
    "s3": "METAFLOW_DATASTORE_SYSROOT_S3",
    "gs": "METAFLOW_DATASTORE_SYSROOT_GS",
    "azure": "METAFLOW_DATASTORE_SYSROOT_AZURE",
}


@dataclass(frozen=True)
class _Helper:
    """What one helper process is started with: the interpreter and the METAFLOW_* variables."""

    python: str
    variables: tuple[tuple[str, str], ...]


def run(
    deployments: Sequence[Deployment],
    *,
    mode: Mode,
    user: str,
    progress: Progress,
    dag_ids: Mapping[str, str] | None = None,
    tokens: Mapping[str, str] | None = None,
    known: Callable[[], Mapping[str, Mapping[str, Any]]] = dict,
    meanwhile: Callable[[], object] = dict,
    note_inputs: bool = False,
) -> dict[str, Answer]:
    """The answer (``{"result", "problems", "unchanged"}``) for each deployment, by address; no flow makes it raise.

    `dag_ids` are the DAG ids and `tokens` the production tokens of deployed DAGs, by address; only the building of
    packages needs them. `known` gives the notes of earlier answers by address, which `note_inputs` asks for; it is
    called while the helpers start, which takes them half a second. `meanwhile` is called while they work.
    """
    groups: dict[_Helper, list[Deployment]] = {}
    for deployment in deployments:
        groups.setdefault(_helper(deployment, mode, user), []).append(deployment)
    found: dict[str, Answer] = {}
    doing = "compiling flows" if mode == "describe" else "building code packages"
    cores = os.cpu_count() or 1
    at_once = max(1, min(cores, len(groups)))
    notes: Future[Mapping[str, Mapping[str, Any]]] = Future()

    def request(helper: _Helper) -> bytes:
        jobs = [
            _job(deployment, mode, (dag_ids or {}).get(deployment.address, ""))
            | {
                "production_token": (tokens or {}).get(deployment.address, ""),
                "note_inputs": note_inputs,
                "known": notes.result().get(deployment.address),
            }
            for deployment in groups[helper]
        ]
        return json.dumps({"processes": max(1, cores // at_once), "jobs": jobs}).encode()

    def ask(helper: _Helper) -> None:
        for answer in _ask(helper, groups[helper], partial(request, helper), running):
            found[answer["id"]] = answer
            progress(doing, len(found), len(deployments))

    with ThreadPoolExecutor(at_once) as pool, running_helpers() as running:
        try:
            asking = [pool.submit(ask, helper) for helper in groups]
            notes.set_result(known())
            progress(doing, len(found), len(deployments))
            meanwhile()
            for each in asking:
                each.result()
        finally:
            notes.cancel()  # so that nobody waits for them after an interrupt
    return found


def _helper(deployment: Deployment, mode: Mode, user: str) -> _Helper:
    environment = deployment.environment
    variables = {name: str(value) for name, value in environment.metaflow.items()}
    # Metaflow takes root for nobody and stops, which is who applies in many a container.
    variables["METAFLOW_USER"] = user if mode == "upload" and user != "root" else "mfdeploy"
    variables["METAFLOW_HOME"] = NO_HOME
    # Set, so that no `.metaflow` is made in the working directory.
    variables[_DATASTORE_SETTINGS["local"]] = NO_HOME
    has_packages = deployment.package_environment != "local"
    if mode == "upload" or (mode == "package" and has_packages):
        # Deploy-time functions and included files may use the datastore; packages that are installed come from there.
        setting, root = _DATASTORE_SETTINGS[environment.datastore_type], _datastore(deployment)
        variables[setting] = str(Path(root).parent) if environment.datastore_type == "local" else root
        variables["METAFLOW_DEFAULT_DATASTORE"] = environment.datastore_type
        # Not in the working directory: what is killed may leave something there.
        variables.setdefault("METAFLOW_ARTIFACT_LOCALROOT", tempfile.gettempdir())
        # Somebody waits: Metaflow's own seven, each twice as long as the last, are four minutes.
        variables.setdefault("METAFLOW_S3_RETRY_COUNT", "3")
    if mode == "upload":
        # Deploy-time functions may ask Metaflow's service. Nothing of these gets further than the helper.
        variables |= {name: os.environ[name] for name in OF_THE_SERVICE if name in os.environ}
    if mode == "upload" and has_packages:
        # Where Metaflow keeps the solver that it fetches when there is none on the path.
        variables["METAFLOW_TOKEN_HOME"] = str(Path.home() / ".metaflowconfig")
    python = deployment.python.resolved if deployment.python else sys.executable
    return _Helper(python, tuple(sorted(variables.items())))


def _datastore(deployment: Deployment) -> str:
    """The root as Metaflow's ``--datastore-root`` takes it."""
    environment = deployment.environment
    if environment.datastore_type == "local":
        return str(Path(environment.datastore.resolved) / ".metaflow")
    return environment.datastore.resolved.removeprefix("azure://").rstrip("/")


def _job(deployment: Deployment, mode: Mode, dag_id: str) -> dict[str, Any]:
    environment = deployment.environment
    return {
        "id": deployment.address,
        "mode": mode,
        "dag_id": dag_id,
        "file": deployment.file.resolved,
        "base": str(deployment.base.resolve()),
        "class_name": deployment.class_name,
        "compute": environment.compute,
        "datastore_type": environment.datastore_type,
        "datastore_root": _datastore(deployment),
        "datastore_setting": _DATASTORE_SETTINGS[environment.datastore_type],
        "production": environment.production,
        "branch": deployment.branch,
        "owner": deployment.owner,
        "decorators": list(deployment.decorators),
        "retries": [deployment.retries.times, deployment.retries.minutes_between] if deployment.retries else None,
        "package_environment": deployment.package_environment,
        "package_suffixes": list(deployment.package_suffixes),
        "parameters": dict(deployment.parameters),
        "config_values": dict(deployment.config_values),
        "config_files": {name: place.resolved for name, place in deployment.config_files.items()},
        "kubernetes": deployment.kubernetes.written(),
        "steps": {name: settings.written() for name, settings in deployment.steps.items()},
        "settings": {name: str(value) for name, value in environment.metaflow.items()},
    }


def _ask(
    helper: _Helper, deployments: Sequence[Deployment], request: Callable[[], bytes], running: RunningHelpers
) -> Iterator[Answer]:
    """Runs one helper; its answers as they come. What it does not answer gets a problem that says why it ended.

    `request` is called once the helper has started.
    """
    answered: set[str] = set()
    with tempfile.TemporaryFile() as errors:
        why = ""
        try:
            for line in _talk(helper, len(deployments), request, errors, running):
                answer = json.loads(line)
                answered.add(answer["id"])
                yield answer
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, TypeError, KeyError):
            why = "it is no Python that answers as asked"
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip().splitlines()
    why = _without_credentials(helper, said[-1]) if said else why or "it ended without an answer"
    for deployment in deployments:
        if deployment.address not in answered:
            yield _unanswered(helper, deployment, why)


def _without_credentials(helper: _Helper, said: str) -> str:
    """Metaflow shows a setting that it cannot read."""
    for name, value in helper.variables:
        if name in OF_THE_SERVICE and value:
            said = said.replace(value, "***")
    return said


def _talk(
    helper: _Helper, count: int, request: Callable[[], bytes], errors: IO[bytes], running: RunningHelpers
) -> Iterator[bytes]:
    command = [helper.python, str(WORKER), str(count)]
    with running.start(command, _environment(helper), errors) as process:
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipe to the helper")
        # It reads all of the request before it writes, unless it cannot start: then the pipe is closed.
        with contextlib.suppress(BrokenPipeError), process.stdin as requests:
            requests.write(request())
        yield from process.stdout


def _environment(helper: _Helper) -> dict[str, str]:
    """The caller's environment without its Metaflow settings: those come from the manifests alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    fixed = {
        # Some Metaflow lists are made from sets.
        "PYTHONHASHSEED": "0",
        # A child forked on macOS dies otherwise as soon as it uses a system library.
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
    }
    return {**kept, **dict(helper.variables), **fixed}


def _unanswered(helper: _Helper, deployment: Deployment, why: str) -> Answer:
    problem = {
        "code": "bad-interpreter",
        "message": f"cannot compile flows with {helper.python}: {why}",
        "file": "",
        "line": 0,
        "hint": "the interpreter needs metaflow and boto3 (pip install metaflow 'boto3>=1.40')",
        "setting": "python",
        "severity": "error",
    }
    return {"id": deployment.address, "result": None, "problems": [problem], "unchanged": False}

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
from typing import IO, Any

from deployer.compiler.client.helpers import RunningHelpers, running_helpers
from deployer.compiler.protocol import Answer, Greeting, Job, Mode, Problem, Request, answer_without_result, write_job
from deployer.compiler.versions import is_too_old
from deployer.models.credentials import OF_THE_SERVICE
from deployer.models.deployment import Deployment
from deployer.models.progress import Progress

WORKER = Path(__file__).resolve().parents[1] / "worker"
# Read by Metaflow for its own settings of the user and never there: the manifests alone say them.
NO_HOME = "/nonexistent/mfdeploy"
_DATASTORE_SETTINGS = {
    "local": "METAFLOW_DATASTORE_SYSROOT_LOCAL",
    "s3": "METAFLOW_DATASTORE_SYSROOT_S3",
    "gs": "METAFLOW_DATASTORE_SYSROOT_GS",
    "azure": "METAFLOW_DATASTORE_SYSROOT_AZURE",
}
# Access to the cluster, for Airflow and not for the pod.
_ACCESS = ("context", "kubeconfig", "connection", "in_cluster")


@dataclass(frozen=True)
class _Helper:
    """What one helper process is started with: the interpreter and the METAFLOW_* variables."""

    python: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answers:
    """An answer for each deployment by address, and the version of Metaflow of each interpreter that has one."""

    by_address: Mapping[str, Answer]
    versions: Mapping[str, str]


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
) -> Answers:
    """The answer for each deployment; no flow makes it raise.

    `dag_ids` are the DAG ids and `tokens` the production tokens of deployed DAGs, by address; only the building of
    packages needs them. `known` gives the notes of earlier answers by address, which `note_inputs` asks for; it is
    called while the helpers start, which takes them half a second. `meanwhile` is called while they work.
    """
    groups: dict[_Helper, list[Deployment]] = {}
    for deployment in deployments:
        groups.setdefault(_helper(deployment, mode, user), []).append(deployment)
    found: dict[str, Answer] = {}
    versions: dict[str, str] = {}
    doing = "compiling flows" if mode == "describe" else "building code packages"
    cores = os.cpu_count() or 1
    at_once = max(1, min(cores, len(groups)))
    notes: Future[Mapping[str, Mapping[str, Any]]] = Future()

    def request(helper: _Helper) -> bytes:
        jobs = [
            _job(
                deployment,
                mode,
                dag_id=(dag_ids or {}).get(deployment.address, ""),
                production_token=(tokens or {}).get(deployment.address, ""),
                known=notes.result().get(deployment.address),
                note_inputs=note_inputs,
            )
            for deployment in groups[helper]
        ]
        asked: Request = {"processes": max(1, cores // at_once), "jobs": [write_job(job) for job in jobs]}
        return json.dumps(asked).encode()

    def ask(helper: _Helper) -> None:
        for answer in _ask(helper, groups[helper], partial(request, helper), running, versions):
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
    return Answers(found, versions)


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
    return _Helper(interpreter_of(deployment), tuple(sorted(variables.items())))


def _datastore(deployment: Deployment) -> str:
    """The root as Metaflow's ``--datastore-root`` takes it."""
    environment = deployment.environment
    if environment.datastore_type == "local":
        return str(Path(environment.datastore.resolved) / ".metaflow")
    return environment.datastore.resolved.removeprefix("azure://").rstrip("/")


def interpreter_of(deployment: Deployment) -> str:
    """The interpreter that has the Metaflow of a deployment."""
    return deployment.python.resolved if deployment.python else sys.executable


def _job(
    deployment: Deployment,
    mode: Mode,
    *,
    dag_id: str,
    production_token: str,
    known: Mapping[str, Any] | None,
    note_inputs: bool,
) -> Job:
    environment = deployment.environment
    return Job(
        id=deployment.address,
        mode=mode,
        dag_id=dag_id,
        production_token=production_token,
        file=deployment.file.resolved,
        base=str(deployment.base.resolve()),
        class_name=deployment.class_name,
        compute=environment.compute,
        datastore_type=environment.datastore_type,
        datastore_root=_datastore(deployment),
        datastore_setting=_DATASTORE_SETTINGS[environment.datastore_type],
        production=environment.production,
        branch=deployment.branch,
        owner=deployment.owner,
        decorators=tuple(deployment.decorators),
        retries=deployment.retries,
        package_environment=deployment.package_environment,
        package_suffixes=tuple(deployment.package_suffixes),
        parameters=dict(deployment.parameters),
        config_values=dict(deployment.config_values),
        config_files={name: place.resolved for name, place in deployment.config_files.items()},
        kubernetes={key: value for key, value in deployment.kubernetes.items() if key not in _ACCESS},
        steps={name: dict(settings) for name, settings in deployment.steps.items()},
        settings={name: str(value) for name, value in environment.metaflow.items()},
        note_inputs=note_inputs,
        known=known,
    )


def _ask(
    helper: _Helper,
    deployments: Sequence[Deployment],
    request: Callable[[], bytes],
    running: RunningHelpers,
    versions: dict[str, str],
) -> Iterator[Answer]:
    """Runs one helper; its answers as they come. What it does not answer gets a problem that says why it ended.

    `request` is called once the helper has started. Its version of Metaflow is added to `versions`: one that is too old
    is no problem of each flow.
    """
    answered: set[str] = set()
    with tempfile.TemporaryFile() as errors:
        why = ""
        try:
            lines = _talk(helper, request, errors, running)
            for line in lines:
                greeting: Greeting = json.loads(line)
                versions[helper.python] = greeting["metaflow"]
                break
            for line in lines:
                answer: Answer = json.loads(line)
                answered.add(answer["id"])
                yield answer
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, TypeError, KeyError):
            why = "it does not answer as a Python interpreter does"
        errors.seek(0)
        output = errors.read().decode(errors="replace").strip().splitlines()
    too_old = is_too_old(versions.get(helper.python, ""))
    why = _without_credentials(helper, output[-1]) if output else why or "it ended without an answer"
    for deployment in deployments:
        if deployment.address not in answered:
            yield answer_without_result(deployment.address, *(() if too_old else (_unanswered(helper, why),)))


def _without_credentials(helper: _Helper, text: str) -> str:
    """Metaflow shows a setting that it cannot read."""
    for name, value in helper.variables:
        if name in OF_THE_SERVICE and value:
            text = text.replace(value, "***")
    return text


def _talk(helper: _Helper, request: Callable[[], bytes], errors: IO[bytes], running: RunningHelpers) -> Iterator[bytes]:
    command = [helper.python, str(WORKER)]
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


def _unanswered(helper: _Helper, why: str) -> Problem:
    return Problem(
        "bad-interpreter",
        f"cannot compile flows with {helper.python}: {why}",
        hint="the interpreter needs metaflow and boto3 (pip install metaflow 'boto3>=1.40')",
        setting="python",
    )

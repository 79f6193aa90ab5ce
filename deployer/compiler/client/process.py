"""Starts the helper processes and talks to them: jobs as JSON in, one JSON line for each out."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.compiler.client.unanswered import unanswered
from deployer.compiler.environment import access_to_datastores, environment_to_load, hint_of
from deployer.compiler.helpers import Helper, RunningHelpers, helper_command, running_helpers
from deployer.compiler.protocol import (
    Answer,
    Greeting,
    Job,
    Mode,
    Request,
    Waiting,
    answer_without_result,
    write_job,
)
from deployer.compiler.versions import is_too_old
from deployer.models.client_variables import DATASTORE_SETTINGS, datastore_root
from deployer.models.credentials import OF_THE_SERVICE
from deployer.models.deployment import Deployment
from deployer.models.metaflow_settings import is_configuration
from deployer.models.progress import Progress, silent
from deployer.models.shortage import shortage
from deployer.models.temporary import temporary_folder
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy

if TYPE_CHECKING:
    from deployer.compiler.early import EarlyHelper

# Where Metaflow looks for the user's settings. It does not exist: settings come from the manifests only.
NO_HOME = "/nonexistent/mfdeploy"


@dataclass(frozen=True)
class _Helper:
    """What one helper process is started with: the interpreter, METAFLOW_* variables, and names that are passed on."""

    python: str
    variables: tuple[tuple[str, str], ...]
    passed: tuple[str, ...] = ()


_Groups = Mapping[_Helper, Sequence[Deployment]]


@dataclass(frozen=True)
class Answers:
    """An answer for each deployment by address, and the version of Metaflow of each interpreter that has one."""

    by_address: Mapping[str, Answer]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Questions:
    """What helpers are asked about their deployments, by address.

    `dag_ids` and `tokens` (production tokens of deployed DAGs) are needed to build packages only. `known` are notes of
    earlier answers, which `note_inputs` asks for. `only` are the addresses that are asked about; None: all of them.
    """

    dag_ids: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    note_inputs: bool = False
    only: frozenset[str] | None = None

    def asked(self, deployments: Sequence[Deployment]) -> Sequence[Deployment]:
        """Those of the deployments that are asked about."""
        return [each for each in deployments if self.only is None or each.address in self.only]


class Helpers:
    """Helper processes for some deployments. They start before their questions are known."""

    def __init__(
        self,
        deployments: Sequence[Deployment],
        mode: Mode,
        waits: WaitPolicy,
        group: Callable[[Sequence[Deployment]], _Groups],
    ) -> None:
        self.waits = waits
        self.deployments = tuple(deployments)
        self.groups = group(deployments)
        self._group = group
        self.mode = mode
        self.found: dict[str, Answer] = {}
        self.versions: dict[str, str] = {}
        self.questions: Future[Questions] = Future()
        self.asking: Sequence[Future[None]] = ()
        self.progress: Progress = silent

    def ask(self, questions: Questions, progress: Progress) -> None:
        """Send the questions; may be called once. The helpers work while this process goes on."""
        self.progress = progress
        self.questions.set_result(questions)
        self._report()

    def take_over(self, deployments: Sequence[Deployment]) -> bool:
        """Serve these deployments in the place of those that they were started for, as they are after an edit.

        False if the helpers were asked by now, or if one with another interpreter or other settings is needed.
        """
        groups = self._group(deployments)
        if self.questions.done() or not groups.keys() <= self.groups.keys():
            return False
        self.deployments = tuple(deployments)
        self.groups = {helper: groups.get(helper, ()) for helper in self.groups}
        return True

    def answers(self) -> Answers:
        """Waits for all answers. No flow makes it raise."""
        for each in self.asking:
            each.result()
        return Answers(self.found, self.versions)

    def take(self, answer: Answer) -> None:
        """Keep an answer; called by the thread that talks to a helper."""
        self.found[answer["id"]] = answer
        self._report()

    def _report(self) -> None:
        doing = "compiling flows" if self.mode == "describe" else "building code packages"
        self.progress(doing, len(self.found), len(self.deployments))


@contextlib.contextmanager
def started(
    deployments: Sequence[Deployment],
    mode: Mode,
    environ: Mapping[str, str],
    user: str = "mfdeploy",
    waits: WaitPolicy = DEFAULT_WAITS,
    early: EarlyHelper | None = None,
) -> Iterator[Helpers]:
    """Helper processes that start now: one for each interpreter and set of Metaflow settings.

    `environ` are the variables of this process, `user` is who applies, `waits` for how long datastores
    are waited for, and `early` is used for one of them if it suits. However the block ends, no helper is left.
    """
    with _temporary_folder(mode) as temporary:

        def group(deployments: Sequence[Deployment]) -> _Groups:
            groups: dict[_Helper, list[Deployment]] = {}
            for deployment in deployments:
                groups.setdefault(_helper(deployment, mode, user, environ, temporary), []).append(deployment)
            return groups

        with _running(Helpers(deployments, mode, waits, group), environ, early) as helpers:
            yield helpers


def _temporary_folder(mode: Mode) -> AbstractContextManager[str]:
    """A folder that is removed when all helpers have ended. Descriptions need none."""
    return nullcontext("") if mode == "describe" else temporary_folder()


@contextlib.contextmanager
def _running(helpers: Helpers, environ: Mapping[str, str], early: EarlyHelper | None) -> Iterator[Helpers]:
    cores = os.cpu_count() or 1
    at_once = max(1, min(cores, len(helpers.groups)))

    def talk(helper: _Helper) -> None:
        request = partial(_request, helpers, helper, max(1, cores // at_once), environ)
        variables = environment_to_load(environ, dict(helper.variables), helper.passed)
        withheld = [name for name in environ if name not in variables and not name.startswith("METAFLOW_")]
        for answer in _ask(helper, request, running, variables, helpers):
            helpers.take(_with_hints(answer, withheld))

    with ThreadPoolExecutor(at_once) as pool, running_helpers(early.take if early else None) as running:
        helpers.asking = [pool.submit(talk, helper) for helper in helpers.groups]
        try:
            yield helpers
        finally:
            helpers.questions.cancel()  # so that nobody waits for questions that never come


def _request(helpers: Helpers, helper: _Helper, processes: int, environ: Mapping[str, str]) -> bytes:
    """The request to one helper; waits until the questions are known."""
    questions = helpers.questions.result()
    deployments = questions.asked(helpers.groups[helper])
    jobs = [_job(deployment, helpers.mode, questions) for deployment in deployments]
    asked: Request = {
        "processes": processes,
        "limit": helpers.waits.seconds,
        "notice": helpers.waits.notice_after,
        "access": _access(deployments, helpers.mode, environ),
        "jobs": [write_job(job) for job in jobs],
    }
    return json.dumps(asked).encode()


def _with_hints(answer: Answer, withheld: Sequence[str]) -> Answer:
    """The answer with what to do about variables that the flow misses, since they were not given to it."""
    problems = [
        problem if problem["hint"] else {**problem, "hint": hint_of(problem["message"], withheld)}
        for problem in answer["problems"]
    ]
    return {**answer, "problems": problems}


def _access(deployments: Sequence[Deployment], mode: Mode, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the helper gets once a flow is loaded, where something of it is stored or fetched."""
    storing = [each for each in deployments if mode == "upload" or (mode == "package" and _has_packages(each))]
    kinds = sorted({each.environment.datastore_type for each in storing})
    packages = any(map(_has_packages, storing))
    return access_to_datastores(environ, kinds, packages=packages) if storing else {}


def _has_packages(deployment: Deployment) -> bool:
    """Whether Metaflow installs packages for the flow, which it keeps in the datastore."""
    return deployment.package_environment != "local"


def _helper(deployment: Deployment, mode: Mode, user: str, environ: Mapping[str, str], temporary: str) -> _Helper:
    """`temporary` is a folder for temporary files of Metaflow."""
    environment = deployment.environment
    variables = {name: str(value) for name, value in environment.metaflow.items()}
    # Metaflow takes root for nobody and stops, which is who applies in many a container.
    variables["METAFLOW_USER"] = user if mode == "upload" and user != "root" else "mfdeploy"
    variables["METAFLOW_HOME"] = NO_HOME
    # Set, so that no `.metaflow` is made in the working directory.
    variables[DATASTORE_SETTINGS["local"]] = NO_HOME
    has_packages = _has_packages(deployment)
    if mode == "upload" or (mode == "package" and has_packages):
        # Deploy-time functions and included files may use the datastore; packages that are installed come from there.
        setting, root = DATASTORE_SETTINGS[environment.datastore_type], datastore_root(environment)
        variables[setting] = str(Path(root).parent) if environment.datastore_type == "local" else root
        variables["METAFLOW_DEFAULT_DATASTORE"] = environment.datastore_type
        # Not in the working directory, and removed with all that a process leaves there which is killed.
        variables.setdefault("METAFLOW_ARTIFACT_LOCALROOT", temporary)
        # Somebody waits: Metaflow's own twenty waits, each twice as long as the last, and botocore's ten for each of
        # them, are hours.
        for name in ("METAFLOW_S3_RETRY_COUNT", "METAFLOW_S3_TRANSIENT_RETRY_COUNT"):
            variables.setdefault(name, "2")
        variables.setdefault("METAFLOW_S3_CLIENT_RETRY_CONFIG", '{"total_max_attempts": 1, "mode": "standard"}')
    if mode == "upload":
        # Deploy-time functions may ask Metaflow's service. Nothing of these gets further than the helper.
        variables |= {name: environ[name] for name in OF_THE_SERVICE if name in environ}
    if mode == "upload" and has_packages:
        # Where Metaflow keeps the solver that it fetches when there is none on the path.
        variables["METAFLOW_TOKEN_HOME"] = str(Path.home() / ".metaflowconfig")
    passed = tuple(sorted(set(deployment.compile_environment)))
    return _Helper(interpreter_of(deployment), tuple(sorted(variables.items())), passed)


def interpreter_of(deployment: Deployment) -> str:
    """The interpreter that has the Metaflow of a deployment."""
    return deployment.python.resolved if deployment.python else sys.executable


def _job(deployment: Deployment, mode: Mode, questions: Questions) -> Job:
    environment = deployment.environment
    return Job(
        id=deployment.address,
        mode=mode,
        dag_id=questions.dag_ids.get(deployment.address, ""),
        production_token=questions.tokens.get(deployment.address, ""),
        file=deployment.file.resolved,
        base=str(deployment.base.resolve()),
        project=str((deployment.project_folder or deployment.base).resolve()),
        current=str(Path.cwd()),
        class_name=deployment.class_name,
        compute=environment.compute,
        datastore_type=environment.datastore_type,
        datastore_root=datastore_root(environment),
        datastore_setting=DATASTORE_SETTINGS[environment.datastore_type],
        production=environment.production,
        branch=deployment.metaflow_branch,
        owner=deployment.owner,
        decorators=tuple(deployment.decorators),
        retries=(deployment.retries.times, deployment.retries.minutes_between) if deployment.retries else None,
        package_environment=deployment.package_environment,
        package_suffixes=tuple(deployment.package_suffixes),
        package=deployment.package.written(),
        package_limit=deployment.package_limit,
        parameters=dict(deployment.parameters),
        config_values=dict(deployment.config_values),
        config_files={name: place.resolved for name, place in deployment.config_files.items()},
        include_files={name: place.resolved for name, place in deployment.include_files.items()},
        kubernetes=deployment.kubernetes.attributes(),
        steps={name: settings.attributes() for name, settings in deployment.steps.items()},
        settings={name: str(value) for name, value in environment.metaflow.items()},
        configuration=tuple(filter(is_configuration, environment.metaflow)),
        note_inputs=questions.note_inputs,
        known=questions.known.get(deployment.address),
    )


def _ask(
    helper: _Helper,
    request: Callable[[], bytes],
    running: RunningHelpers,
    environ: Mapping[str, str],
    helpers: Helpers,
) -> Iterator[Answer]:
    """Runs one helper and yields its answers as they come. Jobs without an answer get a problem that says why it ended.

    `request` is called once the helper has started. Its version of Metaflow is added to those of `helpers`. A version
    that is too old is not reported here: it is one problem of the interpreter, not one of each flow.
    """
    answered: set[str] = set()
    started: Helper | None = None
    why = ""
    try:
        with running.start(helper_command(helper.python), environ) as started:
            lines = _talk(started, request)
            for line in lines:
                greeting: Greeting = json.loads(line)
                helpers.versions[helper.python] = greeting["metaflow"]
                break
            for line in lines:
                message = json.loads(line)
                if "waiting" in message:
                    waiting: Waiting = message
                    helpers.waits.notify(waiting["waiting"])
                    continue
                answer: Answer = message
                answered.add(answer["id"])
                yield answer
    except OSError as error:
        if started is None and shortage(error) is not None:
            raise  # what the machine lacks is no problem of an interpreter
        why = error.strerror or str(error)
    except (ValueError, TypeError, KeyError):
        why = "it does not answer like a Python interpreter"
    output = started.output.splitlines() if started else []
    too_old = is_too_old(helpers.versions.get(helper.python, ""))
    why = _without_credentials(helper, output[-1]) if output else why or "it exited without an answer"
    for deployment in helpers.questions.result().asked(helpers.groups[helper]):
        if deployment.address not in answered:
            yield answer_without_result(
                deployment.address, *(() if too_old else (unanswered(helper.python, why, dict(helper.variables)),))
            )


def _without_credentials(helper: _Helper, text: str) -> str:
    """Metaflow shows a setting that it cannot read."""
    for name, value in helper.variables:
        if name in OF_THE_SERVICE and value:
            text = text.replace(value, "***")
    return text


def _talk(helper: Helper, request: Callable[[], bytes]) -> Iterator[bytes]:
    process = helper.process
    assert process.stdin is not None and process.stdout is not None
    # It reads all of the request before it writes, unless it cannot start: then the pipe is closed.
    with contextlib.suppress(BrokenPipeError), process.stdin as requests:
        requests.write(request())
    yield from process.stdout

"""Reads a request, imports Metaflow once, and forks one child for each flow."""

from __future__ import annotations

import ast
import gc
import importlib.util
import inspect
import json
import os
import selectors
import signal
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .job import Job, read_job
from .problems import FlowError, Problem, describe_error

if TYPE_CHECKING:
    from .storing import Storer

# From how many jobs on it pays to import once what some flows import, and the others do without.
_MANY = 8


def serve(count: int) -> None:
    """Answers one request, ``{"processes": N, "jobs": [...]}``, with one JSON line for each job as it is done.

    `count` is how many jobs there will be, which is known before the request is. A line is ``{"id", "result",
    "problems", "unchanged"}``; `result` is null where the flow could not be compiled, or where nothing that its notes
    name has changed.
    """
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    # What flows and Metaflow print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    # Before the request, which whoever asks makes meanwhile.
    _preload()
    if count >= _MANY:
        import boto3.s3.transfer  # noqa: F401
    _keep_memory()
    request = json.load(requests)
    requests.close()
    # From here on no bytecode: importing a flow must leave nothing in its folder.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    jobs = [read_job(data) for data in request["jobs"]]
    storer = _prepare(jobs)
    for answer in _answers(jobs, request["processes"], storer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    if storer is not None:
        storer.close()


def _preload() -> None:
    """Imports what every flow needs, and does what would come out the same in each child."""
    import metaflow.cli
    import metaflow.cli_args
    import metaflow.cli_components.utils
    import metaflow.lint
    import metaflow.metaflow_git
    import metaflow.package
    import metaflow.plugins.cards.card_cli
    import metaflow.plugins.kubernetes.kubernetes
    import metaflow.plugins.package_cli
    import metaflow.pylint_wrapper
    import metaflow.system
    import metaflow.user_configs.config_options

    # Six git commands for each flow, for what is provenance and no part of the code package.
    metaflow.metaflow_git._git_info_cache = {}
    from . import code, describe, inputs, package, storing  # noqa: F401

    inputs.prepare()
    code.rule_out_loaded_modules()
    _read_sources_once()
    _compile_patterns()
    _look_for_boto3_only()


def _keep_memory() -> None:
    # Memory that the collector never touches stays shared with the children; they end long before they need it.
    gc.collect()
    gc.freeze()
    gc.disable()


def _prepare(jobs: Sequence[Job]) -> Storer | None:
    """What only some jobs need, and all of them alike; and what stores their packages, if any are to be stored."""
    from .package import shared_files
    from .storing import Storer

    if any(job.mode != "describe" for job in jobs):
        shared_files().packed  # noqa: B018 (compressed before there are children)
    return Storer(jobs) if any(job.mode == "upload" for job in jobs) else None


def _read_sources_once() -> None:
    """Metaflow builds a flow's graph three times, and reads and parses the source of each step for each."""
    from metaflow import graph

    from .source import lines_of

    once = lru_cache(maxsize=None)
    graph.deindent_docstring = once(graph.deindent_docstring)
    graph.inspect = _with(inspect, getsourcelines=once(lines_of))
    # The graph's nodes look at the trees and change nothing in them.
    graph.ast = _with(ast, parse=once(ast.parse))


def _with(module: types.ModuleType, **others: Any) -> types.ModuleType:
    """A copy of a module with some of its names standing for something else, for one user of it."""
    found = types.ModuleType(module.__name__)
    vars(found).update(vars(module), **others)
    return found


def _look_for_boto3_only() -> None:
    """Metaflow imports boto3 for each datastore in S3, to see that it is there: half of what itself takes."""
    from metaflow.exception import MetaflowException
    from metaflow.plugins.datatools.s3 import s3

    there = lru_cache(maxsize=1)(lambda: importlib.util.find_spec("boto3") is not None)
    there()

    def check() -> None:
        if not there():
            raise MetaflowException("You need to install 'boto3' in order to use S3.")

    s3._check_and_init_s3_deps = check


def _compile_patterns() -> None:
    """Python keeps the patterns of regular expressions once they are compiled: these are of every flow."""
    from metaflow import graph
    from metaflow.plugins.aws.aws_utils import get_docker_registry

    graph.deindent_docstring("one\n    two")
    get_docker_registry("python:3")
    # Compiles the expressions of the tokenizer.
    inspect.getsourcelines(_preload)


@dataclass
class _Child:
    job: Job
    pid: int
    pipe: int
    output: bytearray = field(default_factory=bytearray)

    def has_answered(self) -> bool:
        """Reads what can be read; whether that is all, or nothing more will come."""
        data = os.read(self.pipe, 1 << 16)
        self.output += data
        # The line's end, not the pipe's: a process that the flow left behind may hold the pipe open.
        return not data or self.output.endswith(b"\n")


def _answers(jobs: list[Job], processes: int, storer: Storer | None) -> Iterator[dict[str, Any]]:
    from .inputs import unchanged

    todo = []
    for job in reversed(jobs):
        if unchanged(job):
            yield {"id": job.id, "result": None, "problems": [], "unchanged": True}
        else:
            todo.append(job)
    running: dict[int, _Child] = {}

    def is_full() -> bool:
        return len(running) >= max(1, processes) or (storer is not None and storer.is_full)

    with selectors.DefaultSelector() as selector:
        if storer is not None:
            selector.register(storer, selectors.EVENT_READ)
        while todo or running or (storer is not None and storer.waits):
            while todo and not is_full():
                child = _start(todo.pop())
                running[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            for key, _ in selector.select():
                if storer is not None and key.fileobj is storer:
                    yield from storer.finished()
                    continue
                if not running[key.fd].has_answered():
                    continue
                selector.unregister(key.fd)
                os.close(key.fd)
                answer = _finish(running.pop(key.fd))
                if storer is not None and answer["result"] is not None:
                    storer.store(answer)
                else:
                    yield answer


def _start(job: Job) -> _Child:
    reader, writer = os.pipe()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        return _Child(job, pid, reader)
    os.close(reader)
    try:
        os.dup2(1, 2)
        answer = json.dumps(_run(job)).encode() + b"\n"
        while answer:
            answer = answer[os.write(writer, answer) :]
    finally:
        os._exit(0)


def _finish(child: _Child) -> dict[str, Any]:
    if child.output.endswith(b"\n"):
        _end(child.pid)
        answer: dict[str, Any] = json.loads(child.output)
        return answer
    code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    hint = "look for os._exit, or for a native library that crashes, in what the file imports"
    problem = Problem("crashed", f"the process that loads the flow {how}", child.job.file, 1, hint)
    return {"id": child.job.id, "result": None, "problems": [problem.as_json()], "unchanged": False}


def _end(pid: int) -> None:
    """Waits for a child that has answered and has nothing left to do but to exit."""
    os.waitpid(pid, 0)


def _run(job: Job) -> dict[str, Any]:
    from .describe import describe
    from .package import build

    answer: dict[str, Any] = {"id": job.id, "result": None, "problems": [], "unchanged": False}
    try:
        result, warnings = describe(job) if job.mode == "describe" else build(job)
        answer.update(result=result, problems=[warning.as_json() for warning in warnings])
        json.dumps(answer)
    except FlowError as error:
        answer.update(result=None, problems=[problem.as_json() for problem in error.problems])
    except BaseException as error:
        problem = Problem("flow-refused", describe_error(error), job.file, 1)
        answer.update(result=None, problems=[problem.as_json()])
    return answer

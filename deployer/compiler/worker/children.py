"""Forks one child for each flow: milliseconds instead of a second for Metaflow, and no flow can disturb another."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypedDict

from ..protocol import Answer, Job, Problem, Waiting, answer_without_result
from . import inputs, metaflow_compat, reached
from .code import shared_files
from .describe import describe
from .forking import fork
from .package import build
from .problems import FlowError, describe_error
from .storing import Storer


class _ChildAnswer(TypedDict):
    """What a child gives its parent: the answer, and the JSON of an `Upload` where a package is to be stored first."""

    answer: Answer
    upload: Mapping[str, Any] | None


@dataclass
class _Child:
    """The process of one job. `package` is a file without a name that it writes its code package to."""

    job: Job
    pid: int
    pipe: int
    package: BinaryIO | None = None
    output: bytearray = field(default_factory=bytearray)

    def has_answered(self) -> bool:
        """Reads what can be read; whether that is all, or nothing more will come."""
        data = os.read(self.pipe, 1 << 16)
        self.output += data
        # The line's end, not the pipe's: a process that the flow left behind may hold the pipe open.
        return not data or self.output.endswith(b"\n")


def prepare() -> None:
    """Import what every flow needs, and compute what would be the same in each child."""
    metaflow_compat.preload()
    inputs.prepare()
    reached.prepare()


def answer(
    jobs: Sequence[Job], processes: int, limit: float, notice: float, access: Mapping[str, str]
) -> Iterator[Answer | Waiting]:
    """The answer to each job as it is done, with at most `processes` children at a time.

    `limit` and `notice`: see `Request`. `access` are variables that what stores packages has, and no flow while it is
    loaded.
    """
    if any(job.mode != "describe" for job in jobs):
        shared_files().packed  # noqa: B018 (compressed before there are children)
    storer = Storer(jobs, limit, notice, access) if any(job.mode == "upload" for job in jobs) else None
    todo = []
    for job in reversed(jobs):
        if inputs.unchanged(job):
            yield answer_without_result(job.id, unchanged=True)
        else:
            todo.append(job)
    yield from _answer_all(todo, max(1, processes), storer, access)
    if storer is not None:
        storer.close()


def _answer_all(
    todo: list[Job], processes: int, storer: Storer | None, access: Mapping[str, str]
) -> Iterator[Answer | Waiting]:
    running: dict[int, _Child] = {}

    def is_full() -> bool:
        return len(running) >= processes or (storer is not None and storer.is_full)

    with selectors.DefaultSelector() as selector:
        if storer is not None:
            selector.register(storer, selectors.EVENT_READ)
        while todo or running or (storer is not None and storer.waits):
            while todo and not is_full():
                child = _start(todo.pop(), access)
                running[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            for key, _ in selector.select(storer.time_left if storer is not None else None):
                if storer is not None and key.fileobj is storer:
                    yield from storer.finished()
                    continue
                if not running[key.fd].has_answered():
                    continue
                selector.unregister(key.fd)
                os.close(key.fd)
                child = running.pop(key.fd)
                found = _finish(child)
                with child.package or nullcontext():
                    if storer is not None and child.package is not None and found["upload"] is not None:
                        storer.store(found["answer"], found["upload"], child.package)
                    else:
                        yield found["answer"]
            if storer is not None:
                yield from storer.waiting()


def _start(job: Job, access: Mapping[str, str]) -> _Child:
    # Without a name it leaves nothing behind, whoever is killed.
    package = tempfile.TemporaryFile() if job.mode == "upload" else None  # noqa: SIM115 - closed once it is stored
    reader, writer = os.pipe()
    sys.stderr.flush()
    pid = fork()
    if pid:
        os.close(writer)
        return _Child(job, pid, reader, package)
    os.close(reader)
    try:
        os.dup2(1, 2)
        line = _run(job, access, package).encode() + b"\n"
        while line:
            line = line[os.write(writer, line) :]
    finally:
        os._exit(0)


def _finish(child: _Child) -> _ChildAnswer:
    status = os.waitpid(child.pid, 0)[1]
    if child.output.endswith(b"\n"):
        found: _ChildAnswer = json.loads(child.output)
        return found
    code = os.waitstatus_to_exitcode(status)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    hint = "check what the file imports for os._exit or a native library that crashes"
    problem = Problem("crashed", f"the process that loads the flow {how}", child.job.file, 1, hint)
    return _without_result(child.job, problem)


def _run(job: Job, access: Mapping[str, str], package: BinaryIO | None) -> str:
    """The JSON of a `_ChildAnswer`, whatever the flow does."""
    try:
        return json.dumps(_describe(job) if job.mode == "describe" else _build(job, access, package))
    except FlowError as error:
        problems = error.problems
    except BaseException as error:
        problems = (Problem("flow-refused", describe_error(error), job.file, 1),)
    return json.dumps(_without_result(job, *problems))


def _describe(job: Job) -> _ChildAnswer:
    described = describe(job)
    answered = answer_without_result(job.id, *described.warnings)
    return {"answer": {**answered, "flow": described.flow, "inputs": described.inputs}, "upload": None}


def _build(job: Job, access: Mapping[str, str], out: BinaryIO | None) -> _ChildAnswer:
    package, upload = build(job, access, out)
    return {
        "answer": {**answer_without_result(job.id), "package": package},
        "upload": upload.as_json() if upload is not None else None,
    }


def _without_result(job: Job, *problems: Problem) -> _ChildAnswer:
    return {"answer": answer_without_result(job.id, *problems), "upload": None}

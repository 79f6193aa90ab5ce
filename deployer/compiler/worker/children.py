"""Forks one child for each flow: milliseconds instead of a second for Metaflow, and no flow can disturb another."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO, TypedDict

from ..protocol import Answer, Job, Problem, Waiting, answer_without_result
from . import inputs, metaflow_compat, reached
from .code import shared_files
from .describe import describe
from .forking import fork
from .package import build
from .parameters import Asking
from .problems import FlowError, describe_error
from .silence import Silence
from .storing import INCLUDED, Storer


class _ChildAnswer(TypedDict):
    """What a child gives its parent: the answer, and the JSON of an `Upload` where a package is to be stored first."""

    answer: Answer
    upload: Mapping[str, Any] | None


# What begins a line of a child before its answer: the bytes that it asks the datastore to store, or that it has stored.
_ASKS, _STORED = b"asks ", b"stored"


@dataclass
class _Child:
    """The process of one job. `package` is a file without a name that it writes its code package to.

    `silence` is that of the datastore, while the child itself asks it for something.
    """

    job: Job
    pid: int
    pipe: int
    silence: Silence
    package: BinaryIO | None = None
    output: bytearray = field(default_factory=bytearray)
    given_up: Problem | None = None

    def has_answered(self) -> bool:
        """Reads what can be read; whether that is all, or nothing more will come."""
        data = os.read(self.pipe, 1 << 16)
        self.output += data
        while self.output.startswith((_ASKS, _STORED)) and b"\n" in self.output:
            line, _, self.output = self.output.partition(b"\n")
            if line == _STORED:
                self.silence.answered(waits=False)
            else:
                self.silence.begin(int(line.removeprefix(_ASKS)))
        # The line's end, not the pipe's: a process that the flow left behind may hold the pipe open.
        return not data or self.output.endswith(b"\n")

    @property
    def time_left(self) -> float | None:
        """Seconds after which to look at its `silence`; None while it asks for nothing."""
        return self.silence.time_left if self.given_up is None else None

    def give_up(self, problem: Problem) -> None:
        """End the process, which waits for a datastore that gives no answer."""
        if self.given_up is None:
            self.given_up = problem
            os.kill(self.pid, signal.SIGKILL)


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
                child = _start(todo.pop(), access, storer.new_silence() if storer is not None else Silence(None, 0))
                running[child.pipe] = child
                selector.register(child.pipe, selectors.EVENT_READ)
            for key, _ in selector.select(_time_left([*running.values(), *([storer] if storer is not None else [])])):
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
                yield from _waiting(running.values(), storer)


def _time_left(waiting: Iterable[_Child | Storer]) -> float | None:
    """Seconds until one of them has waited for long, or for too long; None while nobody waits."""
    return min((left for each in waiting if (left := each.time_left) is not None), default=None)


def _waiting(running: Iterable[_Child], storer: Storer) -> Iterator[Waiting]:
    """Tells which children wait for the datastore for long, and ends those that have waited for too long."""
    for child in running:
        if child.silence.is_long:
            yield storer.notice(INCLUDED)
        elif child.silence.is_too_long:
            storer.give_up(storer.no_answer(INCLUDED))
        if storer.given_up is not None and child.time_left is not None:
            # It would wait as long for the same.
            child.give_up(storer.given_up)


def _start(job: Job, access: Mapping[str, str], silence: Silence) -> _Child:
    # Without a name it leaves nothing behind, whoever is killed.
    package = tempfile.TemporaryFile() if job.mode == "upload" else None  # noqa: SIM115 - closed once it is stored
    reader, writer = os.pipe()
    sys.stderr.flush()
    pid = fork()
    if pid:
        os.close(writer)
        return _Child(job, pid, reader, silence, package)
    os.close(reader)
    try:
        os.dup2(1, 2)
        line = _run(job, access, package, partial(_asking, writer)).encode() + b"\n"
        while line:
            line = line[os.write(writer, line) :]
    finally:
        os._exit(0)


@contextmanager
def _asking(pipe: int, size: int) -> Iterator[None]:
    """Tells the parent that the block asks the datastore to store so many bytes."""
    os.write(pipe, _ASKS + b"%d\n" % size)
    try:
        yield
    finally:
        os.write(pipe, _STORED + b"\n")


def _finish(child: _Child) -> _ChildAnswer:
    status = os.waitpid(child.pid, 0)[1]
    if child.given_up is not None:
        return _without_result(child.job, child.given_up)
    if child.output.endswith(b"\n"):
        found: _ChildAnswer = json.loads(child.output)
        return found
    code = os.waitstatus_to_exitcode(status)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    hint = "check what the file imports for os._exit or a native library that crashes"
    problem = Problem("crashed", f"the process that loads the flow {how}", child.job.file, 1, hint)
    return _without_result(child.job, problem)


def _run(job: Job, access: Mapping[str, str], package: BinaryIO | None, asking: Asking) -> str:
    """The JSON of a `_ChildAnswer`, whatever the flow does."""
    try:
        return json.dumps(_describe(job) if job.mode == "describe" else _build(job, access, package, asking))
    except FlowError as error:
        problems = error.problems
    except BaseException as error:
        problems = (Problem("flow-refused", describe_error(error), job.file, 1),)
    return json.dumps(_without_result(job, *problems))


def _describe(job: Job) -> _ChildAnswer:
    described = describe(job)
    answered = answer_without_result(job.id, *described.warnings)
    return {"answer": {**answered, "flow": described.flow, "inputs": described.inputs}, "upload": None}


def _build(job: Job, access: Mapping[str, str], out: BinaryIO | None, asking: Asking) -> _ChildAnswer:
    package, upload = build(job, access, out, asking)
    return {
        "answer": {**answer_without_result(job.id), "package": package},
        "upload": upload.as_json() if upload is not None else None,
    }


def _without_result(job: Job, *problems: Problem) -> _ChildAnswer:
    return {"answer": answer_without_result(job.id, *problems), "upload": None}

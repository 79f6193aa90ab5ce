"""A process beside the children that stores their code packages in the datastores, several at a time.

It runs no code of a user, so that one client of each store serves all flows. Only this process has threads: the one
that forks children must have none.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, BinaryIO, TypedDict

from ..protocol import Answer, Job, Problem, Waiting, answer_without_result
from .forking import fork
from .problems import FlowError, describe_error
from .production import production_token
from .silence import Silence
from .store import NO_ANSWER, prepare, storage_of, store

# How many packages are stored at a time: most of the time is spent waiting for the store.
_THREADS = 8
# What is stored, by this process and by the children themselves.
_PACKAGES, INCLUDED = "code packages", "included files"
# How many may wait to be stored, each in a temporary file.
_MAX_PENDING = 4 * _THREADS


@dataclass(frozen=True)
class Upload:
    """A package that is to be stored: the SHA-1 of its archive, and what its token begins with."""

    flow: str
    sha: str
    token_prefix: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class _Stored(TypedDict):
    """The result of storing a job's package: the token of its DAG if it has one, or problems."""

    id: str
    token: str | None
    problems: list[dict[str, Any]]


class Storer:
    """The process, as its parent sees it: given the answers of children, it gives them back when all is stored."""

    def __init__(self, jobs: Sequence[Job], limit: float, notice: float, access: Mapping[str, str]) -> None:
        """`limit` and `notice`: see `Request`."""
        # One helper has one datastore. A local one is written by this machine, and by nobody who could be silent.
        self._where = jobs[0].datastore_url
        self._limit = None if jobs[0].datastore_type == "local" else limit
        self._notice = notice
        self._silence = self.new_silence()
        self.given_up: Problem | None = None
        self._pending: dict[str, Answer] = {}
        self._received = bytearray()
        self._socket, other = socket.socketpair()
        self.pid = fork()
        if self.pid == 0:
            try:
                self._socket.close()
                os.environ.update(access)
                _serve(other, jobs, limit)
            finally:
                os._exit(0)
        other.close()

    @property
    def waits(self) -> bool:
        """Whether answers are still to come back."""
        return bool(self._pending)

    @property
    def is_full(self) -> bool:
        """Whether to wait before storing more."""
        return len(self._pending) >= _MAX_PENDING

    def fileno(self) -> int:
        """The descriptor that is readable when `finished` has answers."""
        return self._socket.fileno()

    def store(self, answer: Answer, upload: Mapping[str, Any], package: BinaryIO) -> None:
        """Store the package of an answer, with the production token of its DAG. `upload` is the JSON of an `Upload`.

        The other process gets the file itself, which may be closed here then.
        """
        self._pending[answer["id"]] = answer
        line = json.dumps({"id": answer["id"], "upload": upload}).encode() + b"\n"
        self._silence.begin(os.fstat(package.fileno()).st_size)
        with contextlib.suppress(ConnectionError):  # it has ended, which `finished` finds out
            sent = socket.send_fds(self._socket, [line], [package.fileno()])
            self._socket.sendall(line[sent:])

    @property
    def time_left(self) -> float | None:
        """Seconds after which to call `waiting`; None while nothing is waited for."""
        return self._silence.time_left

    def waiting(self) -> Iterator[Waiting]:
        """Tells if the store takes long. If it takes too long, the process is ended, and `finished` says why."""
        if self._silence.is_long:
            yield self.notice(_PACKAGES)
        elif self._silence.is_too_long:
            self.give_up(self.no_answer(_PACKAGES))

    def new_silence(self) -> Silence:
        """That of the same datastore, for somebody else who asks it for something."""
        return Silence(self._limit, self._notice)

    def notice(self, what: str) -> Waiting:
        """Says that it is waited for `what`, a plural."""
        return {"waiting": f"{self._where} (storing {what})"}

    def no_answer(self, what: str) -> Problem:
        """The datastore has given no answer for too long, which was to store `what`."""
        message = f"{what} cannot be stored in {self._where}: no answer within {self._limit or 0:g} seconds"
        return Problem("upload-failed", message, setting="datastore", hint=NO_ANSWER)

    def give_up(self, problem: Problem) -> None:
        """Store nothing more, since the store gives no answer."""
        if self.given_up is None:
            self.given_up = problem
            # Its threads wait for the store, and would not hear of anything else.
            os.kill(self.pid, signal.SIGKILL)

    def finished(self) -> Iterator[Answer]:
        """The answers that are done, some of them with a problem now and no package."""
        data = b""
        with contextlib.suppress(ConnectionError):  # killed with something unread
            data = self._socket.recv(1 << 16)
        if not data:
            killed = Problem("upload-failed", "the process that stores code packages was killed", setting="datastore")
            problem = (self.given_up or killed).as_json()
            for name in list(self._pending):
                yield self._completed({"id": name, "token": None, "problems": [problem]})
            return
        self._received += data
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        for line in lines:
            yield self._completed(json.loads(line))

    def close(self) -> None:
        """End the process, which has nothing left to do."""
        # Whatever a flow left behind may hold the socket open.
        with contextlib.suppress(OSError):  # it may have ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        os.waitpid(self.pid, 0)

    def _completed(self, stored: _Stored) -> Answer:
        answer = self._pending.pop(stored["id"])
        if not stored["problems"]:
            self._silence.answered(waits=self.waits)
        elif stored["problems"][0]["hint"] == NO_ANSWER:
            # The others would wait as long for the same.
            self.give_up(Problem(**stored["problems"][0]))
        if stored["problems"]:
            return {**answer_without_result(stored["id"]), "problems": stored["problems"]}
        if stored["token"] is not None and answer["package"] is not None:
            answer["package"]["environment"]["METAFLOW_PRODUCTION_TOKEN"] = stored["token"]
        return answer


def _serve(parent: socket.socket, jobs: Sequence[Job], limit: float) -> None:
    by_id = {job.id: job for job in jobs}
    sending = Lock()

    def work(request: Mapping[str, Any], package: BinaryIO) -> None:
        with package:
            stored = _store(by_id[request["id"]], Upload(**request["upload"]), package)
        with sending:
            parent.sendall(json.dumps(stored).encode() + b"\n")

    gc.enable()
    prepare(jobs, limit)
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for request, package in _requests(parent):
            pool.submit(work, request, package)
    finally:
        # After an interrupt, stores that have started are finished, since they have temporary files.
        pool.shutdown(cancel_futures=True)


def _requests(parent: socket.socket) -> Iterator[tuple[Mapping[str, Any], BinaryIO]]:
    """What the parent asks for, each with the file that came along, until it ends."""
    received = bytearray()
    files: deque[int] = deque()
    while True:
        data, more, _, _ = socket.recv_fds(parent, 1 << 16, _MAX_PENDING)
        if not data:
            return
        files += more
        received += data
        *lines, rest = received.split(b"\n")
        received = bytearray(rest)
        for line in lines:
            yield json.loads(line), os.fdopen(files.popleft(), "rb")


def _store(job: Job, upload: Upload, package: BinaryIO) -> _Stored:
    problems: Sequence[Problem] = ()
    token = None
    try:
        store(job, upload.flow, package, upload.sha)
        if job.dag_id:
            token = production_token(job, storage_of(job), upload.token_prefix)
    except FlowError as error:
        problems = error.problems
    except BaseException as error:
        problems = [Problem("upload-failed", describe_error(error), setting="datastore")]
    return {"id": job.id, "token": token, "problems": [problem.as_json() for problem in problems]}

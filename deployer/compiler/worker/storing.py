"""A process beside the children that puts their code packages into the datastores, several at a time.

It runs nothing of a user's, so that one client of each store serves all flows. Threads are its own alone: whoever forks
children must have none.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from .archive import Parts, joined
from .job import Job
from .problems import FlowError, Problem, describe_error

# How many packages are stored at a time: a store is waited for most of the time.
_AT_ONCE = 8
# How many may wait for that, with the user's files in memory.
_MOST_WAITING = 4 * _AT_ONCE


class Storer:
    """The process, as its parent sees it: given the answers of children, it gives them back when all is stored."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._waiting: dict[str, dict[str, Any]] = {}
        self._heard = bytearray()
        self._socket, other = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._socket.close()
                _serve(other, jobs)
            finally:
                os._exit(0)
        other.close()

    @property
    def waits(self) -> bool:
        """Whether answers are still to come back."""
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether no more is to be given for the moment."""
        return len(self._waiting) >= _MOST_WAITING

    def fileno(self) -> int:
        """What is readable when `finished` has something to give."""
        return self._socket.fileno()

    def store(self, answer: dict[str, Any]) -> None:
        """Store the package of an answer, with the production token of its DAG."""
        self._waiting[answer["id"]] = answer
        request = {"id": answer["id"], **answer["result"].pop("to_store")}
        with contextlib.suppress(ConnectionError):  # it has ended, which `finished` finds out
            self._socket.sendall(json.dumps(request).encode() + b"\n")

    def finished(self) -> Iterator[dict[str, Any]]:
        """The answers that are done, some of them with a problem now and no result."""
        data = b""
        with contextlib.suppress(ConnectionError):  # killed with something unread
            data = self._socket.recv(1 << 16)
        if not data:
            message = "the process that stores code packages was killed"
            problem = Problem("upload-failed", message, setting="datastore").as_json()
            for name in list(self._waiting):
                yield self._completed({"id": name, "token": None, "problems": [problem]})
            return
        self._heard += data
        *lines, rest = self._heard.split(b"\n")
        self._heard = bytearray(rest)
        for line in lines:
            yield self._completed(json.loads(line))

    def close(self) -> None:
        """End the process, which has nothing left to do."""
        # Whatever a flow left behind may hold the socket open.
        with contextlib.suppress(OSError):  # it may have ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        os.waitpid(self.pid, 0)

    def _completed(self, said: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._waiting.pop(said["id"])
        if said["problems"]:
            answer.update(result=None, problems=said["problems"])
        elif said["token"] is not None:
            answer["result"]["environment"]["METAFLOW_PRODUCTION_TOKEN"] = said["token"]
        return answer


def to_store(flow: str, sha: str, parts: Parts, token_prefix: str) -> dict[str, Any]:
    """What the process needs of a child, as JSON values: the archive without what all archives share."""
    written = [None if part is None else base64.b64encode(part).decode() for part in parts]
    return {"flow": flow, "sha": sha, "parts": written, "token_prefix": token_prefix}


def _serve(parent: socket.socket, jobs: Sequence[Job]) -> None:
    from .store import prepare

    by_id = {job.id: job for job in jobs}
    telling = Lock()

    def work(request: Mapping[str, Any]) -> None:
        said = json.dumps(_store(by_id[request["id"]], request)).encode() + b"\n"
        with telling:
            parent.sendall(said)

    gc.enable()
    prepare(jobs)
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        with parent.makefile("rb") as requests:
            for line in requests:
                pool.submit(work, json.loads(line))
    finally:
        # After an interrupt what has begun is ended, since it has temporary files.
        pool.shutdown(cancel_futures=True)


def _store(job: Job, request: Mapping[str, Any]) -> dict[str, Any]:
    from .package import shared_files
    from .production import production_token
    from .store import storage_of, store

    said: dict[str, Any] = {"id": job.id, "token": None, "problems": []}
    try:
        parts = [None if part is None else base64.b64decode(part) for part in request["parts"]]
        store(job, request["flow"], joined(parts, shared_files()), request["sha"])
        if job.dag_id:
            said["token"] = production_token(job, storage_of(job), request["token_prefix"])
    except FlowError as error:
        said["problems"] = [problem.as_json() for problem in error.problems]
    except BaseException as error:
        said["problems"] = [Problem("upload-failed", describe_error(error), setting="datastore").as_json()]
    return said

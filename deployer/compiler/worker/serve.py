"""Reads a request, imports Metaflow once, and answers one job after the other."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from ..protocol import Greeting, Request, read_job
from ..versions import is_too_old
from .forking import keep_to_itself


def serve() -> None:
    """Writes a `Greeting`, and an `Answer` for each job of the `Request` on standard input as it is done."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    # What flows and Metaflow print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    keep_to_itself(answers.fileno())
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 0)
    os.dup2(silence, 1)
    greeting: Greeting = {"metaflow": _metaflow_version()}
    answers.write(json.dumps(greeting) + "\n")
    answers.flush()
    if is_too_old(greeting["metaflow"]):
        return
    # Imports Metaflow, which must not happen if it is too old. Done before the request is read: the client is still
    # preparing it.
    with _away_from_local_configuration():
        from . import children

    children.prepare()
    # What no collector touches stays shared with the children. Garbage stays too: memory freed now would be used again
    # by children, each with a copy of its page. See https://docs.python.org/3/library/gc.html#gc.freeze.
    gc.freeze()
    request: Request = json.load(requests)
    requests.close()
    # From here on no bytecode: importing a flow must leave nothing in its folder.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    jobs = [read_job(data) for data in request["jobs"]]
    limits = request["limit"], request["notice"]
    for answer in children.answer(jobs, request["processes"], *limits, request["access"]):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


@contextlib.contextmanager
def _away_from_local_configuration() -> Iterator[None]:
    """Metaflow that is imported also reads settings from .metaflow/config.json in the working directory or above."""
    folder = Path.cwd()
    os.chdir(folder.anchor)
    try:
        yield
    finally:
        os.chdir(folder)


def _metaflow_version() -> str:
    """The version of the Metaflow that will be imported. Raises ImportError where there is none."""
    try:
        return metadata.version("metaflow")
    except metadata.PackageNotFoundError:
        # A checkout on the path, or none at all.
        return str(importlib.import_module("metaflow").__version__)

"""Stores a code package in the datastore, once, and reports a failure in one sentence."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from metaflow.plugins import DATASTORES

from ..protocol import Job, Problem
from . import refuse
from .local_store import store_locally
from .metaflow_compat import limit_s3_requests, make_client, package_path, save_file
from .problems import FlowError, describe_error

_DENIED = re.compile(r"AccessDenied|Access Denied|Forbidden|\b403\b|AuthorizationFailure|AuthenticationFailed")
_NO_CREDENTIALS = re.compile(
    r"NoCredentials|Unable to locate credentials|DefaultCredentials|ExpiredToken|InvalidAccess"
    r"|default credentials were not found|RefreshError|TransportError|invalid_grant|MetaflowAzureAuthenticationError"
)
_NO_CONNECTION = re.compile(
    r"Could not connect to|[Cc]onnection refused|[Tt]imed? ?out|Max retries exceeded"
    r"|Connection (?:was closed|aborted|broken)|IncompleteRead|ServiceUnavailable|SlowDown|\b50[0234]\b"
)
# What Metaflow says if each of its requests to S3 had no answer: nothing follows the last word.
_NOTHING_SAID = re.compile(r"S3 operation failed\..*Error:\s*\Z", re.DOTALL)
_NO_BUCKET = re.compile(r"S3NotFound|NoSuchBucket|ContainerNotFound|bucket does not exist|\b404\b")


# As mfdeploy.models.waiting has it, which does not travel with the worker.
NO_ANSWER = "check the network, proxies and the endpoint; MFDEPLOY_TIMEOUT sets how many seconds to wait for an answer"


def store(job: Job, flow: str, package: BinaryIO, sha: str) -> None:
    """Put the package of a flow into its datastore, by its SHA-1. An existing one is not written again.

    Raises FlowError.
    """
    place = job.datastore_type, job.datastore_root
    with _exclusive(flow, sha):
        if place in _silent:
            # Whoever waited for the same would be told the same after the same time.
            raise FlowError(_silent[place])
        try:
            storage = storage_of(job)
            path = package_path(storage, flow, sha)
            if job.datastore_type == "local":
                store_locally(Path(storage.full_uri(path)), package, sha)
            elif not storage.is_file([path])[0]:
                save_file(storage, path, package)
        except Exception as error:
            problem = _problem(job, error)
            if problem.hint == NO_ANSWER:
                _silent[place] = problem
            raise FlowError(problem) from None


def storage_of(job: Job) -> Any:
    """Metaflow's storage for the job's datastore, with one client for all jobs of this process."""
    with _lock:
        return _storage(job.datastore_type, job.datastore_root)


@cache
def _storage(kind: str, root: str) -> Any:
    return next(each for each in DATASTORES if kind == each.TYPE)(root)


def prepare(jobs: Sequence[Job], limit: float) -> None:
    """Import and make what the jobs' datastores need, before threads do. `limit`: see `Request`."""
    kinds = {job.datastore_type for job in jobs}
    if "s3" in kinds:
        import boto3.s3.transfer  # noqa: F401

        limit_s3_requests(limit)
    for module in (module for kind in kinds for module in refuse.CLIENTS.get(kind, {})):
        # A flow whose datastore needs it is refused (see `refuse`).
        with suppress(ImportError):
            importlib.import_module(module)
    for kind, root in {(job.datastore_type, job.datastore_root) for job in jobs}:
        # Whoever stores something is told what is wrong.
        with suppress(Exception):
            make_client(_storage(kind, root))


def is_silent(error: Exception) -> bool:
    """Whether an error says that the datastore gave no answer."""
    return bool(_NOTHING_SAID.match(str(error)) or _NO_CONNECTION.search(describe_error(error)))


_lock = Lock()
# What is known of datastores that gave no answer, by type and root.
_silent: dict[tuple[str, str], Problem] = {}
_package_locks: defaultdict[tuple[str, str], Lock] = defaultdict(Lock)


@contextmanager
def _exclusive(flow: str, sha: str) -> Iterator[None]:
    """One thread at a time for one package: the others then find it stored."""
    with _lock:
        lock = _package_locks[flow, sha]
    with lock:
        yield


def _problem(job: Job, error: Exception) -> Problem:
    """The same for all flows of the datastore, so that it is reported once."""
    text = describe_error(error)
    hint = ""
    if isinstance(error, OSError) and error.strerror and not _DENIED.search(text):
        text = error.strerror
    elif _NO_CREDENTIALS.search(text):
        text, hint = "no valid credentials", "sign in, or set the environment variables of the store's own tools"
    elif _DENIED.search(text):
        text, hint = "access denied", "the account needs permission to read and write objects there"
    elif _NO_BUCKET.search(text):
        text, hint = "there is no such bucket or container", "create it, or correct `datastore:`"
    elif is_silent(error):
        said = "" if _NOTHING_SAID.match(str(error)) else f": {text.rpartition('Error: ')[2]}"
        text, hint = f"no answer{said}", NO_ANSWER
    else:
        text = re.sub(rf"{re.escape(job.datastore_root)}/\S+", job.datastore_root, text)
    message = f"code packages cannot be stored in {job.datastore_url}: {text}"
    return Problem("upload-failed", message, setting="datastore", hint=hint)

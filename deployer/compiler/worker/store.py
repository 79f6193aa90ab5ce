"""Puts a code package into the datastore, once, and says in one sentence why that cannot be done."""

from __future__ import annotations

import fcntl
import importlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from . import refuse
from .job import Job
from .problems import FlowError, Problem, describe_error

_DENIED = re.compile(r"AccessDenied|Access Denied|Forbidden|\b403\b|AuthorizationFailure|AuthenticationFailed")
_NO_CREDENTIALS = re.compile(
    r"NoCredentials|Unable to locate credentials|DefaultCredentials|ExpiredToken|InvalidAccess"
    r"|default credentials were not found|RefreshError|TransportError|invalid_grant|MetaflowAzureAuthenticationError"
)
_NO_BUCKET = re.compile(r"S3NotFound|NoSuchBucket|ContainerNotFound|bucket does not exist|\b404\b")


def store(job: Job, obj: Any, blob: bytes, sha: str) -> tuple[str, str]:
    """URL and SHA-1 of the package in the datastore. What is there already is not written again. Raises FlowError."""
    try:
        with _alone(sha):
            url, found = obj.flow_datastore.save_data([blob], len_hint=1)[0]
            if job.datastore_type == "local" and not _is_whole(obj, found, blob):
                Path(url).unlink()
                url, found = obj.flow_datastore.save_data([blob], len_hint=1)[0]
    except Exception as error:
        raise FlowError(_problem(job, error)) from None
    return url, found


def _is_whole(obj: Any, key: str, blob: bytes) -> bool:
    """Whether the datastore holds the package: Metaflow writes a local one in place, and may have been killed."""
    try:
        return dict(obj.flow_datastore.load_data([key]))[key] == blob  # type: ignore[no-any-return]
    except Exception:
        return False


def prepare(jobs: Iterable[Job]) -> None:
    """What the children that store packages share."""
    locks()
    kinds = {job.datastore_type for job in jobs}
    if "s3" in kinds:
        _make_client()
    for module in (module for kind in kinds for module in refuse.CLIENTS.get(kind, {})):
        # Whoever lacks it is told so for each flow.
        with suppress(ImportError):
            importlib.import_module(module)


def _make_client() -> None:
    """Makes the client that each child would make first, which takes longer than all else that a child does."""
    from metaflow.plugins.datatools.s3 import s3

    create = s3.get_s3_client
    try:
        made = [create()]
    except Exception:
        return  # each child says it for its flow

    def first_made(**wanted: Any) -> Any:
        return create(**wanted) if any(wanted.values()) or not made else made.pop()

    s3.get_s3_client = first_made


@cache
def locks() -> Any:
    """A file that every child inherits if it is opened before the fork: locks of byte ranges belong to one process."""
    return tempfile.TemporaryFile()


@contextmanager
def _alone(sha: str) -> Iterator[None]:
    """One child of this helper at a time for one package: the others find that it is there."""
    place = int(sha[:7], 16)
    fcntl.lockf(locks(), fcntl.LOCK_EX, 1, place)
    try:
        yield
    finally:
        fcntl.lockf(locks(), fcntl.LOCK_UN, 1, place)


def _problem(job: Job, error: Exception) -> Problem:
    """The same for all flows of the datastore, so that it is told once."""
    said = describe_error(error)
    hint = ""
    if isinstance(error, OSError) and error.strerror and not _DENIED.search(said):
        said = error.strerror
    elif _NO_CREDENTIALS.search(said):
        said, hint = "no credentials that it accepts", "sign in, or set the variables of its own tools"
    elif _DENIED.search(said):
        said, hint = "access denied", "the account needs to read and write objects there"
    elif _NO_BUCKET.search(said):
        said, hint = "there is no such bucket or container", "make it, or correct `datastore:`"
    else:
        said = re.sub(rf"{re.escape(job.datastore_root)}/\S+", job.datastore_root, said)
    message = f"code packages cannot be stored in {job.datastore_url}: {said}"
    return Problem("upload-failed", message, setting="datastore", hint=hint)

"""The production token of a DAG: the namespace of its runs, kept where Metaflow's own command for Airflow keeps it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from metaflow import current

from ..protocol import Job, Problem
from .metaflow_compat import new_token, save_token, token_path
from .problems import FlowError, describe_error
from .store import NO_ANSWER, is_silent

_MAX_LENGTH = 500  # the limit of Metaflow's tags


def production_token(job: Job, storage: Any, prefix: str) -> str:
    """The token of the job's DAG id; where the datastore has none yet, that of its runs, or a new one, is stored.

    `storage` is Metaflow's for the datastore, `prefix` the result of `token_prefix` for the flow.

    An existing token is used, whoever owns it: who may apply is decided by the access to target and datastore.
    Raises FlowError.
    """
    path = token_path(job.dag_id)
    try:
        token = _stored(storage, path)
        if token is None:
            # That of its runs was read from a DAG file, which anybody may have written.
            known = job.production_token if _is_valid(job.production_token) else ""
            save_token(storage, job.dag_id, known or new_token(prefix))
            # Nothing is overwritten: of two applies at once both get the token that was first.
            token = _stored(storage, path)
    except Exception as error:
        where = f"{job.datastore_url}/{path}"
        message = f"the production token cannot be read from or stored at {where}: {describe_error(error)}"
        hint = ""
        if is_silent(error):  # the same for each DAG
            message, hint = f"production tokens cannot be stored in {job.datastore_url}: no answer", NO_ANSWER
        raise FlowError(Problem("token-failed", message, setting="datastore", hint=hint)) from None
    if token is None or not _is_valid(token):
        shown = (token or "")[:_MAX_LENGTH]
        message = f"the production token of {job.dag_id} in {job.datastore_url} is not a valid name: {shown!r}"
        raise FlowError(Problem("token-failed", message, setting="datastore"))
    return token


def _is_valid(token: str) -> bool:
    return 0 < len(token) <= _MAX_LENGTH and token.isprintable()


def _stored(storage: Any, path: str) -> str | None:
    """The token that the datastore has; None where there is none. Asks once, where Metaflow looks and then reads."""
    with storage.load_bytes([path]) as found:
        for _, file, _ in found:
            return str(json.loads(Path(file).read_text())["production_token"]) if file is not None else None
    return None


def token_prefix(job: Job) -> str:
    """What tokens start with: the DAG id, or for a `@project` something that all flows of a branch share.

    The rule of ``airflow create`` (metaflow.plugins.airflow.airflow_cli.resolve_dag_name).
    """
    if not current.get("project_name"):
        return job.dag_id.lower()
    branch = f"{current.project_name}.{current.branch_name}"
    digest = hashlib.sha1(branch.encode(), usedforsecurity=False).digest()
    return f"mfprj-{base64.b32encode(digest).decode()[:16]}".lower()

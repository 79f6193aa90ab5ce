"""The datastore: where packages and production tokens are kept."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.airflow.airflow import Airflow

from .settings import get_username


def content_store(storage: Any, flow: str) -> Any:
    """The store of a flow's packages and artifacts by their SHA-1, as its datastore has it."""
    return ContentAddressedStore(storage.path_join(flow, "data"), storage)


def package_uri(storage: Any, flow: str, sha: str) -> str:
    """Where that store keeps a content."""
    return storage.full_uri(storage.path_join(flow, "data", sha[:2], sha))  # type: ignore[no-any-return]


def token_path(name: str) -> str:
    """Where ``airflow create`` keeps the production token of a DAG, in a storage."""
    return Airflow.get_token_path(name)  # type: ignore[no-any-return]


def save_token(storage: Any, name: str, token: str) -> None:
    """Stores a production token as ``airflow create`` does; one that is there stays."""
    content = json.dumps({"production_token": token, "owner": get_username()})
    storage.save_bytes([(token_path(name), BytesIO(content.encode()))], overwrite=False)

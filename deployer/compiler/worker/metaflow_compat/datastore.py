"""The datastore: where packages and production tokens are kept."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, BinaryIO

from metaflow.metaflow_config import DATATOOLS_CLIENT_PARAMS
from metaflow.plugins.airflow.airflow import Airflow

from .settings import get_username


def limit_s3_requests(limit: float) -> None:
    """Make requests to S3 fail in time that three of them, which Metaflow makes, take less than `limit` seconds.

    botocore waits for a minute, and by Metaflow's setting tries ten times. Metaflow gives this dict to each client
    that it makes. Before 2.16 it passes it on as it is, so that the value must be botocore's own.
    """
    from botocore.config import Config

    retries = {"total_max_attempts": 1, "mode": "standard"}
    config = Config(connect_timeout=min(5, limit / 12), read_timeout=limit / 5, retries=retries)
    DATATOOLS_CLIENT_PARAMS.setdefault("config", config)


def make_client(storage: Any) -> None:
    """Make the client of a storage in S3, which is made at its first use: by each thread that comes too early."""
    if storage.TYPE == "s3":
        storage.s3_client.client  # noqa: B018 (a property)


# What `ContentAddressedStore` keeps beside a content that it stores as it is.
CONTENT_METADATA = {"cas_raw": True, "cas_version": 1}


def package_path(storage: Any, flow: str, sha: str) -> str:
    """Where `ContentAddressedStore` keeps a content of a flow by its SHA-1, below the datastore's root."""
    return storage.path_join(flow, "data", sha[:2], sha)  # type: ignore[no-any-return]


def save_file(storage: Any, path: str, file: BinaryIO) -> None:
    """Stores a file as `ContentAddressedStore` stores bytes, without all of it in memory."""
    file.seek(0)
    if storage.TYPE in ("azure", "gs"):
        # Their `save_bytes` reads all of it and writes a temporary file, whose name it gives to this method.
        storage.root_client.save_bytes_single((path, f"/dev/fd/{file.fileno()}", CONTENT_METADATA), overwrite=True)
    else:
        storage.save_bytes([(path, (file, CONTENT_METADATA))], overwrite=True, len_hint=1)


def package_uri(storage: Any, flow: str, sha: str) -> str:
    """Where that store keeps a content."""
    return storage.full_uri(package_path(storage, flow, sha))  # type: ignore[no-any-return]


def token_path(name: str) -> str:
    """Where ``airflow create`` keeps the production token of a DAG, in a storage."""
    return Airflow.get_token_path(name)  # type: ignore[no-any-return]


def save_token(storage: Any, name: str, token: str) -> None:
    """Stores a production token as ``airflow create`` does; one that is there stays."""
    content = json.dumps({"production_token": token, "owner": get_username()})
    storage.save_bytes([(token_path(name), BytesIO(content.encode()))], overwrite=False)

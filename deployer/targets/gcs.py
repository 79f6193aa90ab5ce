"""A target in Google Cloud Storage, with application default credentials."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timezone
from typing import TYPE_CHECKING

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, parse
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.patience import PATIENCE, Patience

if TYPE_CHECKING:
    from obstore.store import GCSCredential, GCSStore

_HINT = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


def open_gcs(url: str, patience: Patience = PATIENCE) -> ObjectStoreTarget:
    """The target of a ``gs://bucket/prefix``; nothing is asked of anybody yet. Raises UrlError."""
    place = parse(url)
    return ObjectStoreTarget(place.url, lambda: _connect(place, patience), patience, by_generation=True)


def _connect(place: BucketUrl, patience: Patience) -> GCSStore:
    from obstore.exceptions import BaseError
    from obstore.store import GCSStore

    # The variable by which Google's own clients find an emulator, which takes any token.
    emulator = os.environ.get("STORAGE_EMULATOR_HOST", "")
    try:
        return GCSStore(
            place.bucket,
            prefix=place.prefix or None,
            config={"base_url": emulator.rstrip("/")} if emulator else {},
            client_options=patience.client(emulator),
            retry_config=patience.retry,
            credential_provider=_emulated if emulator else _provider(place),
        )
    except (BaseError, ValueError, OSError) as error:
        message = str(error).split("\n\nDebug source")[0].splitlines()[0]
        raise TargetError(f"{place.url}: no usable Google credentials: {message}", _HINT) from error


def _emulated() -> GCSCredential:
    return {"token": "emulator", "expires_at": None}


def _provider(place: BucketUrl) -> Callable[[], GCSCredential] | None:
    """Google's own library, where it is installed: it knows workload identity federation and impersonation too.

    Without it obstore looks itself: service account and user credentials, and the metadata server.
    """
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError:
        return None
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        raise TargetError(f"{place.url}: no usable Google credentials: {error}", _HINT) from error

    def provide() -> GCSCredential:
        credentials.refresh(Request())
        expiry = credentials.expiry
        return {"token": credentials.token, "expires_at": expiry.replace(tzinfo=timezone.utc) if expiry else None}

    return provide

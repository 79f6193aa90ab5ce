"""A target in Google Cloud Storage, with application default credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timezone
from functools import partial
from typing import TYPE_CHECKING

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, parse_bucket_url
from deployer.targets.client_options import DEFAULT_OPTIONS, NO_RETRIES, ClientOptions
from deployer.targets.object_store import ObjectStoreTarget

if TYPE_CHECKING:
    from obstore.store import GCSCredential, GCSStore

_HINT = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


def open_gcs(url: str, environ: Mapping[str, str], options: ClientOptions = DEFAULT_OPTIONS) -> ObjectStoreTarget:
    """The target of a ``gs://bucket/prefix``; no request is made yet. Raises UrlError."""
    bucket = parse_bucket_url(url)
    return ObjectStoreTarget(bucket.url, lambda: _connect(bucket, environ, options), options, by_generation=True)


def _connect(bucket: BucketUrl, environ: Mapping[str, str], options: ClientOptions) -> GCSStore:
    from obstore.exceptions import BaseError
    from obstore.store import GCSStore

    # The variable by which Google's own clients find an emulator, which accepts any token.
    emulator = environ.get("STORAGE_EMULATOR_HOST", "")
    try:
        return GCSStore(
            bucket.name,
            prefix=bucket.prefix or None,
            config={"base_url": emulator.rstrip("/")} if emulator else {},
            client_options=options.client(emulator),
            retry_config=NO_RETRIES,
            credential_provider=_emulated if emulator else _provider(bucket, options.timeout),
        )
    except (BaseError, ValueError, OSError) as error:
        message = str(error).split("\n\nDebug source")[0].splitlines()[0]
        raise TargetError(f"{bucket.url}: no usable Google credentials: {message}", _HINT) from error


def _emulated() -> GCSCredential:
    return {"token": "emulator", "expires_at": None}


def _provider(bucket: BucketUrl, timeout: float) -> Callable[[], GCSCredential] | None:
    """Credentials from google-auth, where it is installed; None where obstore finds them itself.

    google-auth also supports workload identity federation and impersonation; obstore supports service account and user
    credentials, and the metadata server.
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
        raise TargetError(f"{bucket.url}: no usable Google credentials: {error}", _HINT) from error

    def provide() -> GCSCredential:
        # Google's own limit for one request is two minutes.
        credentials.refresh(partial(Request(), timeout=timeout))
        expiry = credentials.expiry
        return {"token": credentials.token, "expires_at": expiry.replace(tzinfo=timezone.utc) if expiry else None}

    return provide

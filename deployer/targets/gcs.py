"""A target in Google Cloud Storage, with application default credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, parse_bucket_url
from deployer.targets.client_options import DEFAULT_OPTIONS, NO_RETRIES, ClientOptions
from deployer.targets.conditional_delete import DeleteRequest
from deployer.targets.object_store import ObjectStoreTarget

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.store import GCSCredential, GCSStore

_HINT = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
_SERVER = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"


def open_gcs(url: str, environ: Mapping[str, str], options: ClientOptions = DEFAULT_OPTIONS) -> ObjectStoreTarget:
    """The target of a ``gs://bucket/prefix``; no request is made yet. Raises UrlError."""
    bucket = parse_bucket_url(url)
    access = _Access(bucket, environ, options)
    return ObjectStoreTarget(
        bucket.url, access.connect, options, by_generation=True, delete_request=access.delete_request
    )


class _Access:
    """One login for the client and for the requests that it cannot make."""

    def __init__(self, bucket: BucketUrl, environ: Mapping[str, str], options: ClientOptions) -> None:
        self._bucket = bucket
        # The variable by which Google's own clients find an emulator, which accepts any token.
        self._emulator = environ.get("STORAGE_EMULATOR_HOST", "").rstrip("/")
        self._options = options

    @cached_property
    def _provider(self) -> Callable[[], GCSCredential] | None:
        return _emulated if self._emulator else _provider(self._bucket, self._options.timeout)

    def connect(self) -> GCSStore:
        from obstore.exceptions import BaseError
        from obstore.store import GCSStore

        bucket = self._bucket
        try:
            return GCSStore(
                bucket.name,
                prefix=bucket.prefix or None,
                config={"base_url": self._emulator} if self._emulator else {},
                client_options=self._options.client(self._emulator),
                retry_config=NO_RETRIES,
                credential_provider=self._provider,
            )
        except (BaseError, ValueError, OSError) as error:
            message = str(error).split("\n\nDebug source")[0].splitlines()[0]
            raise TargetError(f"{bucket.url}: no usable Google credentials: {message}", _HINT) from error

    def delete_request(self, store: GCSStore, file: str, condition: PutMode) -> DeleteRequest | None:
        """A delete of this generation; none for a login that only the client knows: it signs no header of Google's."""
        assert isinstance(condition, Mapping)
        if self._provider is None:
            return None
        place = "/".join(filter(None, [self._bucket.name, self._bucket.prefix, file]))
        headers = {
            "Authorization": f"Bearer {self._provider()['token']}",
            "x-goog-if-generation-match": str(condition["version"]),
        }
        return DeleteRequest(f"{self._emulator or _SERVER}/{quote(place)}", headers)


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
        if not credentials.valid:
            # Google's own limit for one request is two minutes.
            credentials.refresh(partial(Request(), timeout=timeout))
        expiry = credentials.expiry
        return {"token": credentials.token, "expires_at": expiry.replace(tzinfo=timezone.utc) if expiry else None}

    return provide

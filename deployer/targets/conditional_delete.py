"""Deletes a file of a store on the condition that it is still the version that was seen.

The client of all other requests has no such delete, so this is a request of our own, with the client's address and
login: S3 and Azure take `If-Match` (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html,
https://learn.microsoft.com/rest/api/storageservices/delete-blob), Google `x-goog-if-generation-match`
(https://cloud.google.com/storage/docs/xml-api/delete-object).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deployer.targets.store_errors import is_conflict, is_missing_file, may_pass

if TYPE_CHECKING:
    from obstore import PutMode
    from obstore.exceptions import BaseError
    from obstore.store import AzureStore, S3Store

# As long as S3 accepts any signed request: the clock here may be behind.
_VALID = timedelta(minutes=15)


class Outcome(Enum):
    """What became of a delete: `REFUSED` says that the store, or what lies before it, takes no such request."""

    DELETED = "deleted"
    CHANGED = "changed"
    REFUSED = "refused"


@dataclass(frozen=True)
class DeleteRequest:
    """A request with its login, in its URL or its headers: neither may be shown."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


MakeRequest = Callable[[Any, str, "PutMode"], DeleteRequest | None]
"""Given the store, a file and the condition: the request, or None where this login can make none.

Raises the client's errors.
"""


def signed_request(store: S3Store | AzureStore, file: str, condition: PutMode) -> DeleteRequest:
    """The request as a signed URL, which does not sign the condition. Raises the client's errors."""
    import obstore

    assert isinstance(condition, Mapping)
    return DeleteRequest(obstore.sign(store, "DELETE", file, _VALID), {"If-Match": str(condition["e_tag"])})


class ConditionalDelete:
    """Sends the requests that `make_request` makes; each may take `timeout` seconds without an answer."""

    def __init__(self, make_request: MakeRequest, timeout: float) -> None:
        self._make_request = make_request
        self._timeout = timeout
        self._refused = False

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """The authorities of the system, as the client has them, and those of the HTTP library."""
        import httpx

        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()  # those of SSL_CERT_FILE, too; it may name a file that is not there
        return context

    def prepare(self) -> None:
        """Do what takes time and needs no store, so that little time is between the two steps of a delete."""
        self._trusted  # noqa: B018

    def attempt(self, store: object, file: str, condition: PutMode) -> Outcome:
        """Send one request. Raises an error of the client's kind where a later attempt may succeed.

        Once such a request was refused none is sent any more.
        """
        if self._refused:
            return Outcome.REFUSED
        outcome = self._attempt(store, file, condition)
        self._refused = outcome is Outcome.REFUSED
        return outcome

    def _attempt(self, store: object, file: str, condition: PutMode) -> Outcome:
        from obstore.exceptions import BaseError

        try:
            request = self._make_request(store, file, condition)
        except BaseError as error:
            if may_pass(error):
                raise
            return Outcome.REFUSED
        if request is None:
            return Outcome.REFUSED
        answer = self._send(request)
        return Outcome.REFUSED if answer is None else _outcome(*answer)

    def _send(self, request: DeleteRequest) -> tuple[int, str] | None:
        """Status and body of the answer; None if there is no way from here by which this client can ask."""
        import httpx

        limits = httpx.Timeout(self._timeout, connect=min(5, self._timeout))
        try:
            with httpx.Client(verify=self._trusted, timeout=limits) as client:
                answer = client.delete(request.url, headers=dict(request.headers))
                return answer.status_code, answer.text
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if _is_untrusted(error):
                return None
            raise _client_error(f"HTTP error: {str(error) or type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL, ImportError, ValueError):
            return None  # a proxy of a kind that it does not know, or that refuses it


def _outcome(status: int, body: str) -> Outcome:
    error = _client_error(f"status code: {status}, {body}")
    if status == 412:
        return Outcome.CHANGED
    if status < 300 or (status == 404 and is_missing_file(error)):
        return Outcome.DELETED
    if status != 501 and (may_pass(error) or is_conflict(error)):
        raise error
    return Outcome.REFUSED


def _client_error(text: str) -> BaseError:
    """The error that the client raises for the same."""
    from obstore.exceptions import GenericError

    return GenericError(text)


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether the certificate was refused: the client may know another authority."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False

"""The request that deletes on a condition: what is taken for an answer, what is tried again, and what for a refusal."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from deployer.targets.bucket_url import parse_bucket_url
from deployer.targets.client_options import DEFAULT_OPTIONS
from deployer.targets.conditional_delete import ConditionalDelete, DeleteRequest, Outcome
from deployer.targets.gcs import _Access

CONDITION: Any = {"e_tag": '"1"', "version": "17"}


def _generic_error() -> type[Exception]:
    # Not at the top: where a store's client is imported, no test can fork any more.
    from obstore.exceptions import GenericError

    return GenericError


class Handler(BaseHTTPRequestHandler):
    def do_DELETE(self) -> None:
        status, code = self.path[1:].split("-")
        self.send_response_only(int(status))
        self.end_headers()
        self.wfile.write(f"<Error><Code>{code}</Code></Error>".encode() if code else b"")

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@contextmanager
def server(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a server that answers with the status and the code of its path."""
    running = HTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        running.socket = tls.wrap_socket(running.socket, server_side=True)
    Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()


def attempt(url: str) -> Outcome:
    return ConditionalDelete(lambda *_: DeleteRequest(url, {"If-Match": '"1"'}), 5).attempt(None, "a.py", CONDITION)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("204-", Outcome.DELETED),
        ("404-NoSuchKey", Outcome.DELETED),
        ("404-NoSuchBucket", Outcome.REFUSED),
        ("412-PreconditionFailed", Outcome.CHANGED),
        ("403-AccessDenied", Outcome.REFUSED),
        ("307-TemporaryRedirect", Outcome.REFUSED),
        ("501-NotImplemented", Outcome.REFUSED),
    ],
)
def test_what_an_answer_means(answer: str, outcome: Outcome) -> None:
    with server() as address:
        assert attempt(f"http://{address}/{answer}") is outcome


@pytest.mark.parametrize("answer", ["503-SlowDown", "429-SlowDown", "409-ConditionalRequestConflict"])
def test_what_is_tried_again(answer: str) -> None:
    with server() as address, pytest.raises(_generic_error(), match=answer.partition("-")[2]):
        attempt(f"http://{address}/{answer}")


def test_nobody_is_there() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}/204-"
    with pytest.raises(_generic_error(), match=r"HTTP error: .*refused"):
        attempt(url)


def test_a_certificate_that_only_the_client_may_know(tmp_path: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with server(tls) as address:
        assert attempt(f"https://{address}/204-") is Outcome.REFUSED


def test_authorities_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with server(tls) as address:
        for file, outcome in (("authority.pem", Outcome.DELETED), ("gone.pem", Outcome.REFUSED)):
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / file))
            assert attempt(f"https://{address}/204-") is outcome


def test_a_proxy_of_a_kind_that_only_the_client_may_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks9://127.0.0.1:9")
    assert attempt("http://store.example/204-") is Outcome.REFUSED


def test_a_login_that_makes_no_such_request() -> None:
    def fails(text: str) -> Any:
        raise _generic_error()(text)

    options = DEFAULT_OPTIONS.timeout
    refused = ConditionalDelete(lambda *_: fails("Generating SAS keys with SAS tokens auth is not supported"), options)
    assert refused.attempt(None, "a.py", CONDITION) is Outcome.REFUSED
    later = ConditionalDelete(lambda *_: fails("HTTP error: timed out"), options)
    with pytest.raises(_generic_error(), match="timed out"):
        later.attempt(None, "a.py", CONDITION)
    assert ConditionalDelete(lambda *_: None, options).attempt(None, "a.py", CONDITION) is Outcome.REFUSED


def test_of_google_a_generation_of_an_object_is_named() -> None:
    access = _Access(parse_bucket_url("gs://bucket/a-b/c"), {}, DEFAULT_OPTIONS)
    vars(access)["_provider"] = lambda: {"token": "secret", "expires_at": None}
    store: Any = None
    request = access.delete_request(store, "x y.py", CONDITION)
    assert request is not None
    assert request.url == "https://storage.googleapis.com/bucket/a-b/c/x%20y.py"
    assert request.headers == {"Authorization": "Bearer secret", "x-goog-if-generation-match": "17"}
    assert "secret" not in repr(request)
    # A login that only the client knows.
    vars(access)["_provider"] = None
    assert access.delete_request(store, "x.py", CONDITION) is None

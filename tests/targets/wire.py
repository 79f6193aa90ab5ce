"""A proxy before a store: it writes down what is asked, and lets a test spoil the answers."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# What to do with a request: given its method and path, an answer or None to let it through.
Spoil = Callable[[str, str], "Answer | None"]


@dataclass(frozen=True)
class Answer:
    """What is answered instead: a status with an error code of S3; 0 cuts the connection.

    `after`: the request is carried out first, and only its answer is replaced. `wait` keeps the caller waiting until
    the test ends. `hang`: so many bytes of the real answer's body are held back until then.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    after: bool = False
    wait: bool = False
    hang: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        return f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>".encode()


@dataclass
class Wire:
    """The proxy: its URL, the requests that it saw (method and path), and who spoils the next answers."""

    url: str
    ended: threading.Event
    requests: list[tuple[str, str]] = field(default_factory=list)
    spoilers: list[Spoil] = field(default_factory=list)

    def spoil(self, times: int, answer: Answer, method: str = "", path: str = "") -> None:
        """Give that answer to the next so many requests of the method whose path holds the text."""
        left = [times]
        lock = threading.Lock()

        def spoil(asked: str, where: str) -> Answer | None:
            with lock:
                if left[0] and method in ("", asked) and path in where:
                    left[0] -= 1
                    return answer
            return None

        self.spoilers.append(spoil)

    def seen(self, method: str, path: str = "") -> list[str]:
        """The paths that were asked for with the method."""
        return [where for asked, where in self.requests if asked == method and path in where]


@dataclass(frozen=True)
class Tls:
    """Files of a certificate for 127.0.0.1: of who signed it, its own and its key."""

    authority: Path
    certificate: Path
    key: Path


@contextmanager
def wire_to(upstream: str, tls: Tls | None = None) -> Iterator[Wire]:
    """A proxy before the server at this URL; with `tls` both speak it."""
    url = urlsplit(upstream)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(url.netloc, tls))
    server.daemon_threads = True
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.wire = Wire(f"{url.scheme}://127.0.0.1:{server.server_port}", threading.Event())  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.wire  # type: ignore[attr-defined]
    finally:
        server.wire.ended.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


def _connection(host: str, tls: Tls | None) -> http.client.HTTPConnection:
    if tls is None:
        return http.client.HTTPConnection(host)
    context = ssl.create_default_context(cafile=str(tls.authority))
    return http.client.HTTPSConnection(host, context=context)


def _handler(host: str, tls: Tls | None) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            wire: Wire = self.server.wire  # type: ignore[attr-defined]
            wire.requests.append((self.command, self.path))
            found = (spoil(self.command, self.path) for spoil in wire.spoilers)
            answer = next((each for each in found if each), None)
            if answer is None or answer.after or answer.hang:
                status, headers, content = self.forward(body)
            if answer is None:
                self.answer(status, headers, content)
            elif answer.hang:
                self.answer(status, headers, content, answer.hang)
                wire.ended.wait()
                self.close_connection = True
            elif answer.wait:
                wire.ended.wait()
                self.close_connection = True
            elif answer.status == 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            else:
                self.answer(answer.status, [("Content-Type", "application/xml"), *answer.headers], answer.body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

        def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = _connection(host, tls)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            return response.status, response.getheaders(), content

        def answer(self, status: int, headers: list[tuple[str, str]], content: bytes, held_back: int = 0) -> None:
            self.send_response_only(status)
            dropped: tuple[str, ...] = ("connection", "transfer-encoding", "date", "server")
            if self.command != "HEAD":
                dropped += ("content-length",)
                self.send_header("Content-Length", str(len(content)))
            for name, value in headers:
                if name.lower() not in dropped:
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) - held_back])
                self.wfile.flush()

        def log_message(self, *arguments: Any) -> None:
            """Nothing: the tests read `requests`."""

    return Handler

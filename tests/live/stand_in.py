"""A server that answers as a script says: what a real Airflow does rarely, and what stands in front of one."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

VERSION_3 = {"version": "3.3.2", "git_version": None}


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """An answer: JSON unless `body` is text; `cut` closes the connection in the middle of it."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    silent: bool = False


Answers = Callable[[Request], Reply]


@dataclass
class StandIn:
    """A running server, and what it was asked."""

    url: str
    asked: list[Request] = field(default_factory=list)

    def paths(self, method: str = "GET") -> list[str]:
        return [request.path for request in self.asked if request.method == method]


@contextlib.contextmanager
def standing_in(answers: Answers, version: Mapping[str, Any] | None = VERSION_3) -> Iterator[StandIn]:
    """A server with the version of an Airflow (None: of none); everything else is answered by `answers`."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            parts = urlsplit(self.path)
            request = Request(
                self.command, parts.path, parts.query, dict(self.headers), json.loads(content) if content else None
            )
            found.asked.append(request)
            reply = Reply(body=version) if _asks_version(parts.path, version) else answers(request)
            if reply.silent:
                released.wait(60)
                self.close_connection = True
                return
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            body = text.encode()
            self.send_response(reply.status)
            kind = "text/html" if isinstance(reply.body, str) else "application/json"
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            self.close_connection = reply.cut

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = StandIn(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _asks_version(path: str, version: Mapping[str, Any] | None) -> bool:
    if version is None:
        return False
    number = 1 if str(version["version"]).startswith("2.") else 2
    return path.endswith(f"/api/v{number}/version")

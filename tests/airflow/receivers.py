"""Servers that take what notifiers send: mail by SMTP, and requests as Slack, PagerDuty and any webhook take them."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from tests.airflow.scheduler import free_port


@dataclass
class Request:
    """A request that came: its path, its headers, and the JSON that it holds."""

    path: str
    headers: dict[str, str]
    content: dict[str, Any]


@dataclass
class Received:
    """What came so far, and the ports of the servers."""

    smtp: int
    http: int
    mails: list[EmailMessage] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def at(self, path: str) -> list[Request]:
        """The requests for a path."""
        return [request for request in self.requests if request.path == path]


@contextlib.contextmanager
def receiving() -> Iterator[Received]:
    """Both servers, on ports of this machine."""
    found = Received(free_port(), 0)

    class Mailbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            found.mails.append(message_from_bytes(envelope.content, policy=default))
            return "250 OK"

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            found.requests.append(Request(self.path, dict(self.headers), json.loads(content)))
            # Clients of Slack and PagerDuty look into the answer; that of a Slack webhook wants these two letters.
            is_webhook = self.path.startswith("/services")
            answer = b"ok" if is_webhook else json.dumps({"ok": True, "status": "success", "dedup_key": "x"}).encode()
            self.send_response(202 if self.path.startswith("/v2") else 200)
            self.send_header("Content-Type", "text/plain" if is_webhook else "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    mail = Controller(Mailbox(), hostname="127.0.0.1", port=found.smtp)
    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.http = web.server_address[1]
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    mail.start()
    thread.start()
    try:
        yield found
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
        mail.stop()

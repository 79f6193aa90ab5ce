"""A metadata service that notes what it is asked to record, and finds all that it is asked for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class _Handler(BaseHTTPRequestHandler):
    recorded: list[str]

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.recorded.append(self.path)
        self._answer()

    def _answer(self) -> None:
        body = json.dumps({"run_number": 1, "task_id": 1, "tags": [], "system_tags": []}).encode()
        self.send_response(200)
        self.send_header("METADATA_SERVICE_VERSION", "2.5.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is for the output of the tests."""


@contextlib.contextmanager
def metadata_service() -> Iterator[tuple[str, list[str]]]:
    """The URL of a running service, and the paths of what it was asked to record so far."""
    recorded: list[str] = []
    handler = type("Handler", (_Handler,), {"recorded": recorded})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", recorded
        finally:
            server.shutdown()
            thread.join()

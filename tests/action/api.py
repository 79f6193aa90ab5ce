"""Stands for GitHub's REST API in tests: a server that keeps the state of one repository, as far as the action asks.

Paths, fields, pages, refusals and the store of artifacts are those of https://docs.github.com/en/rest.
"""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/flows"
WORKFLOW = ".github/workflows/mfdeploy.yml"
Query = Mapping[str, str]
Route = Callable[..., Any]


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class State:
    """One repository: `ancestors` has for each commit those that it follows; `tokens` what each token may do."""

    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    ancestors: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    url: str = ""
    failing: bool = False  # every answer is 502
    requests: list[str] = field(default_factory=list)

    def add_comment(self, number: int, body: str, user: str = "Bot") -> dict[str, Any]:
        comment = {"id": 1000 + len(self.comments), "number": number, "body": body, "user": {"type": user}}
        self.comments.append(comment)
        return comment

    def upload(self, run: int, name: str, source: Path, *, overwrite: bool = False) -> int:
        """As actions/upload-artifact, of a folder or a file: a name is taken once in a run, but for `overwrite`."""
        same = [each for each in self.artifacts if (each["run"], each["name"]) == (run, name)]
        assert not same or overwrite, f"409 Conflict: an artifact with the name {name} already exists"
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for path in [source] if source.is_file() else sorted(filter(Path.is_file, source.rglob("*"))):
                file.write(path, path.relative_to(source.parent if source.is_file() else source))
        self.artifacts = [each for each in self.artifacts if each not in same]
        number = 5000 + sum(1 for _ in self.artifacts) + len(same)
        content = archive.getvalue()
        self.artifacts.append({"id": number, "name": name, "run": run, "expired": False, "content": content})
        return number


@contextmanager
def github(state: State) -> Iterator[State]:
    """The server of a repository, whose address is then in `state.url`."""
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: State

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PATCH(self) -> None:
        self._answer("PATCH")

    def _answer(self, method: str) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        self.state.requests.append(f"{method} {parts.path}")
        try:
            status, content, headers = self._route(method, parts.path, query, body)
        except Refused as error:
            status, content, headers = error.status, json.dumps({"message": str(error)}).encode(), {}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _route(self, method: str, path: str, query: Query, body: Any) -> tuple[int, bytes, dict[str, str]]:
        if self.state.failing:
            raise Refused(502, "Server Error")
        if stored := re.fullmatch(r"/store/(\d+)", path):
            # As a store of blobs does: its address is signed, and another credential is an error.
            if self.headers.get("Authorization"):
                raise Refused(400, "InvalidAuthenticationInfo")
            return 200, self._artifact(int(stored[1]))["content"], {}
        prefix = f"/repos/{REPOSITORY}/"
        if not path.startswith(prefix):
            raise Refused(404, "Not Found")
        for verb, pattern, permission, route in _ROUTES:
            found = re.fullmatch(pattern, path.removeprefix(prefix))
            if verb == method and found:
                self._authorize(permission)
                answer = route(self.state, *found.groups(), query=query, body=body)
                if isinstance(answer, str):
                    return 302, b"", {"Location": answer}
                return 201 if method == "POST" else 200, json.dumps(answer).encode(), {}
        raise Refused(404, "Not Found")

    def _authorize(self, permission: str) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.state.tokens:
            raise Refused(401, "Bad credentials")
        allowed = self.state.tokens[token]
        granted = permission in allowed or permission.replace("read", "write") in allowed
        if permission and not granted:
            raise Refused(403, "Resource not accessible by integration")

    def _artifact(self, number: int) -> dict[str, Any]:
        return next(each for each in self.state.artifacts if each["id"] == number)


def _page(items: list[Any], query: Query) -> list[Any]:
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    return items[(page - 1) * size : page * size]


def _pull(state: State, number: str, **_: Any) -> Any:
    if int(number) not in state.pulls:
        raise Refused(404, "Not Found")
    return state.pulls[int(number)]


def _comments(state: State, number: str, query: Query, **_: Any) -> Any:
    return _page([each for each in state.comments if each["number"] == int(number)], query)


def _comment(state: State, number: str, body: Any, **_: Any) -> Any:
    return state.add_comment(int(number), _fitting(body["body"]))


def _edit_comment(state: State, number: str, body: Any, **_: Any) -> Any:
    comment = next(each for each in state.comments if each["id"] == int(number))
    comment["body"] = _fitting(body["body"])
    return comment


def _fitting(body: str) -> str:
    if len(body) > 65_536:
        raise Refused(422, "body is too long (maximum is 65536 characters)")
    return body


def _pulls_of(state: State, commit: str, query: Query, **_: Any) -> Any:
    """Also pull requests that merely contain the commit, as on GitHub."""
    return _page([each for each in state.pulls.values() if commit in each["commits"]], query)


def _runs(state: State, workflow: str, query: Query, **_: Any) -> Any:
    wanted = {"event": query["event"], "head_sha": query["head_sha"], "conclusion": query["status"]}
    found = [
        run
        for run in state.runs
        if run["path"].endswith(f"/{workflow}") and all(run[key] == value for key, value in wanted.items())
    ]
    return {"total_count": len(found), "workflow_runs": _page(found, query)}


def _artifacts(state: State, run: str, query: Query, **_: Any) -> Any:
    found = [each for each in state.artifacts if each["run"] == int(run) and each["name"] == query["name"]]
    shown = [{key: each[key] for key in ("id", "name", "expired")} for each in found]
    return {"total_count": len(shown), "artifacts": _page(shown, query)}


def _compare(state: State, base: str, head: str, **_: Any) -> Any:
    if base == head:
        return {"status": "identical"}
    return {"status": "ahead" if base in state.ancestors.get(head, ()) else "diverged"}


_ROUTES: list[tuple[str, str, str, Route]] = [
    ("GET", r"pulls/(\d+)", "pull-requests: read", _pull),
    ("GET", r"issues/(\d+)/comments", "pull-requests: read", _comments),
    ("POST", r"issues/(\d+)/comments", "pull-requests: write", _comment),
    ("PATCH", r"issues/comments/(\d+)", "pull-requests: write", _edit_comment),
    ("GET", r"commits/([^/]+)/pulls", "pull-requests: read", _pulls_of),
    ("GET", r"actions/workflows/([^/]+)/runs", "actions: read", _runs),
    ("GET", r"actions/runs/(\d+)/artifacts", "actions: read", _artifacts),
    ("GET", r"actions/artifacts/(\d+)/zip", "actions: read", lambda state, number, **_: f"{state.url}/store/{number}"),
    ("GET", r"compare/([^/]+)\.\.\.([^/]+)", "contents: read", _compare),
]

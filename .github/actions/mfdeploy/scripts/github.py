"""GitHub as the scripts of the action see it: the event, and the REST API. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

_SECONDS = 60
_PER_PAGE = 100


class ApiError(Exception):
    """GitHub refused a request, or could not be reached; `status` is 0 if there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect leads to a store that must not get the token: the caller follows it without."""

    def redirect_request(self, *_: object) -> None:
        return None


_without_redirects = urllib.request.build_opener(_NoRedirects)


class Api:
    """The REST API of this repository: https://docs.github.com/en/rest. Each method raises ApiError."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._base = f"{environ['GITHUB_API_URL']}/repos/{environ['GITHUB_REPOSITORY']}"
        self._token = environ["TOKEN"]

    def get(self, path: str, **query: str | int) -> Any:
        return self._json("GET", f"{self._base}/{path}?{urllib.parse.urlencode(query)}")

    def send(self, method: str, path: str, body: Mapping[str, object]) -> Any:
        return self._json(method, f"{self._base}/{path}", body)

    def pages(self, path: str, key: str = "", **query: str | int) -> Iterator[dict[str, Any]]:
        """The items of all pages of a list; `key` is where an answer that is an object has them."""
        page = 1
        while True:
            answer = self.get(path, **query, per_page=_PER_PAGE, page=page)
            items = answer[key] if key else answer
            yield from items
            if len(items) < _PER_PAGE:
                return
            page += 1

    def download(self, path: str, limit: int) -> bytes:
        """The content that a path redirects to, of at most `limit` bytes."""
        request = self._request("GET", f"{self._base}/{path}")
        try:
            with _without_redirects.open(request, timeout=_SECONDS) as answer:
                return _within(answer.read(limit + 1), limit)
        except urllib.error.HTTPError as error:
            location = error.headers.get("Location", "")
            if error.code not in (302, 307) or not location.startswith(("https://", "http://")):
                raise _refused(error) from error
        except OSError as error:
            raise ApiError(f"GitHub could not be reached: {error}") from error
        try:
            with urllib.request.urlopen(location, timeout=_SECONDS) as answer:  # noqa: S310 (checked above)
                return _within(answer.read(limit + 1), limit)
        except OSError as error:
            raise ApiError(f"the download failed: {error}") from error

    def _json(self, method: str, url: str, body: Mapping[str, object] | None = None) -> Any:
        try:
            with urllib.request.urlopen(self._request(method, url, body), timeout=_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _refused(error) from error
        except (OSError, ValueError) as error:
            raise ApiError(f"GitHub could not be reached: {error}") from error

    def _request(self, method: str, url: str, body: Mapping[str, object] | None = None) -> urllib.request.Request:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._token}",
            "User-Agent": "mfdeploy",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = None if body is None else json.dumps(body).encode()
        return urllib.request.Request(url, data, headers, method=method)  # noqa: S310 (GITHUB_API_URL)


def _refused(error: urllib.error.HTTPError) -> ApiError:
    try:
        said = json.load(error).get("message", "")
    except (OSError, ValueError, AttributeError):
        said = ""
    return ApiError(f"GitHub answered {error.code} {said or error.reason}", error.code)


def _within(content: bytes, limit: int) -> bytes:
    if len(content) > limit:
        raise ApiError(f"the download has more than {limit} bytes")
    return content


def read_event(environ: Mapping[str, str]) -> dict[str, Any]:
    """The event that started the run."""
    return dict(json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8")))


def page_of_run(environ: Mapping[str, str]) -> str:
    """The URL of this run's page."""
    return f"{environ['GITHUB_SERVER_URL']}/{environ['GITHUB_REPOSITORY']}/actions/runs/{environ['GITHUB_RUN_ID']}"


def annotate(kind: str, message: str) -> None:
    """Print a line that GitHub shows with the run: a ``notice``, a ``warning`` or an ``error``."""
    # https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    shown = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    print(f"::{kind}::{shown}", flush=True)


def fail(message: str) -> NoReturn:
    """End the step with an error."""
    annotate("error", message)
    sys.exit(1)


def set_output(environ: Mapping[str, str], name: str, value: str) -> None:
    """Set an output of the step; the value is one line."""
    with Path(environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}={value}{os.linesep}")


def fenced(text: str, limit: int) -> str:
    """The end of a text, of at most `limit` characters, as a Markdown block in which nothing has a meaning."""
    shown = "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    shown = shown if len(shown) <= limit else f"[...]\n{shown[-limit:]}"
    longest = max((len(run) for run in _runs_of_backticks(shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown.rstrip()}\n{fence}\n"


def _runs_of_backticks(text: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in text).split()

"""Requests to the REST API of an Airflow: one function, whoever carries them.

An answer is data: only what makes no answer at all is an error here. Reading is repeated where a moment later may help;
writing only if the request was surely not carried out, since Airflow has no keys for repeated writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from deployer.models.live import LiveError
from deployer.models.waiting import DEFAULT_WAITS, RAISE_LIMIT, WaitPolicy

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Parameters = Mapping[str, str | int | bool | list[str]]

# Seconds. The first request to an API server that has just started makes it load itself.
_CONNECT, _READ = 10, 45
_LATER = frozenset({429, 502, 503, 504})
_MOST_BYTES = 64 * 1024 * 1024
_SHOWN = 300


@dataclass(frozen=True)
class Request:
    """What is asked: `path` is that of the API (``/api/v2/...``), `body` goes as JSON."""

    method: Method
    path: str
    parameters: Parameters | None = None
    body: Any = None
    accept: str = "application/json"


@dataclass(frozen=True)
class Answer:
    """Status and body of an answer; `data` is None where the body is not JSON."""

    status: int
    data: Any
    text: str

    @property
    def detail(self) -> str:
        """What Airflow says of a refusal, as one line; empty if it says nothing."""
        if not isinstance(self.data, dict):
            return ""
        said = self.data.get("detail") or self.data.get("title") or self.data.get("error") or ""
        if isinstance(said, list):  # FastAPI: one item for each wrong field
            said = "; ".join(_field_error(each) for each in said)
        elif isinstance(said, dict):
            said = said.get("message") or said.get("reason") or json.dumps(said)
        return " ".join(str(said).split())[:_SHOWN]


class Transport(Protocol):
    """Carries requests to one Airflow, with its login."""

    @property
    def url(self) -> str:
        """The address of its pages, without a slash at the end."""

    def send(self, request: Request) -> Answer:
        """Send one request. Raises LiveError if there is no answer."""


class _LaterError(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class HttpTransport:
    """Requests by HTTP to an Airflow below `url`, each with the headers that `login` gives."""

    def __init__(
        self, url: str, login: Login, waits: WaitPolicy = DEFAULT_WAITS, client: httpx.Client | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._login = login
        self._waits = waits
        self._client = client or httpx.Client(
            timeout=httpx.Timeout(min(_READ, waits.seconds), connect=min(_CONNECT, waits.seconds)),
            follow_redirects=False,
        )

    def send(self, request: Request) -> Answer:
        answer = self._patiently(request)
        if answer.status == 401 and self._login.renew():
            answer = self._patiently(request)
        return answer

    def send_bare(self, request: Request) -> Answer:
        """Send a request without a login: the one that logs in. Raises LiveError if there is no answer."""
        return self._patiently(request, logged_in=False)

    def _patiently(self, request: Request, *, logged_in: bool = True) -> Answer:
        headers = {"Accept": request.accept, **(self._login.headers(self) if logged_in else {})}
        # What was not connected was not carried out. Reading may be repeated after anything.
        may_repeat: tuple[type[Exception], ...] = (httpx.ConnectError, httpx.ConnectTimeout)
        if request.method == "GET":
            may_repeat = (httpx.TransportError, _LaterError)
        attempts = Retrying(
            retry=retry_if_exception_type(may_repeat),
            stop=stop_after_delay(self._waits.seconds),
            wait=wait_random_exponential(multiplier=0.5, max=8),
            reraise=True,
        )
        try:
            with self._waits.waiting_for(f"Airflow at {self.url}"):
                return attempts(self._once, request, headers)
        except _LaterError as error:
            return error.answer
        except httpx.HTTPError as error:
            why = " ".join(str(error).split()) or type(error).__name__
            hint = f"is the url of `airflow:` right, and can it be reached from here? {RAISE_LIMIT}"
            raise LiveError(f"no answer from Airflow at {self.url}: {why}", hint) from error

    def _once(self, request: Request, headers: Mapping[str, str]) -> Answer:
        built = self._client.build_request(
            request.method,
            f"{self.url}{request.path}",
            params=_as_query(request.parameters),
            json=request.body,
            headers=dict(headers),
        )
        found = self._client.send(built, stream=True)
        try:
            content = bytearray()
            for piece in found.iter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    raise LiveError(
                        f"the answer of Airflow at {self.url} to {request.method} {request.path} is larger than 64 MiB"
                    )
        finally:
            found.close()
        answer = _answer(found.status_code, bytes(content).decode(errors="replace"))
        if request.method == "GET" and answer.status in _LATER:
            raise _LaterError(answer)
        return answer


class Login(Protocol):
    """How requests by HTTP prove who asks."""

    def headers(self, transport: HttpTransport) -> Mapping[str, str]:
        """The headers of a request. Raises LiveError if there is no login."""

    def renew(self) -> bool:
        """Forget a login that was refused. False if there is no other one to be had."""


class MwaaTransport:
    """Requests to an environment of Amazon MWAA through its API: no URL, no token."""

    def __init__(self, name: str, client: Any, url: str, waits: WaitPolicy = DEFAULT_WAITS) -> None:
        self._name = name
        self._client = client
        self._waits = waits
        self.url = url

    def send(self, request: Request) -> Answer:
        from botocore.exceptions import BotoCoreError, ClientError

        # MWAA adds the part of the path that names the version of the API.
        short = request.path.removeprefix("/api/v2").removeprefix("/api/v1")
        given: dict[str, Any] = {"Name": self._name, "Path": short, "Method": request.method}
        if request.parameters:
            given["QueryParameters"] = dict(request.parameters)
        if request.body is not None:
            given["Body"] = request.body
        try:
            with self._waits.waiting_for(f"the MWAA environment {self._name}"):
                found = self._client.invoke_rest_api(**given)
        except ClientError as error:
            status = error.response.get("RestApiStatusCode")
            if status is not None:
                return _of_data(int(status), error.response.get("RestApiResponse"))
            message = " ".join(str(error).split())
            hint = "the account needs airflow:InvokeRestApi"
            raise LiveError(f"MWAA environment {self._name}: {message}", hint) from error
        except BotoCoreError as error:
            raise LiveError(f"MWAA environment {self._name}: {' '.join(str(error).split())}") from error
        return _of_data(int(found["RestApiStatusCode"]), found.get("RestApiResponse"))


def _of_data(status: int, data: Any) -> Answer:
    return Answer(status, data, data if isinstance(data, str) else json.dumps(data))


def _answer(status: int, text: str) -> Answer:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    return Answer(status, data, text)


def _as_query(parameters: Parameters | None) -> httpx.QueryParams:
    query: list[tuple[str, str | int | float | bool | None]] = []
    for name, value in (parameters or {}).items():
        query += [(name, each) for each in (value if isinstance(value, list) else [value])]
    return httpx.QueryParams(query)


def _field_error(error: object) -> str:
    if not isinstance(error, dict):
        return str(error)
    place = ".".join(str(each) for each in error.get("loc", ()) if each != "body")
    return f"{place}: {error.get('msg', '')}" if place else str(error.get("msg", ""))

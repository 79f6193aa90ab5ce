"""The ways to log in to an Airflow that is reached by HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from deployer.models.live import LiveError, NotAllowedError
from deployer.orchestrators.airflow.live.transport import HttpTransport, Request

_HINT = "see the login below `airflow:` of the environment"


class BearerLogin:
    """A token from outside: of Astro, of a service account, of an identity provider."""

    def __init__(self, token: str) -> None:
        self._token = token

    def headers(self, transport: HttpTransport) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        return False


class NoLogin:
    """Nothing: for an Airflow that asks nobody who they are."""

    def headers(self, transport: HttpTransport) -> Mapping[str, str]:
        return {}

    def renew(self) -> bool:
        return False


class PasswordLogin:
    """User and password: exchanged for a token by Airflow 3, sent with each request to Airflow 2 (basic auth)."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._headers: Mapping[str, str] | None = None

    def headers(self, transport: HttpTransport) -> Mapping[str, str]:
        if self._headers is None:
            self._headers = self._log_in(transport)
        return self._headers

    def renew(self) -> bool:
        had_token = "Bearer" in str(self._headers)
        self._headers = None
        return had_token

    def _log_in(self, transport: HttpTransport) -> Mapping[str, str]:
        body = {"username": self._user, "password": self._password}
        answer = transport.send_bare(Request("POST", "/auth/token", body=body))
        if answer.status in (200, 201) and isinstance(answer.data, dict) and answer.data.get("access_token"):
            return {"Authorization": f"Bearer {answer.data['access_token']}"}
        if answer.status in (404, 405):  # Airflow 2 has no such page
            pair = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        if answer.status in (401, 403, 422):
            raise NotAllowedError(f"Airflow at {transport.url} refuses the user {self._user!r} and the password", _HINT)
        raise LiveError(f"Airflow at {transport.url} answers a login with {answer.status}: {answer.detail}", _HINT)


class GoogleLogin:
    """An access token of Google's application default credentials: for Cloud Composer."""

    def __init__(self, token: Callable[[], str] | None = None) -> None:
        self._fetch = token or _google_token
        self._token: str | None = None

    def headers(self, transport: HttpTransport) -> Mapping[str, str]:
        if self._token is None:
            self._token = self._fetch()
        return {"Authorization": f"Bearer {self._token}"}

    def renew(self) -> bool:
        had_token, self._token = self._token is not None, None
        return had_token


def _google_token() -> str:
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError as error:
        raise LiveError("google: the package google-auth is not installed", "pip install 'mfdeploy[gcs]'") from error
    try:
        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        credentials.refresh(Request())
    except GoogleAuthError as error:
        hint = "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS"
        raise LiveError(f"no usable Google credentials: {error}", hint) from error
    return str(credentials.token)

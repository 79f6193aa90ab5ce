"""From the settings below `airflow:` to an Airflow that can be asked."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from deployer.manifest.keys import AirflowAccess
from deployer.models.live import LiveError
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import BearerLogin, GoogleLogin, NoLogin, PasswordLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport, Login, MwaaTransport

# Seconds for an answer, and for a connection.
_FIRST, _CONNECT_HERE = 60, 2


def connect(access: AirflowAccess, environ: Mapping[str, str]) -> LiveAirflow:
    """The Airflow that the settings name. Nothing is asked yet. Raises LiveError if there are no credentials."""
    if access.mwaa is not None:
        return LiveAirflow(_mwaa(access.mwaa, environ))
    return LiveAirflow(HttpTransport(access.url or "", _login(access)))


def connect_here(url: str) -> LiveAirflow:
    """An Airflow that runs on this machine and asks nobody who they are. Where it does not answer, it has ended."""
    # The first request makes it load itself; proxies are for other machines.
    client = httpx.Client(timeout=httpx.Timeout(_FIRST, connect=_CONNECT_HERE), trust_env=False)
    return LiveAirflow(HttpTransport(url, NoLogin(), client, budget=_CONNECT_HERE))


def _login(access: AirflowAccess) -> Login:
    if access.token is not None:
        return BearerLogin(access.token.value)
    if access.user is not None:
        return PasswordLogin(access.user, access.password.value if access.password else "")
    return GoogleLogin() if access.google else NoLogin()


def _mwaa(name: str, environ: Mapping[str, str]) -> MwaaTransport:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.session.Session().client("mwaa")
        found = client.get_environment(Name=name)["Environment"]
    except (BotoCoreError, ClientError) as error:
        hint = (
            "the account needs airflow:GetEnvironment and airflow:InvokeRestApi; AWS_PROFILE and AWS_REGION say which"
        )
        raise LiveError(f"MWAA environment {name}: {' '.join(str(error).split())}", hint) from error
    return MwaaTransport(name, client, f"https://{found['WebserverUrl']}")

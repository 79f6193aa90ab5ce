"""From the settings below `airflow:` to an Airflow that can be asked."""

from __future__ import annotations

import httpx

from deployer.manifest.airflow_keys import AirflowAccess
from deployer.manifest.formats import seconds_of
from deployer.models.live import AfterApply, LiveError
from deployer.models.waiting import WaitPolicy
from deployer.orchestrators.airflow.live.client import LiveAirflow
from deployer.orchestrators.airflow.live.login import BearerLogin, GoogleLogin, NoLogin, PasswordLogin
from deployer.orchestrators.airflow.live.transport import HttpTransport, Login, MwaaTransport

# Seconds for an answer, and for a connection.
_FIRST, _CONNECT_HERE = 60, 2
# Its DAG processor looks for new files each second.
_HERE = AfterApply(60)


def connect(access: AirflowAccess, waits: WaitPolicy) -> LiveAirflow:
    """The Airflow that the settings name. Nothing is asked yet. Raises LiveError if there are no credentials."""
    after_apply = AfterApply(seconds_of(access.wait), access.on_import_error == "rollback")
    if access.mwaa is not None:
        return LiveAirflow(_mwaa(access.mwaa, waits), after_apply)
    return LiveAirflow(HttpTransport(access.url or "", _login(access), waits), after_apply)


def connect_here(url: str) -> LiveAirflow:
    """An Airflow that runs on this machine and asks nobody who they are. Where it does not answer, it has ended."""
    # The first request makes it load itself; proxies are for other machines.
    client = httpx.Client(timeout=httpx.Timeout(_FIRST, connect=_CONNECT_HERE), trust_env=False)
    return LiveAirflow(HttpTransport(url, NoLogin(), WaitPolicy(_CONNECT_HERE), client), _HERE)


def _login(access: AirflowAccess) -> Login:
    for secret in (access.token, access.password):
        if secret is not None and secret.value == secret.written:
            name = secret.written.removeprefix("${env.").removesuffix("}")
            raise LiveError(f"the environment variable {name} is not set", "it is the login below `airflow:`")
    if access.token is not None:
        return BearerLogin(access.token.value)
    if access.user is not None:
        return PasswordLogin(access.user, access.password.value if access.password else "")
    return GoogleLogin() if access.google else NoLogin()


def _mwaa(name: str, waits: WaitPolicy) -> MwaaTransport:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    # Half of the time for each of two attempts.
    once = waits.seconds / 2
    config = Config(connect_timeout=min(10, once), read_timeout=once, retries={"total_max_attempts": 2})
    try:
        client = boto3.session.Session().client("mwaa", config=config)
        found = client.get_environment(Name=name)["Environment"]
    except (BotoCoreError, ClientError) as error:
        hint = (
            "the account needs airflow:GetEnvironment and airflow:InvokeRestApi; AWS_PROFILE and AWS_REGION say which"
        )
        raise LiveError(f"MWAA environment {name}: {' '.join(str(error).split())}", hint) from error
    return MwaaTransport(name, client, f"https://{found['WebserverUrl']}", waits)

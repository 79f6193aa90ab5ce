"""Credentials, region and endpoint for S3, as boto3 finds them.

Importing botocore takes two tenths of a second. It is not used where environment variables decide everything and there
is no configuration file, as in CI: `_of_variables` gives what botocore would find then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import S3Credential

# Credentials that expire are requested again this often; botocore renews them shortly before they expire.
_ASK_AGAIN = timedelta(minutes=5)
_DEFAULT_REGION = "us-east-1"
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_ENDPOINT = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?")
# Variables that only botocore handles: profiles, credentials that expire, other kinds of endpoints.
_LEAD_ELSEWHERE = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN"),
    *("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
)
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
# Regions of the partition `aws`; the endpoints of other partitions differ.
_PLAIN_REGION = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d")


@dataclass(frozen=True)
class S3Settings:
    """How a bucket is reached. `credentials` is called repeatedly; None where there are none."""

    region: str
    endpoint: str
    credentials: Callable[[], S3Credential] | None


def s3_settings(environ: Mapping[str, str]) -> S3Settings:
    """The settings that boto3 would find. Raises ValueError when they cannot be used.

    `environ` is the process environment, which botocore itself reads, too.
    """
    for name in _KEYS:
        if not environ.get(name, "").isascii() or not environ.get(name, "").isprintable():
            raise ValueError(f"{name} contains a character that is not allowed in a request")
    return _of_variables(environ) or _of_botocore(environ)


def _of_variables(environ: Mapping[str, str]) -> S3Settings | None:
    """The settings, where variables alone decide them."""
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    files = [Path(environ.get(name) or default).expanduser() for name, default in _FILES.items()]
    if not key or not secret or any(map(environ.get, _LEAD_ELSEWHERE)) or any(file.exists() for file in files):
        return None
    region = environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or _DEFAULT_REGION
    endpoint = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    # botocore refuses anything else, or knows its endpoint.
    if not (_ENDPOINT.fullmatch(endpoint) if endpoint else _PLAIN_REGION.fullmatch(region)):
        return None

    def provide() -> S3Credential:
        token = environ.get("AWS_SESSION_TOKEN") or None
        return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": None}

    return S3Settings(region, endpoint or f"https://s3.{region}.amazonaws.com", provide)


def _of_botocore(environ: Mapping[str, str]) -> S3Settings:
    # boto3 itself uses botocore, and would import its transfers, too.
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    try:
        session = Session()
        region = session.get_config_variable("region") or environ.get("AWS_REGION") or _DEFAULT_REGION
        endpoint = session.create_client("s3", region_name=region).meta.endpoint_url
        return S3Settings(region, endpoint, _provider(session.get_credentials()))
    except BotoCoreError as error:
        raise ValueError(str(error)) from error


def _provider(credentials: Any) -> Callable[[], S3Credential] | None:
    """Gives boto3's credentials to obstore, which itself reads only the environment and the metadata service."""
    if credentials is None:
        return None
    credentials.get_frozen_credentials()  # so that an expired login is reported before any request

    def provide() -> S3Credential:
        found = credentials.get_frozen_credentials()
        return {
            "access_key_id": found.access_key,
            "secret_access_key": found.secret_key,
            "token": found.token,
            "expires_at": datetime.now(timezone.utc) + _ASK_AGAIN,
        }

    return provide

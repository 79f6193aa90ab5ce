"""A target in S3, or a store that speaks its protocol; credentials, region and endpoint are what boto3 finds."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from deployer.targets import TargetError
from deployer.targets.bucket_url import BucketUrl, parse
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.patience import PATIENCE, Patience

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3Store

# Credentials that expire are asked for again this often; botocore renews them when they are near their end.
_ASK_AGAIN = timedelta(minutes=5)
_HINT = "set AWS_PROFILE, sign in (aws sso login) or set AWS_ACCESS_KEY_ID; docs/targets.md lists all places"


def open_s3(url: str, patience: Patience = PATIENCE) -> ObjectStoreTarget:
    """The target of an ``s3://bucket/prefix``; nothing is asked of anybody yet. Raises UrlError."""
    place = parse(url)
    return ObjectStoreTarget(place.url, lambda: _connect(place, patience), patience)


def _connect(place: BucketUrl, patience: Patience) -> S3Store:
    # What boto3 itself asks; boto3 would import its transfers, too.
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session
    from obstore.store import S3Store

    try:
        session = Session()
        region = session.get_config_variable("region") or os.environ.get("AWS_REGION") or "us-east-1"
        endpoint = session.create_client("s3", region_name=region).meta.endpoint_url
        provider = _provider(session.get_credentials())
    except (BotoCoreError, ValueError) as error:
        raise TargetError(f"{place.url}: no usable AWS credentials: {error}", _HINT) from error
    if provider is None:
        raise TargetError(f"{place.url}: no AWS credentials were found", _HINT)
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        region=region,
        endpoint=endpoint,
        client_options=patience.client(endpoint),
        retry_config=patience.retry,
        credential_provider=provider,
    )


def _provider(credentials: Any) -> Callable[[], S3Credential] | None:
    """What gives obstore its credentials: it reads the environment and the metadata service alone, boto3 the rest."""
    if credentials is None:
        return None
    credentials.get_frozen_credentials()  # so that an expired login is said before any request

    def provide() -> S3Credential:
        found = credentials.get_frozen_credentials()
        return {
            "access_key_id": found.access_key,
            "secret_access_key": found.secret_key,
            "token": found.token,
            "expires_at": datetime.now(timezone.utc) + _ASK_AGAIN,
        }

    return provide

"""A target in S3, or a store that speaks its protocol; credentials, region and endpoint are what boto3 finds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, parse
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.patience import PATIENCE, Patience
from deployer.targets.s3_settings import s3_settings

if TYPE_CHECKING:
    from obstore.store import S3Store

_HINT = "set AWS_PROFILE, sign in (aws sso login) or set AWS_ACCESS_KEY_ID; docs/targets.md lists all places"


def open_s3(url: str, patience: Patience = PATIENCE) -> ObjectStoreTarget:
    """The target of an ``s3://bucket/prefix``; nothing is asked of anybody yet. Raises UrlError."""
    place = parse(url)
    return ObjectStoreTarget(place.url, lambda: _connect(place, patience), patience)


def _connect(place: BucketUrl, patience: Patience) -> S3Store:
    from obstore.store import S3Store

    try:
        settings = s3_settings(os.environ)
    except ValueError as error:
        raise TargetError(f"{place.url}: no usable AWS credentials: {error}", _HINT) from error
    if settings.credentials is None:
        raise TargetError(f"{place.url}: no AWS credentials were found", _HINT)
    return S3Store(
        place.bucket,
        prefix=place.prefix or None,
        region=settings.region,
        endpoint=settings.endpoint,
        client_options=patience.client(settings.endpoint),
        retry_config=patience.retry,
        credential_provider=settings.credentials,
    )

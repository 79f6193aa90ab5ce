"""A target in S3, or in a store with the same API; credentials, region and endpoint are those that boto3 finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from deployer.models.target import TargetError
from deployer.targets.bucket_url import BucketUrl, parse_bucket_url
from deployer.targets.client_options import DEFAULT_OPTIONS, NO_RETRIES, ClientOptions
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.s3_settings import s3_settings

if TYPE_CHECKING:
    from obstore.store import S3Store

_HINT = "set AWS_PROFILE, sign in (aws sso login) or set AWS_ACCESS_KEY_ID; docs/targets.md lists every way"


def open_s3(url: str, environ: Mapping[str, str], options: ClientOptions = DEFAULT_OPTIONS) -> ObjectStoreTarget:
    """The target of an ``s3://bucket/prefix``; no request is made yet. Raises UrlError."""
    bucket = parse_bucket_url(url)
    return ObjectStoreTarget(bucket.url, lambda: _connect(bucket, environ, options), options)


def _connect(bucket: BucketUrl, environ: Mapping[str, str], options: ClientOptions) -> S3Store:
    from obstore.store import S3Store

    try:
        settings = s3_settings(environ)
    except ValueError as error:
        raise TargetError(f"{bucket.url}: no usable AWS credentials: {error}", _HINT) from error
    if settings.credentials is None:
        raise TargetError(f"{bucket.url}: no AWS credentials were found", _HINT)
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        region=settings.region,
        endpoint=settings.endpoint,
        client_options=options.client(settings.endpoint),
        retry_config=NO_RETRIES,
        credential_provider=settings.credentials,
    )

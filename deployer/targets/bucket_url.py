"""The URLs of object stores: ``scheme://bucket/prefix`` and nothing else in them."""

from __future__ import annotations

import re
from typing import NamedTuple

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,220}[A-Za-z0-9]\Z")
# All three kinds of store accept names of 1,024 bytes; the DAG file's name follows the prefix.
_MOST_OF_A_PREFIX = 700
_SEGMENT = re.compile(r"[A-Za-z0-9._=+@,~-]+\Z")


class BucketUrl(NamedTuple):
    """The name of a bucket (or container) and the prefix in it, without slashes at its ends; it may be empty."""

    url: str
    name: str
    prefix: str


class UrlError(ValueError):
    """Not a valid URL of a target. The message says what was expected and never quotes what may be a secret."""


def parse_bucket_url(url: str) -> BucketUrl:
    """The parts of ``scheme://bucket/prefix``. Raises UrlError."""
    scheme, _, rest = url.partition("://")
    form = f"{scheme}://bucket/prefix"
    if "?" in rest or "#" in rest:
        raise UrlError(f"expected {form}: a target's URL has no query and no credentials")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket:
        raise UrlError(f"expected {form}: the bucket's name comes first, and a target's URL has no credentials")
    if not _BUCKET.match(bucket):
        raise UrlError(f"{bucket!r} is not a valid bucket name; expected {form}")
    prefix = prefix.rstrip("/")
    if len(prefix) > _MOST_OF_A_PREFIX:
        raise UrlError(f"the prefix has {len(prefix):,} characters; the limit is {_MOST_OF_A_PREFIX}")
    for segment in prefix.split("/") if prefix else ():
        if segment in (".", "..") or not _SEGMENT.match(segment):
            raise UrlError(f"the prefix has a part {segment!r}; expected letters, digits and . _ - = + @ , ~")
    return BucketUrl(url.rstrip("/"), bucket, prefix)

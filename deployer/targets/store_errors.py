"""What an error of an object store means, in one sentence, and what to do about it."""

from __future__ import annotations

import re

from deployer.models.waiting import RAISE_LIMIT

_DENIED = ("AccessDenied", "AuthorizationFailure", "AuthorizationPermissionMismatch", "AllAccessDisabled")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "BucketNotFound")
_NO_FILE = ("NoSuchKey", "BlobNotFound")
_REGION = ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException")
_NO_ANSWER = f"check the network, proxies and the endpoint; {RAISE_LIMIT}"
_SIGN_IN = "sign in again (aws sso login, gcloud auth login, az login), or renew the credentials in the environment"


def is_missing_file(error: Exception) -> bool:
    """Whether the file was not found, rather than the bucket."""
    code = _code(str(error))
    return code in _NO_FILE or code not in _NO_BUCKET


def is_conflict(error: Exception) -> bool:
    """Whether the store asks for a retry because of another conditional request at the same time (S3's 409)."""
    return _code(str(error)) in ("ConditionalRequestConflict", "OperationAborted")


def may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: no response, too many requests, or a failure of the store."""
    status = _status(str(error))
    return status in (408, 429) or status >= 500 or (status == 0 and "HTTP error" in str(error))


def explain(error: Exception, url: str) -> tuple[str, str]:
    """What went wrong at `url`, and a hint; each on one line and without anything that signs a request."""
    what, hint = _meaning(str(error))
    return f"{url}: {what}", hint


def _meaning(text: str) -> tuple[str, str]:
    status, code = _status(text), _code(text)
    said = _said(text)
    if code in _NO_BUCKET or (status == 404 and code not in _NO_FILE):
        return "there is no such bucket or container", "create it, or correct the URL"
    if code in _REGION or "Received redirect" in text:
        region = _region(text)
        return "the bucket is in another region", f"set AWS_REGION to {region or 'the region of the bucket'}"
    if code in _DENIED or (status == 403 and code in ("", "Forbidden")):
        hint = "the account needs to list the prefix, and to read, write and delete objects below it"
        return f"access denied{said}", hint
    if status in (401, 403) or "Token" in code or code.startswith("ExpiredT") or "Unauthenticated" in text:
        return f"the credentials are not accepted{said}", _SIGN_IN
    if "token request" in text or "credential" in text.lower():
        return f"no usable credentials: {_first_line(text)}", "docs/targets.md lists where credentials are read from"
    if status:
        return f"the store responded with status {status}{said}", "wait a little and try again" if status in (
            429,
            500,
            503,
        ) else ""
    if "Timeout" in text or "TimedOut" in text or "timed out" in text:
        return "no response in time", _NO_ANSWER
    if "HTTP error" in text:
        return f"no response: {_first_line(text)}", _NO_ANSWER
    return _first_line(text), ""


def _said(text: str) -> str:
    code, message = _code(text), _tag("Message", text)
    words = ": ".join(filter(None, [code, message]))
    return f": {words}" if words else ""


def _code(text: str) -> str:
    return _tag("Code", text)


def _tag(name: str, text: str) -> str:
    found, closed, _ = text.partition(f"<{name}>")[2].partition(f"</{name}>")
    # Azure's messages have a request id and a time on further lines.
    return found.strip().splitlines()[0].strip() if closed and found.strip() else ""


def _status(text: str) -> int:
    found = re.search(r"status code: (\d{3})", text)
    return int(found.group(1)) if found else 0


def _region(text: str) -> str:
    found = re.search(r"expecting '([a-z0-9-]+)'", text)
    return _tag("Region", text) or (found.group(1) if found else "")


def _first_line(text: str) -> str:
    """The first line without the queries of URLs, which may hold a signature."""
    line = text.split("\n\nDebug source")[0].strip().splitlines()
    return re.sub(r"\?\S+", "", line[0])[:300] if line else "no reason given"

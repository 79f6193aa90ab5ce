"""Recognizes credentials by name or form. None may be in a URL of a manifest, a DAG file, a plan or a log."""

from __future__ import annotations

import re
from typing import Final

# The settings that Metaflow itself authenticates to its service with.
OF_THE_SERVICE: Final = ("METAFLOW_SERVICE_AUTH_KEY", "METAFLOW_SERVICE_HEADERS")
_WORDS = "KEY|API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|HEADERS"
# The last word decides: AWS_SECRETS_MANAGER_DEFAULT_ROLE and KUBERNETES_SECRETS are names of things, not credentials.
_NAME: Final = re.compile(rf"(?:^|_)(?:{_WORDS})\Z", re.IGNORECASE)
# The namespace of a deployment's runs, which gives no access to anything.
_NOT_CREDENTIALS: Final = ("METAFLOW_PRODUCTION_TOKEN",)
# Of a variable of a process, wherever in the name the word stands: AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE,
# SSH_AUTH_SOCK, SYSTEM_ACCESSTOKEN, PGPASSWORD.
_ACCESS: Final = re.compile(
    r"(?:^|_)(?:KEY|API_?KEY|(?:ACCESS)?TOKEN|JWT|SECRETS?|(?:PG)?PASSWORD|PASSWD|PASS|PASSPHRASE|CREDENTIALS?|CREDS"
    r"|AUTH|AUTHORIZATION|COOKIE|CONNECTION_STRING|HEADERS?)(?:_|\Z)|_PWD\Z",
    re.IGNORECASE,
)
# Only the last letter of the scheme: matching all of it would start anew at each letter of a long string.
_IN_URL: Final = re.compile(r"[a-z0-9+.-]://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
# What signs a request in the query of a URL: shared access signatures, presigned URLs, keys.
_PARAMETER: Final = re.compile(r"[?&]([a-z_-]+)=", re.IGNORECASE)
_SIGNATURE: Final = re.compile(
    r"sig\Z|x-(?:amz|goog)-|googleaccessid\Z|.*(?:signature|token|secret|password|key)", re.IGNORECASE
)
_IN_JSON: Final = re.compile(
    r"[\"'](?:[^\"']*[_-])?(?:secret|password|passwd|token|access_key|api[_-]?key|authorization|private_key|cookie)[\"']\s*:",
    re.IGNORECASE,
)
HINT: Final = "put it into a Kubernetes secret (`kubernetes: {secrets: [...]}`) or the Airflow worker's environment"


def names_credential(name: str) -> bool:
    """Whether a variable of that name contains a credential: NAME_KEY, NAME_TOKEN, NAME_PASSWORD and the like."""
    return name not in _NOT_CREDENTIALS and _NAME.search(name) is not None


def gives_access(name: str, value: str) -> bool:
    """Whether a variable of a process gives access to something: a word of its name or its value says so."""
    return _ACCESS.search(name) is not None or holds_credential(value)


def holds_credential(text: str) -> bool:
    """Whether a value contains a credential: a URL with a password, or JSON with a key that names one."""
    return _IN_URL.search(text) is not None or _IN_JSON.search(text) is not None


def credential_in_url(url: str) -> str:
    """The kind of credential that a URL contains, as a noun (``a password``); empty when it contains none."""
    if _IN_URL.search(url):
        return "a password"
    signed = any(_SIGNATURE.match(name) for name in _PARAMETER.findall(url))
    return "a key or a signature" if signed else ""

"""What is, by its name or its form, a credential: such things are in no DAG file, plan, record or log."""

from __future__ import annotations

import re
from typing import Final

# What Metaflow itself reads to be let in to its service.
OF_THE_SERVICE: Final = ("METAFLOW_SERVICE_AUTH_KEY", "METAFLOW_SERVICE_HEADERS")
_WORDS = "KEY|API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|HEADERS"
# The last word decides: AWS_SECRETS_MANAGER_DEFAULT_ROLE and KUBERNETES_SECRETS name things, and open none.
_NAME: Final = re.compile(rf"(?:^|_)(?:{_WORDS})\Z", re.IGNORECASE)
# A namespace of runs, which lets nobody in.
_NAMES_OF_NOTHING: Final = ("METAFLOW_PRODUCTION_TOKEN",)
# Of the scheme one letter only: to look for all of it from each letter on takes an hour where a text has millions.
_IN_URL: Final = re.compile(r"[a-z0-9+.-]://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_IN_JSON: Final = re.compile(
    r"[\"'](?:[^\"']*[_-])?(?:secret|password|passwd|token|access_key|api[_-]?key|authorization|private_key|cookie)[\"']\s*:",
    re.IGNORECASE,
)
HINT: Final = "put it into a Kubernetes secret (`kubernetes: {secrets: [...]}`) or the Airflow worker's environment"


def names_credential(name: str) -> bool:
    """Whether a variable of that name holds a credential: NAME_KEY, NAME_TOKEN, NAME_PASSWORD and the like."""
    return name not in _NAMES_OF_NOTHING and _NAME.search(name) is not None


def holds_credential(text: str) -> bool:
    """Whether a value has a credential in it: a URL with a password, or JSON with a key that names one."""
    return _IN_URL.search(text) is not None or _IN_JSON.search(text) is not None

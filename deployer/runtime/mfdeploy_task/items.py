"""The values of a foreach's items that Airflow may show: short ones that nobody takes for a secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

MOST_CHARACTERS = 40
# Of all values together, as JSON. The message of a pod that ends holds 4,096 bytes, with the rest of the result; on a
# worker each item's task reads them.
MOST_BYTES = 3_000 if "METAFLOW_KUBERNETES_WORKLOAD" in os.environ else 50_000

# A subclass may be anything, also what its author wants to keep to himself: an exact type is what it looks like.
_PLAIN = (str, int, float, bool)
_LISTS = (list, tuple, range)
_SECRET = re.compile(
    r"""
    (?:pass(?:word|wd|phrase)?|secret|token|api[_-]?key|access[_-]?key|credentials?|authorization)\s*[=:]
    | ://[^/\s]*@              # a URL with a user
    | [?&][\w-]+=              # the query of a URL, which may hold a signature
    | \bbearer\s | \bbasic\s   # a header
    | -----BEGIN               # a key in a file
    | \b(?:sk|pk|rk|gh[a-z]|github_pat|glpat|xox[a-z])[-_](?=\S*\d)\S{8}  # tokens of well-known services
    | \beyJ                    # a JSON Web Token
    """,
    re.IGNORECASE | re.VERBOSE,
)
# So many letters and digits in a row, both among them, are a key or a digest and no word; the second is AWS's form.
_KEY = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20}|\A(?=.*[0-9])(?=.*[A-Z])[A-Za-z0-9+/]{40}\Z")


def shown_values(items: Any, most_bytes: int) -> dict[str, str]:
    """The values to show, by index as text. None at all where they have more than `most_bytes` as JSON together.

    `items` is what a flow gave to ``foreach``: of anything but a list, a tuple or a range no value is looked at, since
    reading one may cost much or change something.
    """
    if type(items) not in _LISTS or len(items) * 10 > most_bytes:
        return {}
    found = _values(items)
    return found if len(json.dumps(found)) <= most_bytes else {}


def shown_value(item: Any) -> str:
    """The value of one item as text; empty where it is not to be shown."""
    if type(item) not in _PLAIN:
        return ""
    try:
        text = str(item)
    except ValueError:  # a number of more digits than Python writes
        return ""
    is_short = 0 < len(text) <= MOST_CHARACTERS and text.isprintable()
    return text if is_short and not _SECRET.search(text) and not _KEY.search(text) else ""


def _values(items: Sequence[Any]) -> dict[str, str]:
    shown = ((str(index), shown_value(item)) for index, item in enumerate(items))
    return {index: text for index, text in shown if text}

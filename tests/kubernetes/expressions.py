"""Small languages of the Kubernetes API: label and field selectors, ``$(NAME)``, and patches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels fulfil a selector such as ``a=b,c!=d,!e,f in (g,h)``."""
    return all(_requirement(part, labels) for part in re.split(r",(?![^(]*\))", selector) if part.strip())


def _requirement(text: str, labels: Mapping[str, str]) -> bool:
    of_set = _SET.match(text)
    if of_set:
        name, word, values = of_set.groups()
        return (labels.get(name) in [value.strip() for value in values.split(",")]) == (word == "in")
    parted = re.match(r"^\s*([^=!\s]+)\s*(!=|==?)\s*(\S*)\s*$", text)
    if parted:
        name, word, value = parted.groups()
        return (labels.get(name) == value) == (word != "!=")
    name = text.strip()
    return name.lstrip("!") not in labels if name.startswith("!") else name in labels


def field(manifest: Mapping[str, Any], path: str) -> Any:
    """What a field path such as ``metadata.name`` or ``metadata.labels['a']`` says; None where nothing is there."""
    found: Any = manifest
    for plain, quoted in re.findall(r"([A-Za-z]+)|\['([^']*)'\]", path):
        found = (found or {}).get(plain or quoted)
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """``$(NAME)`` by its value where there is one, ``$$`` by ``$``, and all else as it is, as the kubelet does."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] is None else variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def patch(target: dict[str, Any], change: Mapping[str, Any]) -> None:
    """A merge patch: maps are merged, null removes, all else replaces. Enough for labels and annotations."""
    for key, value in change.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            patch(target.setdefault(key, {}), value)
        else:
            target[key] = value

"""Which flows of the manifests have errors, so that the others can be planned without them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from deployer.errors import Diagnostic, Severity
from deployer.manifest.nodes import Entry, Items, Map, Scalar


def environments_of(entry: Entry, known: Collection[str]) -> Collection[str]:
    """The environments that a flow names as they are written, else all of them."""
    named = entry.node.get("environments") if isinstance(entry.node, Map) else None
    if not isinstance(named, Items):
        return known
    return {str(node.value) for node in named.nodes if isinstance(node, Scalar) and node.value in known}


def broken_flows(found: Iterable[Diagnostic], flows: Collection[str]) -> Mapping[str, Sequence[Diagnostic]] | None:
    """The errors by the name of the flow that has them; None if there is an error that no single flow has."""
    errors: dict[str, list[Diagnostic]] = {}
    for each in found:
        if each.severity is Severity.ERROR:
            name = _flow_of(each.path, flows)
            if name is None:
                return None
            errors.setdefault(name, []).append(each)
    return errors


def _flow_of(path: str, flows: Collection[str]) -> str | None:
    section, _, rest = path.partition(".")
    if section != "flows":
        return None
    # A name may contain a dot: the longest one that the path begins with.
    return max(
        (name for name in flows if rest == name or rest.startswith((f"{name}.", f"{name}["))), key=len, default=None
    )

"""Warns of unquoted values that another YAML reader takes for something else, where any JSON value is allowed.

Elsewhere the expected type decides, and a wrong one is refused.
"""

from __future__ import annotations

from deployer.manifest.nodes import Items, Map, Node, Path, Report
from deployer.manifest.scalars import looks_like


def warn_ambiguous(node: Node, path: Path, report: Report) -> None:
    """Report the unquoted `yes`, `017`, `1_000` and the like in a node."""
    if isinstance(node, Map):
        for name, entry in node.entries.items():
            warn_ambiguous(entry.node, (*path, name), report)
    elif isinstance(node, Items):
        for at, item in enumerate(node.nodes):
            warn_ambiguous(item, (*path, at), report)
    elif node.plain and isinstance(node.value, str) and not node.broken:
        other = looks_like(node.text)
        if other:
            message = f"{node.text} is the text {node.text!r} here"
            hint = f'write "{node.text}" for the text, or {other}'
            report.warn("ambiguous-value", message, node.location, path, hint)

"""Merges layers of settings: maps by key, lists and scalars replaced, every value keeping its place."""

from __future__ import annotations

from collections.abc import Iterable

from deployer.manifest.nodes import Entry, Map


def merge(layers: Iterable[Map]) -> Map:
    """The layers as one, weakest first."""
    merged: Map | None = None
    for layer in layers:
        merged = layer if merged is None else _lay(merged, layer)
    assert merged is not None
    return merged


def _lay(below: Map, above: Map) -> Map:
    entries = dict(below.entries)
    for name, entry in above.entries.items():
        lower = entries.get(name)
        if lower is not None and isinstance(lower.node, Map) and isinstance(entry.node, Map):
            entries[name] = Entry(entry.key, _lay(lower.node, entry.node))
        else:
            entries[name] = entry
    return Map(entries, above.location)

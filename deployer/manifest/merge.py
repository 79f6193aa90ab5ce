"""Merges layers of settings: maps by key, lists and scalars replaced, every value keeping its location."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from deployer.manifest.fields import Settings, bare_type, keys_of
from deployer.manifest.keys import FlowSettings
from deployer.manifest.nodes import Entry, Map, Scalar

# A scalar where a map may stand is short for the map with this one key: `retries: 3` is `retries: {times: 3}`.
_SHORT_FORMS: Final = {
    name: model.short
    for name, field in keys_of(FlowSettings).items()
    if isinstance(model := bare_type(field.annotation), type) and issubclass(model, Settings) and model.short
}


def expand(settings: Map) -> Map:
    """The settings with short forms written out, so that they merge by key."""
    entries = dict(settings.entries)
    for name, first in _SHORT_FORMS.items():
        entry = entries.get(name)
        if entry is not None and isinstance(entry.node, Scalar):
            whole = Map({first: entry}, entry.node.location, short=True)
            entries[name] = entry._replace(node=whole)
    return Map(entries, settings.location) if entries != settings.entries else settings


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

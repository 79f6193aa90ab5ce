"""Merges layers of settings: maps by key, lists and scalars replaced, every value keeping its location.

The order of keys is a part of the values of parameters and Configs: that of the strongest layer wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from deployer.manifest.fields import keys_of, model_of
from deployer.manifest.keys import FlowSettings
from deployer.manifest.nodes import Entry, Items, Map, Scalar

# A scalar where a map may stand is short for the map with this one key: `retries: 3` is `retries: {times: 3}`. So is
# a list, of those settings that say so.
_SHORT_FORMS: Final = {
    name: (model.short, (Scalar, Items) if model.short_list else (Scalar,))
    for name, field in keys_of(FlowSettings).items()
    if (model := model_of(field.annotation)) and model.short
}


def expand(settings: Map) -> Map:
    """The settings with short forms written out, so that they merge by key."""
    entries = dict(settings.entries)
    for name, (first, kinds) in _SHORT_FORMS.items():
        entry = entries.get(name)
        if entry is not None and isinstance(entry.node, kinds):
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
    return Map({name: entries[name] for name in _order(below.entries, above.entries)}, above.location)


def _order(below: Iterable[str], above: Collection[str]) -> Iterator[str]:
    """The names of both: those of the stronger layer as it has them, and the others each after what they followed."""
    after: dict[str | None, list[str]] = {}
    last = None
    for name in below:
        if name in above:
            last = name
        else:
            after.setdefault(last, []).append(name)
    yield from after.get(None, ())
    for name in above:
        yield from (name, *after.get(name, ()))

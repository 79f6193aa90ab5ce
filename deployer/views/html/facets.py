"""What a page can be filtered by: values of its items, by the name of a filter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from deployer.models.visible import escape_controls

Facets = Mapping[str, Sequence[str]]
"""The values of one item, by the name of the filter."""


@dataclass(frozen=True)
class Filter:
    """A filter with the values to choose from, as they are shown."""

    name: str
    options: Sequence[str]


def filters(names: Sequence[str], items: Iterable[Facets]) -> list[Filter]:
    """The filters of these names, with all values of the items; without those that would not tell two items apart."""
    values: dict[str, set[str]] = {name: set() for name in names}
    missing: set[str] = set()
    for item in items:
        for name in names:
            found = [escape_controls(value) for value in item.get(name, ())]
            values[name].update(found)
            if not found:
                missing.add(name)
    return [
        Filter(name, sorted(options))
        for name, options in values.items()
        if len(options) > 1 or (options and name in missing)
    ]


def facets_json(facets: Facets) -> str:
    """The values of an item for the script of the page, written as in the filters."""
    return json.dumps({name: [escape_controls(value) for value in values] for name, values in facets.items() if values})

"""Writes the values of a field of a cron."""

from __future__ import annotations

from collections.abc import Collection


def compact(found: Collection[int], low: int, high: int) -> str:
    """A cron field for a set of values: `*`, `*/n`, or a list of ranges and single values."""
    ordered = sorted(found)
    if len(ordered) == high - low + 1:
        return "*"
    for step in range(2, 31):
        if len(ordered) > 2 and ordered == list(range(low, high + 1, step)):
            return f"*/{step}"
    parts, start = [], 0
    for position, value in enumerate(ordered):
        if position + 1 == len(ordered) or ordered[position + 1] != value + 1:
            first = ordered[start]
            parts.append(str(value) if first == value else f"{first}-{value}")
            start = position + 1
    return ",".join(parts)

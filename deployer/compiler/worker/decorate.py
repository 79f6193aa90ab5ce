"""Decorators as plain JSON values that do not depend on the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import chain
from typing import Any


def decorators_of(node: Any, without: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """A step's decorators with their attributes, Metaflow's first, then those that users wrote themselves."""
    for decorator in node.decorators:
        if decorator.name not in without and not decorator.name.startswith("_"):
            yield {"name": decorator.name, "attributes": plain(decorator.attributes)}
    for decorator in chain(node.wrappers, node.config_decorators):
        attributes = {**({"args": decorator._args} if decorator._args else {}), **decorator._kwargs}
        yield {"name": decorator.decorator_name, "attributes": plain(attributes)}


def plain(value: Any) -> Any:
    """A JSON value: sets sorted, durations in seconds, functions and other objects by name, without their address."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return f"<{name}>"

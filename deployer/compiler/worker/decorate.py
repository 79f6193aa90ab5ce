"""Decorators as plain JSON values that do not depend on the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from ..protocol import DecoratorData, Json
from .metaflow_compat import arguments_of, user_decorators


def decorators_of(node: Any, without: tuple[str, ...] = ()) -> Iterator[DecoratorData]:
    """A step's decorators with their attributes: Metaflow's first, then custom ones."""
    for decorator in node.decorators:
        if decorator.name not in without and not decorator.name.startswith("_"):
            yield {"name": decorator.name, "attributes": plain_map(decorator.attributes)}
    for decorator in user_decorators(node):
        yield {"name": decorator.decorator_name, "attributes": plain_map(arguments_of(decorator))}


def plain_map(values: Mapping[Any, object]) -> dict[str, Json]:
    """A map with `plain` values."""
    return {str(key): plain(value) for key, value in values.items()}


def plain(value: object) -> Json:
    """A JSON value: sets sorted, durations in seconds, functions and other objects by name, without their address."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return int(seconds) if seconds.is_integer() else seconds
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return plain_map(value)
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return f"<{name}>"

"""Upgrades documents of format 1 to format 2: `dag_id` became `name`, and a schedule has a kind.

The documents are not validated yet. What does not have the expected form is left unchanged, and the models refuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Data = dict[str, Any]


def upgrade_record(data: _Data) -> _Data:
    """A record of format 2 from one of format 1."""
    described = {"description": _description(data["description"])} if "description" in data else {}
    return {**_named(data), **described}


def upgrade_plan(data: _Data) -> _Data:
    """A saved plan of format 2 from one of format 1."""
    return _with_changes(data, _change)


def upgrade_entry(data: _Data) -> _Data:
    """A history entry of format 2 from one of format 1. The DAG files in it are not changed."""
    return _with_changes(data, _named)


def _with_changes(data: _Data, upgrade: Callable[[_Data], _Data]) -> _Data:
    changes = data.get("changes")
    if not isinstance(changes, list):
        return data
    return {**data, "changes": [upgrade(each) if isinstance(each, dict) else each for each in changes]}


def _named(data: _Data) -> _Data:
    """The same keys in the same order, with `dag_id` renamed."""
    if "name" in data:
        return data
    return {"name" if key == "dag_id" else key: value for key, value in data.items()}


def _change(data: _Data) -> _Data:
    described: _Data = {key: _description(data[key]) for key in ("before", "after") if key in data}
    return {**_named(data), **described}


def _description(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("schedule"), dict):
        return value
    return {**value, "schedule": _schedule(value["schedule"])}


def _schedule(data: _Data) -> _Data:
    if data.get("cron") is not None:
        return {"kind": "cron", **data}
    return {"kind": "none", **{key: value for key, value in data.items() if key != "cron"}}

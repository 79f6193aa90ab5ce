"""Adds flows to the text of a manifest that somebody wrote: everything else stays as it is, comments included."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from deployer.manifest.nodes import Map, to_data
from deployer.manifest.parse import parse

Flows = Mapping[str, Mapping[str, str]]
"""The settings of each flow by its name."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def insert_flows(text: str, flows: Flows) -> str | None:
    """The text with these flows at the end of its section `flows`; None if they cannot be inserted without harm.

    What comes out is read again: it says what the text said, and the flows.
    """
    before = _data(text)
    listed = before.get("flows") or {} if before is not None else None
    if before is None or not isinstance(listed, dict):
        return None
    made = _inserted(text, flows)
    wanted = {**before, "flows": {**listed, **{name: dict(settings) for name, settings in flows.items()}}}
    return made if _data(made) == wanted else None


def entries_text(flows: Flows, indent: int = 2, newline: str = "\n") -> str:
    """The flows as lines of a block mapping."""
    pad, inner = " " * indent, " " * (indent + 2)
    lines = []
    for name, settings in flows.items():
        lines += [f"{pad}{scalar(name)}:", *(f"{inner}{key}: {scalar(value)}" for key, value in settings.items())]
    return "".join(f"{line}{newline}" for line in lines)


def scalar(value: str) -> str:
    """A string in YAML, with quotes if it needs any. A JSON string is also a YAML string."""
    plain = re.fullmatch(r"[A-Za-z_./][A-Za-z0-9_./-]*", value) and yaml.safe_load(value) == value
    return value if plain else json.dumps(value)


def _data(text: str) -> dict[str, Any] | None:
    """The document as values; None if it is not a map, or if anything is wrong with it."""
    node, problems = parse(text.encode(), "")
    if problems:
        return None
    return {} if node is None else to_data(node) if isinstance(node, Map) else None


def _inserted(text: str, flows: Flows) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    key, value = _section(text)
    if key is None or value is None:
        gap = newline if text.strip() else ""
        whole = text if not text or text.endswith("\n") else f"{text}{newline}"
        return f"{whole}{gap}flows:{newline}{entries_text(flows, newline=newline)}"
    if not isinstance(value, yaml.MappingNode) or not value.value:
        return _in_empty(text, key, value, flows, newline)
    end = _end(*value.value[-1])
    if value.flow_style:
        added = "".join(f", {json.dumps(name)}: {json.dumps(dict(settings))}" for name, settings in flows.items())
        return text[:end] + added + text[end:]
    at = _after_line(text, end)
    start = "" if at == 0 or text[at - 1] == "\n" else newline
    indent = value.value[0][0].start_mark.column
    return text[:at] + start + entries_text(flows, indent, newline) + text[at:]


def _in_empty(text: str, key: Any, value: Any, flows: Flows, newline: str) -> str:
    """In a section without entries: ``flows:``, ``flows: {}`` or ``flows: null``."""
    written = text[key.end_mark.index : value.end_mark.index]
    colon = key.end_mark.index + written.find(":") + 1
    rest = text[max(colon, value.end_mark.index) :]
    line, found, after = rest.partition("\n")
    return f"{text[:colon]}{line.rstrip()}{newline}{entries_text(flows, newline=newline)}{after if found else ''}"


def _section(text: str) -> tuple[Any, Any]:
    """The nodes of the key `flows` and of its value; None for both if there is no such key."""
    root = yaml.compose(text, Loader=_LOADER)
    pairs: Sequence[Any] = root.value if isinstance(root, yaml.MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == "flows"), (None, None))


def _end(key: Any, value: Any) -> int:
    """Where an entry ends in the text, without the comments that follow it."""
    if value.start_mark.index < key.end_mark.index:
        return int(key.end_mark.index)  # an alias, whose node lies where its anchor is
    if isinstance(value, yaml.ScalarNode) or value.flow_style or not value.value:
        return int(value.end_mark.index)
    if isinstance(value, yaml.MappingNode):
        return _end(*value.value[-1])
    items = value.value
    return _end(items[-2] if len(items) > 1 else key, items[-1])


def _after_line(text: str, end: int) -> int:
    """The start of the line after a position; the position itself if a line starts there, as after ``|`` texts."""
    if end and text[end - 1] == "\n":
        return end
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1

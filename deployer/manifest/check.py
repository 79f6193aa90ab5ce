"""Holds nodes against the sections of what users may write, and says in short words what is wrong where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from deployer.errors import Location, nearest
from deployer.manifest import keys as written
from deployer.manifest.formats import problem_of
from deployer.manifest.keys import (
    SHORT_FORMS,
    AnyValue,
    Choice,
    Flag,
    Kind,
    ListOf,
    MapOf,
    Number,
    Section,
    Text,
    Whole,
)
from deployer.manifest.nodes import Entry, Items, Map, Node, Path, Report, Scalar, describe, shorten, to_data
from deployer.manifest.scalars import looks_like

# Keys of manifests to come, by the section that will have them: refused in words, not as if they were misspelt.
_NOT_YET: Final = {
    ("Environment", "airflow"): "mfdeploy publishes DAG files and does not talk to Airflow's API",
}
# Where a key that is unknown among the settings of a flow may have been meant.
_ELSEWHERE: Final = (
    (written.POD_SETTINGS, "pod settings go under `kubernetes:`, or under `steps:` for one step"),
    (written.SCHEDULE, "it goes under `schedule:`"),
    (written.RETRIES, "it goes under `retries:`"),
    (written.ENVIRONMENT, "it belongs to an environment"),
    (written.CLUSTER_SETTINGS, "it goes under an environment's `kubernetes:`"),
    (written.FLOW_ENTRY, "it belongs to a flow"),
)


def check(kind: Kind, node: Node, key: Location, path: Path, report: Report) -> None:
    """Report everything in `node` that `kind` does not allow. `key` is where the node's own key stands."""
    if isinstance(node, Scalar) and node.broken:
        return
    if isinstance(kind, Section):
        _check_section(kind, node, key, path, report)
    elif isinstance(kind, MapOf):
        _check_map(kind, node, path, report)
    elif isinstance(kind, ListOf):
        _check_list(kind, node, path, report)
    elif isinstance(kind, Text):
        _check_text(kind, node, path, report)
    elif isinstance(kind, Choice):
        _check_choice(kind, node, path, report)
    elif isinstance(kind, Flag):
        _check_flag(node, path, report)
    elif not isinstance(kind, AnyValue):
        _check_number(kind, node, path, report)


def _check_section(section: Section, node: Node, key: Location, path: Path, report: Report) -> None:
    if not isinstance(node, Map):
        _wrong_type(section.expected, node, path, report)
        return
    for name, known in section.keys.items():
        entry = node.entries.get(name)
        if entry is not None:
            check(known.kind, entry.node, entry.key, path if node.short else (*path, name), report)
        elif known.required:
            report.error("missing-key", f"the key {name!r} is missing", key, path, _purpose(known.description))
    for name, entry in node.entries.items():
        if name not in section.keys:
            _unknown_key(section, name, entry, (*path, name), report)


def _unknown_key(section: Section, name: str, entry: Entry, path: Path, report: Report) -> None:
    if why := _NOT_YET.get((section.name, name)):
        report.error("unsupported-key", f"the key {name!r} is not supported yet", entry.key, path, why)
        return
    # A key that is right elsewhere comes before one that is like it here.
    hint = _belongs(name, section) or nearest(name, list(section.keys)) or _list_keys(section.keys)
    report.error("unknown-key", f"unknown key {name!r}", entry.key, path, hint)


def _belongs(name: str, section: Section) -> str:
    """Where a key that is known elsewhere should have been written."""
    if not written.FLOW_SETTINGS.keys.keys() <= section.keys.keys():
        return ""
    return next((where for elsewhere, where in _ELSEWHERE if name in elsewhere.keys), "")


def _list_keys(known: Iterable[str]) -> str:
    names = list(known)
    return f"the keys here are {', '.join(names)}" if len(names) <= 8 else ""


def _purpose(description: str) -> str:
    text = description.rstrip(".")
    return text if text.startswith("Metaflow") else text[0].lower() + text[1:]


def _check_map(kind: MapOf, node: Node, path: Path, report: Report) -> None:
    if not isinstance(node, Map):
        _wrong_type("a map", node, path, report)
        return
    for name, entry in node.entries.items():
        if len(name) < kind.name.at_least:
            message = "expected a name before the colon, found an empty text"
            report.error("bad-value", message, entry.key, (*path, name), "give it a name, or leave it out")
        check(kind.value, entry.node, entry.key, (*path, name), report)


def _check_list(kind: ListOf, node: Node, path: Path, report: Report) -> None:
    if not isinstance(node, Items):
        hint = f"write [{shorten(node.text)}]" if isinstance(node, Scalar) and isinstance(node.value, str) else ""
        _wrong_type("a list", node, path, report, hint)
        return
    before = report.errors
    for number, item in enumerate(node.nodes):
        check(kind.item, item, item.location, (*path, number), report)
    if kind.format and report.errors == before and (problem := problem_of(kind.format, to_data(node))):
        report.error(problem.code, problem.message, node.location, path, problem.hint)


def _check_text(kind: Text, node: Node, path: Path, report: Report) -> None:
    value = node.value if isinstance(node, Scalar) else to_data(node)
    if kind.format == "cron" and (problem := problem_of(kind.format, value)):
        report.error(problem.code, problem.message, node.location, path, problem.hint)
    elif value is None and kind.or_null:
        return
    elif not isinstance(value, str):
        _wrong_type("text", node, path, report, _as_text(node))
    elif len(value) < kind.at_least:
        report.error("bad-value", "expected text, found an empty one", node.location, path, "leave the key out")
    elif kind.at_most is not None and len(value) > kind.at_most:
        message = f"expected at most {kind.at_most} characters, found {describe(node)}"
        report.error("bad-value", message, node.location, path)
    elif kind.pattern and not re.fullmatch(kind.pattern, value):
        message = f"expected {kind.expected}; found {describe(node)}"
        report.error("bad-value", message, node.location, path)
    elif kind.format and (problem := problem_of(kind.format, value)):
        report.error(problem.code, problem.message, node.location, path, problem.hint)


def _check_choice(kind: Choice, node: Node, path: Path, report: Report) -> None:
    value = node.value if isinstance(node, Scalar) else None
    if value in kind.words:
        return
    hint = ""
    if isinstance(value, str):
        same = [word for word in kind.words if word.lower() == value.lower()]
        hint = f"did you mean {same[0]!r}?" if same else nearest(value, list(kind.words))
    *most, last = map(repr, kind.words)
    message = f"expected {', '.join(most)} or {last}, found {describe(node)}"
    report.error("bad-value", message, node.location, path, hint)


def _check_flag(node: Node, path: Path, report: Report) -> None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return
    meant = looks_like(node.text) if isinstance(node, Scalar) else ""
    _wrong_type("true or false", node, path, report, f"write {meant}" if meant in ("true", "false") else "")


def _check_number(kind: Whole | Number, node: Node, path: Path, report: Report) -> None:
    types = (int, float) if isinstance(kind, Number) else (int,)
    value = node.value if isinstance(node, Scalar) else None
    if not isinstance(value, types) or isinstance(value, bool):
        expected = "a number" if isinstance(kind, Number) else "a whole number"
        _wrong_type(expected, node, path, report, _as_number(node))
    elif isinstance(kind, Number) and kind.more_than is not None and not value > kind.more_than:
        _out_of_bounds(f"more than {kind.more_than:g}", node, path, report)
    elif kind.at_least is not None and not value >= kind.at_least:
        _out_of_bounds(f"at least {kind.at_least:g}", node, path, report)
    elif isinstance(kind, Whole) and kind.at_most is not None and value > kind.at_most:
        _out_of_bounds(f"at most {kind.at_most}", node, path, report)


def _out_of_bounds(bound: str, node: Node, path: Path, report: Report) -> None:
    report.error("bad-value", f"expected {bound}, found {describe(node)}", node.location, path)


def _wrong_type(expected: str, node: Node, path: Path, report: Report, hint: str = "") -> None:
    if isinstance(node, Scalar) and node.value is None:
        hint = "give it a value, or leave the key out"
    report.error("wrong-type", f"expected {expected}, found {describe(node)}", node.location, path, hint)


def _as_text(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    return f'put it in quotes: "{shorten(node.text)}"' if node.plain else f'declare the variable as text: "{node.text}"'


def _as_number(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    meant = looks_like(node.text)
    if meant not in ("", "true", "false"):
        return f"write {meant}" + ("" if node.plain else " without quotes")
    if isinstance(node.value, str) and node.value.strip().isdigit():
        return f"write {node.value.strip()} without quotes"
    return ""


def expand(settings: Map) -> Map:
    """The settings with short forms written out, so that they merge by key: `retries: 3` as `retries: {times: 3}`."""
    entries = dict(settings.entries)
    for name, first in SHORT_FORMS.items():
        entry = entries.get(name)
        if entry is not None and isinstance(entry.node, Scalar):
            whole = Map({first: entry}, entry.node.location, short=True)
            entries[name] = entry._replace(node=whole)
    return Map(entries, settings.location) if entries != settings.entries else settings

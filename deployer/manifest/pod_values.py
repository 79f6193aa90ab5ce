"""Checks the values of pod settings against the rules of Kubernetes, which are those for a flow's code as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from deployer.errors import Location
from deployer.kubernetes.rules import RULES, Violation, violations
from deployer.manifest.nodes import Items, Map, Node, Path, Report, dotted, has_broken, to_data

_POD_SECTIONS: Final = ("kubernetes", "steps")
# Sections with layers of settings by name.
_NAMED: Final = ("environments", "flows")


def check_pod_values(document: Map, report: Report) -> set[Path]:
    """Report each value of a pod setting that Kubernetes would refuse, unless it has been reported.

    Returns the entries with such a value, as `validate` does.
    """
    reported = [found.path for found in report.found]
    flawed: set[Path] = set()
    for path, section in _sections(document):
        names = [name for name, entry in section.entries.items() if name in RULES and not has_broken(entry.node)]
        for violation in violations({name: to_data(section.entries[name].node) for name in names}):
            whole = (*path, *violation.path)
            if not _is_reported(dotted(whole), reported):
                report.error(violation.code, violation.message, _location(section, violation), whole, violation.hint)
                flawed.add(path[:2])
    return flawed


def _sections(document: Map) -> Iterator[tuple[Path, Map]]:
    """The maps of pod settings, with their paths."""
    defaults = document.get("defaults")
    yield from _of_layer(("defaults",), defaults)
    for section in _NAMED:
        layers = document.get(section)
        for name, entry in layers.entries.items() if isinstance(layers, Map) else ():
            yield from _of_layer((section, name), entry.node)
            overrides = entry.node.get("overrides") if isinstance(entry.node, Map) else None
            for environment, override in overrides.entries.items() if isinstance(overrides, Map) else ():
                yield from _of_layer((section, name, "overrides", environment), override.node)


def _of_layer(path: Path, layer: Node | None) -> Iterator[tuple[Path, Map]]:
    if not isinstance(layer, Map):
        return
    pods, steps = map(layer.get, _POD_SECTIONS)
    if isinstance(pods, Map):
        yield (*path, "kubernetes"), pods
    for name, entry in steps.entries.items() if isinstance(steps, Map) else ():
        if isinstance(entry.node, Map):
            yield (*path, "steps", name), entry.node


def _location(section: Map, violation: Violation) -> Location:
    """Of the value that is wrong, or of its key."""
    node: Node = section
    location = section.location
    for part in violation.path:
        if isinstance(node, Items) and isinstance(part, int):
            node = node.nodes[part]
            location = node.location
        elif isinstance(node, Map) and part in node.entries:
            location, node = node.entries[str(part)]
    return location if violation.of_key else node.location


def _is_reported(path: str, reported: list[str]) -> bool:
    """Whether something has been reported of the value, of a part of it, or of what it is a part of."""
    return any(path == each or _is_below(path, each) or _is_below(each, path) for each in reported)


def _is_below(path: str, above: str) -> bool:
    return bool(above) and path.startswith((f"{above}.", f"{above}["))

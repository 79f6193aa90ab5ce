"""The picture of who starts whom: all flows that events connect, for each environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer.views.html.drawing import DrawnStep, figure
from deployer.views.html.starts import drawn_flows

Json = Mapping[str, Any]


def starts_values(site: Json, pages: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each environment with flows that start each other: a drawing, and the flows with links to their pages."""
    found = []
    for environment in site["environments"]:
        name = environment["name"]
        deployments = [
            each
            for flow in site["flows"]
            for each in flow["deployments"]
            if each["environment"] == name and (each["started_by"] or each["starts"])
        ]
        if deployments:
            found.append(
                {
                    "name": name,
                    "drawings": [
                        figure(drawn, f"Who starts whom in {name}: {drawn[0].name}", noun="flow", leads="starts")
                        for drawn in _Nodes(name, deployments).groups()
                    ],
                    "flows": [
                        {"name": _shown(each["address"], name), "page": pages[each["address"]]} for each in deployments
                    ],
                }
            )
    return found


class _Nodes:
    """The nodes of an environment's drawing: flows, and events that no flow of it publishes at its end."""

    def __init__(self, environment: str, deployments: list[Json]) -> None:
        self._environment = environment
        self._notes: dict[str, str] = {}
        self._arrows: dict[str, dict[str, None]] = {}
        for each in deployments:
            self._add(each["address"], "by time" if each["schedule"] else "")
        for each in deployments:
            for start in each["started_by"]:
                source = start["address"] or start["event"]
                self._add(source, "event" if start["address"] is None else "")
                self._arrows[source][each["address"]] = None
            for start in each["starts"]:
                self._add(start["address"], "")
                self._arrows[each["address"]][start["address"]] = None

    def _add(self, key: str, note: str) -> None:
        self._notes.setdefault(key, note)
        self._arrows.setdefault(key, {})

    def groups(self) -> list[list[DrawnStep]]:
        """The nodes as drawings take them: those that are connected in one, the largest first, and by name in each."""
        found = sorted(map(sorted, self._connected()), key=lambda keys: (-len(keys), keys))
        return [self._drawn(keys) for keys in found]

    def _connected(self) -> Iterator[set[str]]:
        around: dict[str, set[str]] = {key: set(to) for key, to in self._arrows.items()}
        for key, following in self._arrows.items():
            for to in following:
                around[to].add(key)
        seen: set[str] = set()
        for key in around:
            group, waiting = set[str](), [key]
            while waiting:
                current = waiting.pop()
                if current not in seen:
                    seen.add(current)
                    group.add(current)
                    waiting += around[current]
            if group:
                yield group

    def _drawn(self, keys: Sequence[str]) -> list[DrawnStep]:
        notes = {key: self._notes[key] for key in keys}
        return drawn_flows(self._arrows, notes, f"{self._environment}/")


def _shown(key: str, environment: str) -> str:
    """An address without the environment that all are in."""
    return key.removeprefix(f"{environment}/")

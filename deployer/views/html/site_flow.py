"""What the page of a flow shows. What is the same in several environments is shown once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from deployer.models.live import duration_text
from deployer.views.escape_controls import value_text
from deployer.views.graph import ordered_steps
from deployer.views.html.drawing import draw
from deployer.views.html.site_words import (
    RUNS,
    STATES,
    failures_text,
    moment,
    resources_text,
    schedule_text,
    varied_texts,
    visible_lines,
)
from deployer.views.words import listed

Json = Mapping[str, Any]
_LONGEST_VALUE = 400


def flow_values(flow: Json, pages: Mapping[str, str]) -> dict[str, Any]:
    """The values of the template `site_flow.html`. `pages` are the pages of flows by address."""
    deployments: Sequence[Json] = flow["deployments"]
    return {
        "cards": [_card(each, pages) for each in deployments],
        "graphs": [
            (where, draw(graph, title=f"The graph of {flow['name']}{f' in {where}' if where else ''}"))
            for where, graph in _varied(deployments, lambda each: each["graph"])
            if _is_whole(graph)
        ],
        "parameters": _parameters(deployments),
        "steps": _steps(deployments),
        "runs": [_run(each, run) for each in deployments if each["live"] for run in each["live"]["runs"]],
    }


def _varied(deployments: Iterable[Json], part: Callable[[Json], Any]) -> list[tuple[str, Any]]:
    """The different values of a part, with the environments that have each; no environments where all are the same."""
    found: dict[str, tuple[list[str], Any]] = {}
    for each in deployments:
        value = part(each)
        if value:
            found.setdefault(json.dumps(value), ([], value))[0].append(each["environment"])
    if len(found) == 1:
        return [("", value) for _, value in found.values()]
    return [(listed(where), value) for where, value in found.values()]


def _card(deployment: Json, pages: Mapping[str, str]) -> dict[str, Any]:
    live, deployed = deployment["live"], deployment["deployed"]
    schedule = deployment["schedule"]
    return {
        **deployment,
        "look": STATES[deployment["state"]],
        "when": schedule_text(deployment),
        "next_runs": [(each, moment(each)) for each in schedule["next_runs"]] if schedule else [],
        "started_by": [_start(each, pages) for each in deployment["started_by"]],
        "starts": [_start(each, pages) for each in deployment["starts"]],
        "applied": _applied(deployed) if deployed else "",
        "commit": _commit(deployed) if deployed else "",
        "live_words": _live(live) if live else "",
        "error": visible_lines(live["import_error"]) if live else [],
        "last_run": _run(deployment, live["runs"][0]) if live and live["runs"] else None,
    }


def _start(start: Json, pages: Mapping[str, str]) -> dict[str, str]:
    """A flow by its address, with its page if it has one; or an event."""
    address = start["address"]
    if address is None:
        return {"text": f"the event {start['event']}", "page": ""}
    page = pages.get(address, "")
    return {"text": address, "page": f"../{page}" if page else ""}


def _applied(deployed: Json) -> str:
    by, at = deployed["applied_by"], deployed["applied_at"]
    return " ".join(filter(None, [f"by {by}" if by else "", moment(at) if at else ""]))


def _commit(deployed: Json) -> str:
    """A commit by as many digits as services show, and whether files differed from it."""
    commit, dash, rest = deployed["commit"].partition("-")
    return f"{commit[:10]}{dash}{rest}"


def _live(live: Json) -> str:
    words = {
        "current": "has this version",
        "behind": "has another version",
        "unknown": "does not know it yet",
        "gone": "has no file of it",
        "broken": "cannot import its file",
    }
    paused = "paused" if live["paused"] else ""
    active = live["active_runs"]
    return ", ".join(filter(None, [words.get(live["state"], ""), paused, f"{active} active now" if active else ""]))


def _run(deployment: Json, run: Json) -> dict[str, Any]:
    seconds = run["seconds"]
    return {
        **run,
        "environment": deployment["environment"],
        "look": RUNS.get(run["state"], ""),
        "started": moment(run["started_at"] or ""),
        "took": duration_text(seconds) if seconds is not None else "",
    }


def _parameters(deployments: Iterable[Json]) -> list[dict[str, Any]]:
    """The parameters of all deployments by name, with the default of each environment."""
    found: dict[str, list[tuple[Json, Json]]] = {}
    for each in deployments:
        for parameter in each["parameters"]:
            found.setdefault(parameter["name"], []).append((each, parameter))
    return [
        {
            **pairs[0][1],
            "defaults": varied_texts([(each["environment"], _default(parameter)) for each, parameter in pairs]),
        }
        for pairs in found.values()
    ]


def _default(parameter: Json) -> str:
    value = parameter["default"]
    if value is None:
        return ""
    return value if isinstance(value, str) and value else value_text(value, _LONGEST_VALUE)


def _is_whole(graph: Json) -> bool:
    """Whether all that a graph names is in it; the record of a deployed file may say anything."""
    steps = graph["steps"]
    return graph["start"] in steps and all(to in steps for step in steps.values() for to in step["next"])


def _steps(deployments: Sequence[Json]) -> list[dict[str, Any]]:
    """The steps of all deployments in the order of their graphs, with what differs between environments."""
    found: dict[str, list[tuple[str, Json]]] = {}
    for each in deployments:
        steps = {step["name"]: step for step in each["steps"]}
        order = ordered_steps(each["graph"]) if each["graph"] and _is_whole(each["graph"]) else []
        for name in dict.fromkeys([*order, *steps]):
            if name in steps:
                found.setdefault(name, []).append((each["environment"], steps[name]))
    return [
        {
            "name": name,
            "doc": visible_lines(next((step["doc"] for _, step in pairs if step["doc"]), "")),
            "resources": varied_texts([(where, resources_text(step["resources"])) for where, step in pairs]),
            "images": varied_texts([(where, str(step["resources"].get("image", ""))) for where, step in pairs]),
            "failures": varied_texts([(where, failures_text(step)) for where, step in pairs]),
        }
        for name, pairs in found.items()
    ]

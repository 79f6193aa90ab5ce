"""The catalogue of all deployments as a folder of pages, made from its JSON form (`Site`).

`index.html` has all flows with search and filters, and `starts.html` who starts whom: both contain their style and
scripts. Those of the pages of flows lie beside them, once for all. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from deployer.views.html.facets import facets_json, filters
from deployer.views.html.page import PLAIN, WITH_DRAWINGS, render, shared_assets
from deployer.views.html.site_flow import flow_values
from deployer.views.html.site_starts import starts_values
from deployer.views.html.site_words import STATES, moment, schedule_text, varied_texts, visible_lines
from deployer.views.words import count

Json = Mapping[str, Any]
# As much of the docs as is searched: a thousand flows are one page.
_SEARCHED: Final = 600
_FILTERS: Final = ("environment", "owner", "tag", "schedule", "project", "state")
_KINDS: Final = {"time": "by time", "events": "by other flows or events", "hand": "by hand only"}


def site_to_files(site: Json) -> dict[str, str]:
    """The text of each file of the site, by its name (with slashes). The same catalogue gives the same bytes."""
    pages = {each["address"]: flow["page"] for flow in site["flows"] for each in flow["deployments"]}
    return {
        **{each.name: each.text for each in shared_assets()},
        "site.json": json.dumps(site, separators=(",", ":")) + "\n",
        "index.html": _index(site),
        "starts.html": _starts(site, pages),
        **{flow["page"]: _flow(site, flow, pages) for flow in site["flows"]},
    }


def _index(site: Json) -> str:
    rows = [_row(flow) for flow in site["flows"]]
    return render(
        "site_index.html",
        title=f"Flows of {site['project']}" if site["project"] else "Flows",
        scripts=PLAIN,
        up="",
        here="index",
        at=moment(site["at"]),
        summary=_summary(site),
        problems=[each for each in site["environments"] if each["problem"]],
        rows=rows,
        filters=filters(_FILTERS, [row["options"] for row in rows]),
    )


def _summary(site: Json) -> str:
    deployments = [each for flow in site["flows"] for each in flow["deployments"]]
    deployed = sum(each["deployed"] is not None for each in deployments)
    flows, environments = count(len(site["flows"]), "flow"), count(len(site["environments"]), "environment")
    return f"{flows} in {environments}; {count(deployed, 'deployment')}."


def _row(flow: Json) -> dict[str, Any]:
    deployments: Sequence[Json] = flow["deployments"]
    facets = {
        "environment": _distinct(each["environment"] for each in deployments),
        "owner": _distinct(each["owner"] for each in deployments),
        "tag": _distinct(tag for each in deployments for tag in each["tags"]),
        "schedule": _distinct(_KINDS[kind] for each in deployments for kind in _kinds(each)),
        "project": _distinct(each["project"] for each in deployments),
        "state": _distinct(STATES[each["state"]].word for each in deployments),
    }
    return {
        "flow": flow,
        "description": _description(flow),
        "facets": facets_json(facets),
        "search": " ".join(_searched(flow)),
        "options": facets,
        "schedules": varied_texts(
            [(each["environment"], schedule_text(each)) for each in deployments if each["graph"]]
        ),
        "badges": [_badge(each) for each in deployments],
    }


def _description(flow: Json) -> str:
    """One line: that of a manifest, else the first one of the docs."""
    written = next((each["description"] for each in flow["deployments"] if each["description"]), "")
    return str(written or next(iter(flow["doc"].splitlines()), ""))


def _badge(deployment: Json) -> dict[str, str]:
    """An environment, with what somebody might have to do there."""
    state, live = STATES[deployment["state"]], deployment["live"]
    failed = bool(live and live["runs"]) and live["runs"][0]["state"] == "failed"
    words = [state.word if state.look != "good" else "", "last run failed" if failed else ""]
    said = ", ".join(filter(None, words))
    return {
        "text": f"{deployment['environment']}: {said}" if said else deployment["environment"],
        "look": "bad" if failed else state.look,
    }


def _kinds(deployment: Json) -> Iterator[str]:
    if deployment["schedule"]:
        yield "time"
    if deployment["started_by"]:
        yield "events"
    if deployment["graph"] and not deployment["schedule"] and not deployment["started_by"]:
        yield "hand"


def _searched(flow: Json) -> Iterator[str]:
    """The words by which a flow is found."""
    yield flow["name"]
    yield flow["doc"][:_SEARCHED]
    found = [
        *(each[name] for each in flow["deployments"] for name in ("name", "flow_class", "owner", "description")),
        *(tag for each in flow["deployments"] for tag in each["tags"]),
        *(step["name"] for each in flow["deployments"] for step in each["steps"]),
        *(parameter["name"] for each in flow["deployments"] for parameter in each["parameters"]),
    ]
    yield from _distinct(found)


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value})


def _starts(site: Json, pages: Mapping[str, str]) -> str:
    return render(
        "site_starts.html",
        title="Who starts whom",
        scripts=WITH_DRAWINGS,
        up="",
        here="starts",
        environments=starts_values(site, pages),
    )


def _flow(site: Json, flow: Json, pages: Mapping[str, str]) -> str:
    return render(
        "site_flow.html",
        title=flow["name"],
        scripts=WITH_DRAWINGS,
        shared="../",
        up="../",
        here="flow",
        flow=flow,
        description=next((each["description"] for each in flow["deployments"] if each["description"]), ""),
        doc=visible_lines(flow["doc"]),
        **flow_values(flow, pages),
    )

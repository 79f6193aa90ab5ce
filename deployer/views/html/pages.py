"""The history of an environment, the state of what is deployed, and the list of deployments as pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.views.arrival_text import arrivals_total
from deployer.views.history import entry_parts, summary_text, who_text
from deployer.views.html.facets import Facets, facets_json, filters
from deployer.views.html.page import render
from deployer.views.list_view import ListedJson, ListJson, schedule_text
from deployer.views.live_text import STATE_SENTENCES, last_run_text, next_run_text, status_total, to_the_minute

_HISTORY = ("command", "by", "action", "reason", "outcome")
_STATUS = ("environment", "state", "last run")
_LIST = ("environment", "file", "schedule")
_LOOKS = {"current": "good", "success": "good", "gone": "bad", "broken": "bad", "failed": "bad", "running": "good"}


def history_to_html(history: Mapping[str, Any]) -> str:
    """The entries of an environment, newest first. `history` is the result of `history_to_json`."""
    entries = history["entries"]
    return render(
        "history.html",
        title=f"History of {history['environment']}",
        target=history["target"],
        older=history["older"],
        unrecorded=[{**each, "who": who_text(each)} for each in history["unrecorded"]],
        entries=[_entry(entry) for entry in entries],
        filters=filters(_HISTORY, map(_entry_facets, entries)),
    )


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    changes, replaced = entry_parts(entry)
    arrivals = entry["arrivals"]
    return {
        "id": entry["id"],
        "who": who_text(entry),
        "ci_url": entry["ci_url"],
        "summary": summary_text(entry, changes),
        "changes": [{**change, "replaced": replaced.get(change["name"], [])} for change in changes],
        "arrivals": [each for each in arrivals if each["state"] not in ("current", "gone")],
        "arrived": arrivals_total(arrivals) if arrivals else "",
        "facets": facets_json(_entry_facets(entry)),
    }


def _entry_facets(entry: Mapping[str, Any]) -> Facets:
    changes = entry["changes"]
    return {
        "command": [entry["command"]],
        "by": [entry["applied_by"]],
        "action": [change["action"] for change in changes],
        "reason": [reason["word"] for change in changes for reason in change["reasons"]],
        "outcome": [change["outcome"] for change in changes],
    }


def status_to_html(status: Mapping[str, Any]) -> str:
    """A row for each deployed flow, with what is wrong. `status` is the result of `status_to_json`."""
    flows = status["flows"]
    return render(
        "status.html",
        title="What is deployed",
        total=status_total(status),
        flows=[_flow(flow) for flow in flows],
        filters=filters(_STATUS, map(_flow_facets, flows)),
    )


def _flow(flow: Mapping[str, Any]) -> dict[str, Any]:
    live = flow["airflow"]
    last = _last_state(flow)
    return {
        **flow,
        "look": _LOOKS.get(flow["state"], "attention"),
        "said": _said(flow),
        "applied": to_the_minute(flow["applied_at"]) if flow["applied_at"] else "",
        "last": last_run_text(live) if live else "",
        "last_look": _LOOKS.get(last, ""),
        "next": next_run_text(live) if live else "",
        "facets": facets_json(_flow_facets(flow)),
    }


def _said(flow: Mapping[str, Any]) -> list[str]:
    live = flow["airflow"]
    other = f" ({live['version']})" if live and flow["state"] == "behind" and live["version"] else ""
    said = [f"{STATE_SENTENCES[flow['state']]}{other}"] if flow["state"] in STATE_SENTENCES else []
    return [*said, "its file was edited by hand: mfdeploy plan shows how"] if flow["drifted"] else said


def _last_state(flow: Mapping[str, Any]) -> str:
    live = flow["airflow"]
    return str(live["last_run"]["state"]) if live and live["last_run"] else ""


def _flow_facets(flow: Mapping[str, Any]) -> Facets:
    last = _last_state(flow)
    return {"environment": [flow["environment"]], "state": [flow["state"]], "last run": [last] if last else []}


def list_to_html(listed: ListJson) -> str:
    """A row for each deployment of the manifests. `listed` is the result of `list_to_json`."""
    rows = listed["deployments"]
    return render(
        "list.html",
        title="Deployments",
        rows=[{**row, "when": schedule_text(row), "facets": facets_json(_list_facets(row))} for row in rows],
        filters=filters(_LIST, map(_list_facets, rows)),
    )


def _list_facets(listed: ListedJson) -> Facets:
    has = "has times" if listed["schedule"] else "none" if listed["compiled"] else "not known"
    return {"environment": [listed["environment"]], "file": [listed["file"]], "schedule": [has]}

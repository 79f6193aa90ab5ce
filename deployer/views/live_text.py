"""What a running orchestrator says, as text made from the JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from deployer.models.live import LiveTask, LogLine, duration_text, seconds_between
from deployer.models.visible import escape_controls
from deployer.views.page import Page
from deployer.views.words import count

_STYLES: Final[Mapping[str, str]] = {
    "current": "green",
    "success": "green",
    "behind": "yellow",
    "unknown": "yellow",
    "unchecked": "dim",
    "gone": "red",
    "broken": "red",
    "failed": "red",
    "running": "cyan",
    "queued": "dim",
}
STATE_SENTENCES: Final[Mapping[str, str]] = {
    "behind": "Airflow has another version",
    "unknown": "Airflow does not know it yet",
    "gone": "Airflow misses its file",
    "broken": "Airflow cannot import it",
    "unchecked": "Airflow was not asked",
}
_MOST_TRACEBACK = 6


def status_to_text(status: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One line for each flow, with what is wrong below it. `status` is the result of `status_to_json`."""
    page = Page(width, colour)
    rows = [_cells(flow) for flow in status["flows"]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for flow, cells in zip(status["flows"], rows, strict=True):
        _flow(page, flow, [f"{cell:{size}}" for cell, size in zip(cells, widths, strict=True)])
    if rows:
        page.blank()
    page.line((status_total(status), "bold"))
    return page.text()


def status_total(status: Mapping[str, Any]) -> str:
    """``2 flows: 1 current, 1 gone.`` `status` is the result of `status_to_json`."""
    states = Counter(flow["state"] for flow in status["flows"])
    if not states:
        return "Nothing is deployed."
    said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"{count(sum(states.values()), 'flow')}: {said}."


def _cells(flow: Mapping[str, Any]) -> Sequence[str]:
    """Address, state, version, apply, last run, next run."""
    live = flow["airflow"]
    applied = (
        f"{to_the_minute(flow['applied_at'])} by {flow['applied_by']}" if flow["applied_by"] else "by nobody known"
    )
    return [
        escape_controls(flow["address"]),
        flow["state"],
        flow["version"] or "-",
        escape_controls(applied),
        last_run_text(live) if live else "-",
        next_run_text(live) if live else "-",
    ]


def last_run_text(live: Mapping[str, Any]) -> str:
    """The state of the last run and when it ended, and how many are active. `live` is a `LiveState` as JSON."""
    last = live["last_run"]
    active = f", {live['active_runs']} active" if live["active_runs"] else ""
    if last is None:
        return f"no run{active}"
    return f"{last['state']} {to_the_minute(last['ended_at'] or last['started_at'])}".rstrip() + active


def next_run_text(live: Mapping[str, Any]) -> str:
    """When the next run starts, or why none will. `live` is a `LiveState` as JSON."""
    if live["paused"]:
        return "paused"
    return f"next {to_the_minute(live['next_run'])}" if live["next_run"] else "no schedule"


def _flow(page: Page, flow: Mapping[str, Any], cells: Sequence[str]) -> None:
    address, state, version, applied, last, following = cells
    live = flow["airflow"]
    last_state = live["last_run"]["state"] if live and live["last_run"] else ""
    page.line(
        (address, "bold"),
        "  ",
        (state, _STYLES[flow["state"]]),
        (f"  {version}  {applied}  ", "dim"),
        (last, _STYLES.get(last_state, "")),
        "  ",
        (following.rstrip(), "yellow" if live and live["paused"] else ""),
        hang=4,
    )
    if flow["state"] in STATE_SENTENCES:
        other = f" ({live['version']})" if live and flow["state"] == "behind" and live["version"] else ""
        page.line(f"{STATE_SENTENCES[flow['state']]}{other}", indent=4)
    if flow["drifted"]:
        page.line(("its file was edited by hand: `mfdeploy plan` shows how", "red"), indent=4)
    for line in (flow["import_error"] or "").rstrip().splitlines()[-_MOST_TRACEBACK:]:
        page.line((escape_controls(line), "red"), indent=6)


def to_the_minute(text: str | None) -> str:
    """A time to the minute."""
    return _time(text)[:16]


def runs_to_text(runs: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One line for each run, newest first. `runs` is the result of `runs_to_json`."""
    page = Page(width, colour)
    page.line((escape_controls(runs["address"]), "bold"), f"  {escape_controls(runs['page'])}")
    if not runs["runs"]:
        page.line(("It has not run yet.", "dim"), indent=2)
    for run in runs["runs"]:
        page.line(
            (f"{run['state']:9}", _STYLES.get(run["state"], "")),
            escape_controls(run["run_id"]),
            (f"  {_time(run['started_at'])}{_length(run)}", "dim"),
            indent=2,
            hang=11,
        )
    return page.text()


def steps_to_lines(tasks: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """One line for each step that has begun, in the order in which they began; items of a foreach are counted."""
    steps: dict[str, list[Mapping[str, Any]]] = {}
    for task in sorted(tasks, key=lambda task: (task["started_at"] is None, task["started_at"] or "", task["step"])):
        steps.setdefault(task["step"], []).append(task)
    return [_step(name, found) for name, found in steps.items() if any(task["state"] != "none" for task in found)]


def _step(name: str, tasks: Sequence[Mapping[str, Any]]) -> str:
    states = Counter(task["state"] for task in tasks)
    if len(tasks) == 1 and tasks[0]["index"] is None:
        attempt = f" (attempt {tasks[0]['attempt']})" if tasks[0]["attempt"] > 1 else ""
        return escape_controls(f"{name}: {tasks[0]['state']}{attempt}")
    said = ", ".join(f"{number} {state}" for state, number in sorted(states.items()) if state != "none")
    return escape_controls(f"{name}: {said} of {len(tasks)}")


def _time(text: str | None) -> str:
    """A time to the second, as it was given if it is none."""
    try:
        return datetime.fromisoformat((text or "").replace("Z", "+00:00")).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return escape_controls(text or "")


def _length(run: Mapping[str, Any]) -> str:
    seconds = seconds_between(run["started_at"], run["ended_at"])
    return "" if seconds is None else f"  {duration_text(seconds)}"


def task_title(task: LiveTask) -> str:
    """The line above the log of a task."""
    name = task.step if task.index < 0 else f"{task.step}[{task.index}]"
    pathspec = f"  {task.pathspec}" if task.pathspec else ""
    return escape_controls(f"--- {name}  {task.state}, attempt {max(task.attempt, 1)}{pathspec}")


def log_to_text(line: LogLine) -> str:
    """One line of a log: nothing in it moves the cursor."""
    return "\n".join(escape_controls(each) for each in line.text.split("\n"))

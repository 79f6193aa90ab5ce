"""All deployments of the manifests as JSON, and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from deployer.manifest.files import shown
from deployer.models.deployment import Schedule
from deployer.models.listed import Listed
from deployer.models.visible import escape_controls
from deployer.views.page import Page

_HEADINGS = ("ENVIRONMENT", "FLOW", "DAG ID", "SCHEDULE", "FILE")
_UNKNOWN, _NONE = "?", "-"


class ListedScheduleJson(TypedDict):
    """A schedule, with a list where it has several crons; the timezone is null where the manifests do not say."""

    cron: str | list[str]
    timezone: str | None


class ListedJson(TypedDict):
    """A deployment. `file` is relative to the working directory if it is below it.

    Without `compiled` a `dag_id` or `schedule` of null is not known; with it, a schedule of null is none.
    """

    address: str
    environment: str
    flow: str
    dag_id: str | None
    schedule: ListedScheduleJson | None
    file: str
    compiled: bool


class ListJson(TypedDict):
    """What `mfdeploy list` prints as JSON."""

    deployments: list[ListedJson]


def list_to_json(deployments: Sequence[Listed]) -> ListJson:
    """The deployments as JSON values, in the same order."""
    return {"deployments": [_to_json(each) for each in deployments]}


def _to_json(listed: Listed) -> ListedJson:
    deployment, schedule = listed.deployment, listed.schedule
    return {
        "address": deployment.address,
        "environment": deployment.environment.name,
        "flow": deployment.name,
        "dag_id": listed.dag_id,
        "schedule": _schedule(schedule),
        "file": shown(Path(deployment.file.resolved)),
        "compiled": listed.is_compiled,
    }


def _schedule(schedule: Schedule | None) -> ListedScheduleJson | None:
    if schedule is None or not schedule.crons:
        return None
    crons = list(schedule.crons)
    return {"cron": crons[0] if len(crons) == 1 else crons, "timezone": schedule.timezone}


def list_to_text(shown: ListJson, *, width: int = 80, colour: bool = False) -> str:
    """A table of the deployments. Columns are as wide as their widest value, whatever the width of the terminal."""
    rows = [_cells(each) for each in shown["deployments"]]
    if not rows:
        return "No deployments.\n"
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    page = Page(max(width, sum(widths) + 2 * len(widths)), colour)
    page.line((_row(_HEADINGS, widths), "dim"))
    for row in rows:
        page.line(_row(row, widths))
    return page.text()


def _cells(listed: ListedJson) -> tuple[str, ...]:
    when = schedule_text(listed) or (_NONE if listed["compiled"] else _UNKNOWN)
    cells = (listed["environment"], listed["flow"], listed["dag_id"] or _UNKNOWN, when, listed["file"])
    return tuple(map(escape_controls, cells))


def schedule_text(listed: ListedJson) -> str:
    """``0 3 * * * Europe/Helsinki``, several crons with `;` between them; empty where none is known."""
    schedule = listed["schedule"]
    if not schedule:
        return ""
    cron = schedule["cron"]
    return f"{cron if isinstance(cron, str) else '; '.join(cron)} {schedule['timezone'] or ''}".rstrip()


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))

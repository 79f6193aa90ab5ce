"""A forecast as a page: a chart of each amount over the hours, the same as tables, what collides, what is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.views.forecast_words import (
    Bar,
    Json,
    amount,
    bars_by_day,
    bars_by_hour,
    calmer_lines,
    collision_lines,
    left_out_lines,
    limits_line,
    minute,
    rows,
    side,
    tasks,
    title,
)
from deployer.views.html.page import render

# In units of the drawing, which is as wide as it is shown.
_WIDTH, _HEIGHT, _LEFT, _TOP = 1000, 120, 0, 18
_MOST_LABELS, _LABEL = 16, 60


@dataclass(frozen=True)
class Column:
    """One hour of a chart: where its bar is, how high, and whether anything waits in it."""

    x: float
    y: float
    width: float
    height: float
    waits: bool


@dataclass(frozen=True)
class Chart:
    """An amount over the hours: bars of what is planned, and (empty without a plan) a line of what is deployed."""

    name: str
    about: str
    columns: Sequence[Column]
    deployed: str
    days: Sequence[tuple[float, str]]


def forecast_to_html(data: Json) -> str:
    """A page of a forecast; `data` is the result of `forecast_to_json`."""
    what, flows = calmer_lines(data)
    return render(
        "forecast.html",
        title=title(data),
        rows=rows(data),
        has_plan=data["planned"] is not None,
        compared=data["compared"],
        charts=list(_charts(data)),
        size=(_WIDTH, _TOP + _HEIGHT),
        tasks=tasks(data),
        by_hour=bars_by_hour(data),
        by_day=bars_by_day(data),
        change=_change,
        collisions=collision_lines(data),
        calmer=what,
        calmer_flows=flows,
        flows=[_flow(each) for each in side(data)["flows"]],
        left_out=left_out_lines(data),
        assumptions=data["assumptions"],
        limits=limits_line(data),
    )


def shown_load(data: Json) -> dict[str, Any]:
    """The part of a forecast that the page of a plan has: peaks, tasks by hour, collisions, and what is assumed."""
    return {
        "title": title(data).partition(": ")[2],
        "rows": rows(data),
        "charts": list(_charts(data))[:1],
        "size": (_WIDTH, _TOP + _HEIGHT),
        "collisions": collision_lines(data),
        "assumptions": [*data["assumptions"], f"limits: {limits_line(data)}"],
    }


def _change(bar: Bar) -> str:
    return "" if bar.planned is None or bar.planned == bar.now else f"{bar.planned - bar.now:+,}"


def _flow(flow: Json) -> dict[str, Any]:
    seconds = flow["seconds"]
    return {**flow, "length": f"{seconds // 60:,} min" if seconds >= 60 else f"{seconds} s"}


def _charts(data: Json) -> Iterator[Chart]:
    """The amounts of which there are any."""
    names = {
        "tasks": f"{tasks(data)} at once",
        "runs": "runs at once",
        "cpu": "CPUs at once",
        "memory": "GB of memory at once",
        "gpus": "GPUs at once",
        "waiting_tasks": f"{tasks(data)} that wait",
    }
    for key, name in names.items():
        shown, now = _values(side(data), key), _values(data["now"], key)
        most = max([*shown, *now], default=0)
        if most:
            yield _chart(name, shown, now if data["planned"] else [], most, data)


def _values(found: Json, key: str) -> list[float]:
    if key == "waiting_tasks":
        return [hour[key] for hour in found["hours"]]
    scale = 1000 if key == "memory" else 1
    return [hour["most"][key] / scale for hour in found["hours"]]


def _chart(name: str, shown: Sequence[float], now: Sequence[float], most: float, data: Json) -> Chart:
    hours = side(data)["hours"]
    step = (_WIDTH - _LEFT) / max(len(shown), 1)

    def height(value: float) -> float:
        return round(value * _HEIGHT / most, 1)

    columns = [
        Column(
            round(_LEFT + number * step, 2),
            round(_TOP + _HEIGHT - height(value), 1),
            round(step * 0.85, 2),
            height(value),
            bool(hour["waiting_tasks"]),
        )
        for number, (value, hour) in enumerate(zip(shown, hours, strict=True))
    ]
    at = minute(hours[shown.index(max(shown))]["at"]) if any(shown) else ""
    about = f"{name}: at most {amount(max(shown))}" + (f", in the hour of {at}" if at else "")
    return Chart(name, about, columns, _line(now, step, most), _days([each["at"] for each in hours], step))


def _line(values: Sequence[float], step: float, most: float) -> str:
    """The points of a line with a step for each hour."""
    points = []
    for number, value in enumerate(values):
        y = round(_TOP + _HEIGHT - value * _HEIGHT / most, 1)
        points += [f"{round(_LEFT + number * step, 2)},{y}", f"{round(_LEFT + (number + 1) * step, 2)},{y}"]
    return " ".join(points)


def _days(hours: Sequence[str], step: float) -> list[tuple[float, str]]:
    """Where days begin, with their names; of many days not each is named."""
    later = [number for number, at in enumerate(hours) if number and at[:10] != hours[number - 1][:10]]
    # The first day is perhaps cut: it is named where there is room for that.
    has_room = bool(hours) and (not later or later[0] * step > _LABEL)
    begins = [*([0] if has_room else []), *later]
    every = -(-len(begins) // _MOST_LABELS) or 1
    return [
        (round(_LEFT + number * step, 2), _day(hours[number]) if place % every == 0 else "")
        for place, number in enumerate(begins)
    ]


def _day(at: str) -> str:
    return f"{datetime.fromisoformat(at):%a} {at[8:10]}"

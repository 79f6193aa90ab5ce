"""What every view of a forecast says of it, made from its JSON form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.models.forecast import Forecast
from deployer.models.visible import escape_controls
from deployer.views.words import count, listed

Json = Mapping[str, Any]
MOST_SHOWN = 5
_MOST_ADDRESSES = 4


@dataclass(frozen=True)
class Row:
    """An amount as it is, and (None where an apply changes nothing of the forecast) as it would be."""

    label: str
    now: str
    planned: str | None
    difference: str = ""


@dataclass(frozen=True)
class Bar:
    """The most tasks at once in some hours, and the most that wait for a slot, as it is and as it would be."""

    label: str
    now: int
    planned: int | None
    waiting: int

    @property
    def shown(self) -> int:
        """The tasks after an apply."""
        return self.now if self.planned is None else self.planned


def forecast_to_json(forecast: Forecast) -> dict[str, Any]:
    """A forecast as JSON values."""
    return forecast.model_dump(mode="json")


def forecast_schema() -> dict[str, Any]:
    """The JSON Schema of what `forecast --format json` prints."""
    return Forecast.model_json_schema()


def tasks(data: Json) -> str:
    """What a task of the environment is, in the plural."""
    return "pods" if data["compute"] == "kubernetes" else "processes"


def side(data: Json) -> Json:
    """What there would be after an apply."""
    found: Json = data["planned"] or data["now"]
    return found


def title(data: Json) -> str:
    """Which environment, and which time."""
    environment = escape_controls(data["environment"])
    return f"{environment}: what the schedules start, {minute(data['begin'])} to {minute(data['until'])} {zone(data)}"


def zone(data: Json) -> str:
    """The timezone of all times."""
    return escape_controls(data["timezone"])


def minute(text: str) -> str:
    """A time without its offset: all are in the same timezone."""
    return f"{text[:10]} {text[11:16]}"


def rows(data: Json) -> list[Row]:
    """Numbers and peaks; those that are 0 everywhere are left out."""
    word = tasks(data)
    found = [_number("runs start", "runs", data), _number(f"{word} start", "tasks", data)]
    names = {
        "runs": "runs at once",
        "tasks": f"{word} at once",
        "cpu": "CPUs at once",
        "memory": "memory at once, GB",
        "gpus": "GPUs at once",
        "waiting_tasks": f"{word} that wait",
        "waiting_runs": "runs that wait",
    }
    return [*found, *(row for name, label in names.items() if (row := _peak(label, name, data)))]


def _number(label: str, name: str, data: Json) -> Row:
    now, planned = data["now"][name], data["planned"][name] if data["planned"] else None
    if planned is None:
        return Row(label, f"{now:,}", None)
    return Row(label, f"{now:,}", f"{planned:,}", _signed(planned - now))


def _peak(label: str, name: str, data: Json) -> Row | None:
    now = data["now"]["peaks"][name]
    planned = data["planned"]["peaks"][name] if data["planned"] else None
    if not now["value"] and not (planned and planned["value"]):
        return None
    scale = 1000 if name == "memory" else 1
    if planned is None:
        return Row(label, _at(now, scale), None)
    difference = round((planned["value"] - now["value"]) / scale, 1)
    return Row(label, _at(now, scale), _at(planned, scale), _signed(difference))


def _at(peak: Json, scale: int) -> str:
    value = f"{amount(peak['value'] / scale)}"
    return f"{value} at {minute(peak['at'])}" if peak["at"] else value


def amount(value: float) -> str:
    """A number with at most one digit after the point."""
    return f"{value:,.1f}".removesuffix(".0")


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '-'}{amount(abs(value))}" if value else ""


def bars_by_hour(data: Json) -> list[Bar]:
    """The highest of each hour of the day."""
    return _bars(data, lambda at: f"{at[11:13]}:00")


def bars_by_day(data: Json) -> list[Bar]:
    """The highest of each day."""
    return _bars(data, lambda at: f"{datetime.fromisoformat(at):%a} {at[:10]}")


def _bars(data: Json, label_of: Any) -> list[Bar]:
    labels = sorted({(_order(label_of(each["at"])), label_of(each["at"])) for each in data["now"]["hours"]})
    now = _most(data["now"]["hours"], label_of, "tasks")
    planned = _most(data["planned"]["hours"], label_of, "tasks") if data["planned"] else {}
    waiting = _most(side(data)["hours"], label_of, "waiting_tasks")
    return [
        Bar(label, now[label], planned.get(label) if data["planned"] else None, waiting[label]) for _, label in labels
    ]


def _order(label: str) -> str:
    return label.rpartition(" ")[2]


def _most(hours: Sequence[Json], label_of: Any, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for hour in hours:
        value = hour["most"]["tasks"] if name == "tasks" else hour[name]
        label = label_of(hour["at"])
        found[label] = max(found.get(label, 0), int(value))
    return found


def collision_lines(data: Json) -> list[tuple[str, str]]:
    """The largest collisions: what happens, and whose runs they are."""
    return [
        (_collision(each, data), listed([*map(escape_controls, each["flows"])], _MOST_ADDRESSES))
        for each in side(data)["collisions"][:MOST_SHOWN]
    ]


def _collision(each: Json, data: Json) -> str:
    often = "" if each["often"] == 1 else f" and {count(each['often'] - 1, 'later time')}"
    word = tasks(data) if each["waiting"] != 1 else tasks(data).removesuffix("s").removesuffix("se")
    waits = f"; {each['waiting']:,} {word} wait{'s' if each['waiting'] == 1 else ''}" if each["waiting"] else ""
    return f"{count(each['runs'], 'run')} start at {minute(each['at'])}{often}{waits}"


def calmer_lines(data: Json) -> tuple[str, list[tuple[str, str]]]:
    """What other minutes would do, and the flows with their crons; an empty text if there are none."""
    found = side(data)["calmer"]
    if not found:
        return "", []
    word = tasks(data)
    flows = [(escape_controls(each["address"]), f"'{each['instead']}' for '{each['cron']}'") for each in found["flows"]]
    return f"{found['after']:,} {word} at once in place of {found['before']:,}, if none waited", flows


def left_out_lines(data: Json) -> list[str]:
    """Why deployments are not in the forecast, with how many or which there are."""
    reasons: dict[str, list[str]] = {}
    for each in side(data)["left_out"]:
        reasons.setdefault(escape_controls(each["why"]), []).append(escape_controls(each["address"]))
    return [f"{listed(addresses, _MOST_ADDRESSES)}: {why}" for why, addresses in sorted(reasons.items())]


def limits_line(data: Json) -> str:
    """How many tasks run at once."""
    slots = f"{data['slots']:,} in all" if data["slots"] else "no limit in all"
    pools = [f"{size:,} in {escape_controls(name)}" for name, size in data["pools"].items()]
    return ", ".join([slots, *pools[:MOST_SHOWN]])

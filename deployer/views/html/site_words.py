"""Words of the pages of a catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from deployer.models.live import duration_text
from deployer.views.words import listed

Json = Mapping[str, Any]


class State(NamedTuple):
    """How a state is shown: a word, a sentence, and the class of its colour."""

    word: str
    sentence: str
    look: str


STATES: Final[Mapping[str, State]] = {
    "deployed": State("deployed", "", "good"),
    "changed": State("other version", "The manifests say something else than what is deployed.", "attention"),
    "new": State("not deployed", "It is in the manifests, and was not deployed yet.", "attention"),
    "unlisted": State("not in the manifests", "It is deployed, and the manifests no longer list it.", "attention"),
    "foreign": State("of another project", "Another manifest project deployed it.", "good"),
    "broken": State("broken", "It cannot be deployed as it is.", "bad"),
}
RUNS: Final[Mapping[str, str]] = {"success": "good", "failed": "bad"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_MOST_MEGABYTES: Final = 1024


def moment(text: str) -> str:
    """A time for people, as in ``2026-11-26 14:05 UTC``; what is no time stays as it is."""
    found = _TIME.fullmatch(text)
    if not found:
        return text
    day, time, offset = found.groups()
    zone = {"Z": " UTC", "+00:00": " UTC", None: ""}.get(offset, f" {offset}")
    return f"{day} {time}{zone}"


def schedule_text(deployment: Json) -> str:
    """When runs start, in words."""
    schedule, started = deployment["schedule"], deployment["started_by"]
    times = f"{schedule['text']} ({schedule['timezone']})" if schedule else ""
    if times and started:
        return f"{times}, and after other flows or events"
    return times or ("After other flows or events" if started else "By hand only")


def resources_text(resources: Json) -> str:
    """Resources of a pod, as in ``2 CPU, 4 GB memory, 1 GPU``."""
    units = {"cpu": "CPU", "gpu": "GPU"}
    found = [f"{resources[name]} {unit}" for name, unit in units.items() if _is_some(resources.get(name))]
    sizes = {"memory": "memory", "disk": "disk", "shared_memory": "shared memory", "tmpfs_size": "tmpfs"}
    found[1:1] = [f"{_size(resources[name])} {word}" for name, word in sizes.items() if _is_some(resources.get(name))]
    return ", ".join(found)


def _is_some(value: object) -> bool:
    return value not in (None, "", 0, "0")


def _size(value: object) -> str:
    """Megabytes, as Metaflow counts them."""
    text = str(value)
    if not text.isdecimal():
        return text
    amount = int(text)
    return f"{amount // _MOST_MEGABYTES} GB" if amount % _MOST_MEGABYTES == 0 else f"{amount:,} MB"


def failures_text(step: Json) -> str:
    """What happens to a task that fails, or takes too long."""
    retries, limit = step["retries"], step["timeout_seconds"]
    found = [f"tried again {retries} times" if retries > 1 else "tried again once" if retries else ""]
    found += [f"stopped after {_limit(limit)}" if limit else ""]
    return listed([each for each in found if each])


def _limit(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else duration_text(seconds)


def visible_lines(text: str) -> Sequence[str]:
    """The lines of a text, each without what would disturb the others."""
    return [line.expandtabs(4).rstrip() for line in text.splitlines()]


def varied_texts(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Different texts with the environments that have each; without these where all have the same."""
    found: dict[str, list[str]] = {}
    for where, text in pairs:
        found.setdefault(text, []).append(where)
    if len(found) == 1:
        return [("", text) for text in found if text]
    return [(listed(where), text) for text, where in found.items() if text]

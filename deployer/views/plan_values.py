"""The values of new deployments, in lines by group. What most new deployments of an environment have is said once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.models.visible import escape_controls
from deployer.views.escape_controls import NOT_SET, value_text
from deployer.views.words import count, listed

MOST_STEPS = 4
_OF_STEPS = " of steps"
FEWEST_SHARED = 3
_LONGEST = 120  # characters of a value; the JSON form has all
# Kept as texts in a description, because Kubernetes takes amounts such as 500m.
_AMOUNTS = frozenset(("cpu", "memory", "disk", "gpu", "shared_memory", "tmpfs_size", "port"))
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLAIN = re.compile(r"[A-Za-z_./@$][\w./:@$+{}-]*")
_WORDS = frozenset(("true", "false", "null", "none", "yes", "no"))

Change = Mapping[str, Any]


@dataclass(frozen=True)
class ValueLine:
    """A text in a group. `slot` names what the text is about: a field, or what the steps have of a section."""

    group: str
    slot: str
    text: str


def plain_amount(field: str, value: Any) -> Any:
    """A value of a field that differs, with the amounts of a pod as numbers: 8 and not "8"; 2 and not 2.0."""
    section, _, rest = field.partition(".")
    if section not in ("retries", "resources"):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, Mapping):
        return {name: plain_amount(f"{field}.{name}", item) for name, item in value.items()}
    if isinstance(value, str) and rest.rpartition(".")[2] in _AMOUNTS and _NUMBER.fullmatch(value):
        return json.loads(value) if "." in value or value.lstrip("-") == str(int(value.lstrip("-"))) else value
    return value


def value_lines(change: Change) -> list[ValueLine]:
    """The values of a change by group; the values of steps that are the same are one text."""
    lines: list[ValueLine] = []
    for group in dict.fromkeys(value["group"] for value in change["values"]):
        if group == "schedule":  # shown with the next runs
            continue
        values = [value for value in change["values"] if value["group"] == group]
        own = [value for value in values if not _of_step(value["field"])]
        lines += [ValueLine(group, value["field"], _text(group, value)) for value in own]
        for source in ("resources", "retries", "settings"):
            of_steps = [value for value in values if value not in own and value["field"].startswith(f"{source}.")]
            slot = f"{group} from {source}{_OF_STEPS}"
            lines += [ValueLine(group, slot, text) for text in _of_steps(group, of_steps, change)]
    return lines


def known_at_apply(change: Change) -> list[ValueLine]:
    """The parameters whose default the apply evaluates, in one line."""
    parameters = change["after"]["parameters"] if change["action"] in ("create", "update") else {}
    names = [escape_controls(name) for name, each in parameters.items() if each.get("default") == KNOWN_AT_APPLY]
    return [ValueLine("parameters", "known at apply", f"{', '.join(names)} {KNOWN_AT_APPLY}")] if names else []


class EnvironmentValues:
    """The values of the changes of one environment, and what most new deployments there have."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._by_slot = {id(change): _by_slot(value_lines(change)) for change in changes}
        self._shared = self._most_have([change for change in changes if change["action"] == "create"])

    @property
    def shared(self) -> Sequence[ValueLine]:
        """What most new deployments have; nothing if there are few of them."""
        return [line for lines in self._shared.values() for line in lines]

    def own(self, change: Change) -> list[ValueLine]:
        """The lines of a change that are not those that most new deployments have."""
        found = self._by_slot[id(change)]
        if change["action"] != "create":
            return [line for lines in found.values() for line in lines]
        own = [line for slot, lines in found.items() if self._shared.get(slot) != lines for line in lines]
        missing = [lines[0] for slot, lines in self._shared.items() if slot not in found]
        return [*own, *(ValueLine(line.group, line.slot, _other(line, change)) for line in missing)]

    def _most_have(self, new: Sequence[Change]) -> Mapping[str, list[ValueLine]]:
        counts = Counter(tuple(lines) for change in new for lines in self._by_slot[id(change)].values())
        # At most one text of a slot is that of more than half.
        return {
            lines[0].slot: list(lines)
            for lines, number in counts.items()
            if number >= FEWEST_SHARED and number * 2 > len(new)
        }


def by_group(lines: Sequence[ValueLine]) -> Iterator[tuple[str, list[str]]]:
    """The texts of each group, one for each line: first what is not of steps, in one line, then that of steps."""
    for group in dict.fromkeys(line.group for line in lines):
        texts = [line for line in lines if line.group == group]
        own = ", ".join(line.text for line in texts if not line.slot.endswith(_OF_STEPS))
        yield group, [*([own] if own else []), *(line.text for line in texts if line.slot.endswith(_OF_STEPS))]


def mark_text(mark: Mapping[str, Any], change: Change) -> str:
    """A mark of a change in a sentence."""
    steps, value = step_names(mark["names"], change), mark["value"]
    match mark["word"]:
        case "frequent":
            return f"runs start {count(value, 'minute')} apart" if value != 1 else "a run starts each minute"
        case "gpu":
            return f"{count(value, 'GPU') if isinstance(value, int) else f'GPUs: {value}'} for {steps}"
        case _:
            where = "" if steps == "all steps" else f" of {steps}"
            return f"no other flow uses the image {value}{where}"


def _by_slot(lines: Sequence[ValueLine]) -> dict[str, list[ValueLine]]:
    found: dict[str, list[ValueLine]] = {}
    for line in lines:
        found.setdefault(line.slot, []).append(line)
    return found


def _other(line: ValueLine, change: Change) -> str:
    """What a deployment has that has not the shared value: a default."""
    if line.slot.endswith(_OF_STEPS):
        return "none" if line.group != "compute" else "defaults"
    found: Any = change["after"]
    for part in line.slot.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return f"{_name(line.slot)} {NOT_SET if found is None else _plain(found)}"


def _of_step(field: str) -> str:
    """The step that a field belongs to; empty for any other."""
    section, *path = field.split(".")
    if section == "settings" and path[:1] == ["steps"]:
        return path[1]
    return path[0] if section in ("retries", "resources") else ""


def _of_steps(group: str, values: Sequence[Mapping[str, Any]], change: Change) -> Iterator[str]:
    by_step: dict[str, list[Mapping[str, Any]]] = {}
    for value in values:
        if step := _of_step(value["field"]):
            by_step.setdefault(step, []).append(value)
    texts: dict[str, list[str]] = {}
    for step, found in by_step.items():
        texts.setdefault(_step_text(group, found), []).append(step)
    for text, steps in texts.items():
        whose = step_names(steps, change)
        yield text if group == "image" and whose == "all steps" else f"{whose}: {text}"


def step_names(steps: Sequence[str], change: Change) -> str:
    """``fit``, ``a and b``, ``a, b, c, d and 3 more``, or ``all steps`` if they are all that the deployment has."""
    after = change["after"]["graph"]["steps"] if change["after"] else {}
    if len(steps) > 1 and set(steps) == set(after):
        return "all steps"
    return listed(steps, MOST_STEPS)


def _step_text(group: str, values: Sequence[Mapping[str, Any]]) -> str:
    if group == "image":
        return _plain(values[0]["value"])
    if group == "retries":
        return _retries({value["field"].rpartition(".")[2]: value["value"] for value in values})
    return ", ".join(_text(group, value) for value in values)


def _retries(retries: Mapping[str, Any]) -> str:
    times = f"{retries['times']} {'time' if retries['times'] == 1 else 'times'}"
    minutes = plain_amount("retries", retries["minutes_between"])
    apart = f", {minutes} {'minute' if minutes == 1 else 'minutes'} apart" if minutes else ", without a wait"
    fallback = f", then {retries['fallback']} to record the failure" if retries["fallback"] else ""
    return f"{times}{apart}{fallback}"


def _text(group: str, value: Mapping[str, Any]) -> str:
    shown = plain_amount(value["field"], value["value"])
    if group == "parameters":
        return f"{escape_controls(value['field'].split('.', 1)[1].rpartition('.')[0])}: {value_text(shown, _LONGEST)}"
    return f"{_name(value['field'])} {_plain(shown)}"


def _name(field: str) -> str:
    """The path of a value below its section, and below its step."""
    step = _of_step(field)
    path = field.partition(".")[2]
    if step:
        path = field.partition(f".{step}.")[2]
    return escape_controls(path)


def _plain(value: Any) -> str:
    """A value as JSON, and a text that cannot be read as anything else without its quotes."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS and len(value) <= _LONGEST:
        return value
    return value_text(value, _LONGEST)

"""What the changes of a plan do to runs, in sentences. What holds for several changes is said once, at the end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.views.words import count, listed

DELETED = "Airflow stops running it. Its past runs stay in Airflow until they are deleted there."
TOOLS_ONLY = "Only the tools changed here: nothing in your manifests or your code did."
SEVERAL = "For several changes"
NO_RUNS = "none: it no longer starts by itself"
MOST_ADDRESSES = 4
_ONCE_UNPAUSED = "(once unpaused)"
_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?(.*)$")
# Said of each change by itself: their times, numbers and names are its own.
_OF_ONE = ("next runs", "starts now", "catch-up", "started by", "starts")
_SENTENCES = {
    "code": "running and cleared DAG runs pick up the new code for tasks that have not started",
    "parameters": "scheduled runs use the new default{of_names} from the next run on",
    "steps removed": "running and cleared DAG runs no longer include {names}",
    "steps added": "running DAG runs get {names} too",
    "retries": "tasks that have started keep their retries; later runs and cleared tasks get new ones{in_names}",
    "paused": "Airflow keeps the DAG paused or unpaused as it is: the setting applies to new DAGs only",
}
# What stands for the names where the sentence is said of several changes, each with names of its own.
_NAMES = {"steps removed": "steps that were removed", "steps added": "steps that were added"}
_STAYS = "no run starts until somebody unpauses the DAG in Airflow"

Change = Mapping[str, Any]
Effect = Mapping[str, Any]


@dataclass(frozen=True)
class Remark:
    """A sentence about changes. `key` is the same for sentences that may be said once; `names` are of one change."""

    key: str
    label: str
    sentence: str
    names: Sequence[str] = ()


def shown_effects(change: Change) -> list[Effect]:
    """The effects of a change, without those that only older versions wrote into saved plans."""
    return [effect for effect in change["effects"] if effect["word"] != "foreach"]


def common_remarks(changes: Sequence[Change], former: Mapping[str, str]) -> dict[str, str]:
    """The sentences that hold for several changes, with the changes that each is about.

    `former` are the old DAG ids by address.
    """
    found: dict[str, list[tuple[Change, Remark]]] = {}
    for change in changes:
        for remark in remarks(change, former):
            found.setdefault(remark.key, []).append((change, remark))
    return {key: _subject(held, changes) for key, held in found.items() if len(held) > 1}


def own_rows(change: Change, common: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Labels and sentences of the effects that are said of this change alone, one for each line."""
    for effect in shown_effects(change):
        if effect["word"] in _OF_ONE:
            rows = _rows_of_starts if effect["word"] in ("started by", "starts") else _rows_of_times
            yield from rows(effect, is_created_paused(change))
        else:
            remark = _remark(effect, change)
            if remark.key not in common:
                yield remark.label, remark.sentence


def remarks(change: Change, former: Mapping[str, str]) -> Iterator[Remark]:
    """What is said of a change and may hold for others too."""
    for effect in shown_effects(change):
        if effect["word"] not in _OF_ONE:
            yield _remark(effect, change)
    meaning = meaning_of(change, former)
    if meaning:
        yield Remark(meaning, "", meaning)


def meaning_of(change: Change, former: Mapping[str, str]) -> str:
    """What a delete or a change of the tools means; empty for any other change, and for a DAG that is renamed."""
    if change["action"] == "delete":
        return "" if change["address"] in former else DELETED
    return TOOLS_ONLY if tools_only(change) else ""


TOOL_WORDS = frozenset({"metaflow version", "renderer version"})


def tools_only(change: Change) -> bool:
    """Whether a change has no other reasons than new versions of Metaflow or mfdeploy."""
    words = {reason["word"] for reason in change["reasons"]}
    return bool(words) and words <= TOOL_WORDS


def is_created_paused(change: Change) -> bool:
    """Whether Airflow will create the DAG paused, as far as the manifest and Airflow's default say."""
    return any(effect["word"] == "created paused" for effect in change["effects"])


def _remark(effect: Effect, change: Change) -> Remark:
    word, names = str(effect["word"]), list(effect["names"])
    if word == "created paused":
        sentence = _created_paused(change)
        return Remark(f"created paused, {sentence}", "paused", sentence)
    if word == "collision":
        sentence = f"{count(effect['count'], 'run')} start at {run_times(effect['after'])}"
        return Remark(sentence, word, sentence)
    label = word if word == "paused" else "runs"
    template = _SENTENCES[word]
    shown = listed(names)
    own = template.format(names=shown, of_names=f" of {shown}", in_names=f" ({shown})")
    common = template.format(names=_NAMES.get(word, ""), of_names="", in_names="")
    return Remark(common, label, own, names)


def _created_paused(change: Change) -> str:
    if change["after"]["settings"].get("paused"):
        return f"as `paused: true` says: {_STAYS}"
    return f"by Airflow's default: {_STAYS}; `paused: false` in the manifest creates it unpaused"


def _subject(held: Sequence[tuple[Change, Remark]], changes: Sequence[Change]) -> str:
    """``all 12 new DAGs``, or the addresses with the names that differ."""
    actions = {change["action"] for change, _ in held}
    if len(actions) == 1 and not any(remark.names for _, remark in held):
        (action,) = actions
        nouns = {"create": "new DAG", "update": "update", "delete": "delete"}
        if len(held) > MOST_ADDRESSES and len(held) == sum(change["action"] == action for change in changes):
            return f"all {count(len(held), nouns[action])}"
    shown = [f"{change['address']}{_in_brackets(remark.names)}" for change, remark in held]
    return listed(shown, MOST_ADDRESSES)


def _in_brackets(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _rows_of_starts(effect: Effect, paused: bool) -> Iterator[tuple[str, str]]:
    """Who starts whom. Only events of no flow have no slash in their names."""
    names = [name if "/" in name else f"the event {name}" for name in effect["names"]]
    if effect["word"] == "starts":
        yield "starts", f"{listed(names, MOST_ADDRESSES)}, when a run succeeds"
    else:
        ends = [f"the end of {name}" if "/" in name else name for name in names]
        yield "started by", f"{listed(ends, MOST_ADDRESSES)}{f' {_ONCE_UNPAUSED}' if paused else ''}"


def _rows_of_times(effect: Effect, paused: bool) -> Iterator[tuple[str, str]]:
    after = run_times(effect["after"])
    match effect["word"]:
        case "next runs":
            yield "next runs", f"{after} {_ONCE_UNPAUSED}" if paused else after or NO_RUNS
            if effect["before"]:
                yield "until now", run_times(effect["before"])
        case "starts now":
            text = f"one run, for {after}: that time has passed since the last run"
            yield "starts now", f"{text} {_ONCE_UNPAUSED if paused else '(a paused DAG waits)'}"
        case _:
            runs = f"{'more than ' if effect['more'] else ''}{count(effect['count'], 'run')}, from {after} on"
            waits = _ONCE_UNPAUSED if paused else "(a paused DAG waits)"
            yield "catch-up", f"{runs}, start at once, {effect['at_a_time']} at a time {waits}"


def run_times(runs: Sequence[str]) -> str:
    """Readable times: ``2026-11-23 03:00, 2026-11-24 03:00 +02:00``. An offset that does not change is shown once."""
    found = [_TIME.sub(r"\1 \2 \3", each).rstrip().replace(" +00:00", " UTC") for each in runs]
    zones = [each[len("2026-11-23 03:00") :] for each in found]
    last = len(found) - 1
    return ", ".join(
        each if number == last or zones[number] != zones[number + 1] else each.removesuffix(zones[number])
        for number, each in enumerate(found)
    )

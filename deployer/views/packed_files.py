"""Files that are merely packed with a flow: its code does not import them. Plans tell of them apart, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.views.plan_effects import MOST_ADDRESSES
from deployer.views.words import count, listed

Change = Mapping[str, Any]
Files = Mapping[str, Any]
_KINDS = ("added", "removed", "changed")


def folded(changes: Sequence[Change]) -> tuple[Sequence[Change], Sequence[Change]]:
    """An environment's changes without those that one line is about, and these: nothing differs but such files.

    Of one change alone there is as much to say in a line of its own.
    """
    found = [change for change in changes if _is_of_packed_files(change)]
    if len(found) < 2:
        return changes, ()
    return [change for change in changes if not _is_of_packed_files(change)], found


def _is_of_packed_files(change: Change) -> bool:
    reasons = change["reasons"]
    if change["action"] != "update" or change["replaces"] or not reasons:
        return False
    return all(_only_packed(reason) for reason in reasons)


def _only_packed(reason: Mapping[str, Any]) -> bool:
    if reason["word"] != "code" or reason["fields"] or not reason["files"]:
        return False
    return not any(own_files(reason["files"]).values())


def folded_line(changes: Sequence[Change], beside: int) -> tuple[str, str]:
    """``39 others`` and ``packaged files that they do not import (flows/f7.py)``.

    `beside` is the number of the environment's other changes.
    """
    places = {place for change in changes for reason in change["reasons"] for place in _places(reason["files"])}
    who = f"{len(changes):,} others" if beside else count(len(changes), "deployment")
    return who, f"packaged files that they do not import ({listed(sorted(places), MOST_ADDRESSES)})"


def own_files(files: Files) -> dict[str, list[str]]:
    """The files of the flow's own code, by what happened to them."""
    return {kind: [path for path in files[kind] if path not in files["packed"]] for kind in _KINDS}


def packed_remark(files: Files) -> str:
    """``packaged files that it does not import: flows/f7.py``; empty if there are none."""
    places = sorted(_places(files))
    return f"packaged files that it does not import: {listed(places, MOST_ADDRESSES)}" if places else ""


def _places(files: Files) -> Iterable[str]:
    packed: Mapping[str, str] = files["packed"]
    return packed.values()

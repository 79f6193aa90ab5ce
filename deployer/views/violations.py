"""Violations of policies in words, for the text and for the Markdown of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.views.words import count

TITLE = "Policies"
_MOST = 10  # violations of one policy that are shown
Violation = Mapping[str, Any]


def stops(violation: Violation) -> bool:
    """Whether it stops an apply."""
    return violation["severity"] == "error" and not violation["exempted"]


def in_order(violations: Sequence[Violation]) -> list[Violation]:
    """By policy; what stops an apply last: that is what a reader sees first, above the prompt."""
    return sorted(violations, key=lambda each: (stops(each), not each["exempted"], each["policy"]))


def folded(violations: Sequence[Violation], *, worst_first: bool = False) -> list[tuple[Violation, int]]:
    """Those to show, each with how many more of its policy it stands for: a new policy may be violated by all."""
    groups: dict[tuple[str, str], list[Violation]] = {}
    for each in in_order(violations):
        groups.setdefault((label(each), each["policy"]), []).append(each)
    found: list[tuple[Violation, int]] = []
    for group in reversed(groups.values()) if worst_first else groups.values():
        kept = group if len(group) <= _MOST + 1 else group[:_MOST]
        found += [(each, 0) for each in kept[:-1]]
        found.append((kept[-1], len(group) - len(kept)))
    return found


def rest(violation: Violation, more: int) -> str:
    """What is said in the place of those that are not shown."""
    return f"and {more:,} more of {violation['policy']}"


def label(violation: Violation) -> str:
    """``error``, ``warning`` or ``exempted``."""
    return "exempted" if violation["exempted"] else str(violation["severity"])


def sentence(violation: Violation) -> str:
    """What is violated, without the address."""
    policy, message = violation["policy"], violation["message"]
    text = f"the policy {policy} could not be evaluated: {message}" if violation["failed"] else f"{policy}: {message}"
    text = f"{text}; {violation['hint']}" if violation["hint"] else text
    if violation["exempted"]:
        text = f"{text} (until {violation['until']}: {violation['exempted']})"
    return text


def verdict(violations: Sequence[Violation]) -> str:
    """What the violations mean for an apply; empty if they stop none."""
    number = sum(map(stops, violations))
    return f"{count(number, 'policy violation')}: an apply is refused." if number else ""

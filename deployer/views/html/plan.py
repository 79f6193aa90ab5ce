"""A plan as a page, made from its JSON form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.views import violations
from deployer.views.html.facets import filters
from deployer.views.html.forecast import shown_load
from deployer.views.html.page import WITH_DRAWINGS, render
from deployer.views.html.plan_change import FACETS, ShownChange, facets, shown_change
from deployer.views.html.starts import starts_of_plan
from deployer.views.plan_effects import SEVERAL, common_remarks
from deployer.views.plan_words import (
    Change,
    baseline,
    former_ids,
    narrowing,
    not_planned,
    pending_by_environment,
    summary_line,
    warning_text,
)
from deployer.views.words import listed

_MOST_OPEN = 12  # changes; of more only the first lines are shown until one is opened
_MOST_NAMES = 5
_ACTIONS = ("create", "update", "delete", "conflict", "none")


@dataclass(frozen=True)
class ShownEnvironment:
    """An environment with its changes, and those of its addresses that do not change."""

    name: str
    target: str
    counts: Sequence[int]
    changes: Sequence[ShownChange]
    unchanged: Sequence[Change]


def plan_to_html(
    plan: Mapping[str, Any],
    *,
    sources: Mapping[str, str] | None = None,
    loads: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The plan as one self-contained page. `sources` maps ``environment/file`` to its source diff, if wanted.

    `loads` are results of `forecast_to_json` by environment: what a plan changes of the load that schedules make.
    """
    environments = _environments(plan, sources or {})
    pending = [change for change in plan["changes"] if change["action"] != "none"]
    title = f"{_kind(plan)} for {listed([each.name for each in environments], _MOST_NAMES) or 'nothing'}"
    return render(
        "plan.html",
        title=title,
        scripts=WITH_DRAWINGS,
        summary=summary_line(plan["summary"]),
        remarks=list(filter(None, (baseline(plan), narrowing(plan)))),
        policies=violations.verdict(plan["violations"]) or violations.TITLE,
        stops=any(map(violations.stops, plan["violations"])),
        violations=[
            {**_shown(each), "message": f"{each['address']}: {violations.sentence(each)}", "hint": _rest(each, more)}
            for each, more in violations.folded(plan["violations"], worst_first=True)
        ],
        warnings=[{**warning, "text": warning_text(warning)} for warning in plan["warnings"]],
        not_planned=not_planned(plan),
        broken=plan["broken"],
        environments=environments,
        actions=_ACTIONS,
        filters=filters(FACETS, map(facets, pending)),
        several=SEVERAL,
        common=[(subject, sentence) for sentence, subject in _common(plan).items()],
        starts=starts_of_plan(pending),
        loads=[(name, shown_load(load)) for name, load in sorted((loads or {}).items())],
        is_open=len(pending) <= _MOST_OPEN,
        tool_version=plan["tool_version"],
    )


def _shown(violation: Mapping[str, Any]) -> dict[str, Any]:
    """A violation in words."""
    return {
        "severity": violations.label(violation),
        "origin": violation["origin"],
        "message": violations.sentence(violation),
    }


def _rest(violation: Mapping[str, Any], more: int) -> str:
    return violations.rest(violation, more) if more else ""


def _by_address(found: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    by_address: dict[str, list[dict[str, Any]]] = {}
    for each in reversed(violations.in_order(found)):
        by_address.setdefault(each["address"], []).append(_shown(each))
    return by_address


def _kind(plan: Mapping[str, Any]) -> str:
    if plan["rollback"]:
        return f"Rollback to {plan['rollback']}"
    return "Plan to destroy what is deployed" if plan["destroy"] else "Plan"


def _common(plan: Mapping[str, Any]) -> dict[str, str]:
    pending = [change for change in plan["changes"] if change["action"] != "none"]
    return common_remarks(pending, former_ids(plan))


def _environments(plan: Mapping[str, Any], sources: Mapping[str, str]) -> list[ShownEnvironment]:
    pending, former, common = pending_by_environment(plan), former_ids(plan), _common(plan)
    problems = _by_address(plan["violations"])
    numbers = {id(change): number for number, change in enumerate(plan["changes"])}
    counts = Counter((change["environment"], change["action"]) for change in plan["changes"])
    names = sorted({*plan["targets"], *(change["environment"] for change in plan["changes"])})
    return [
        ShownEnvironment(
            name=name,
            target=plan["targets"].get(name, ""),
            counts=[counts[name, action] for action in _ACTIONS],
            changes=[
                shown_change(
                    {**change, "problems": problems.get(change["address"], ())},
                    numbers[id(change)],
                    former,
                    common,
                    sources.get(f"{name}/{change['file']}", ""),
                )
                for change in pending.get(name, ())
            ],
            unchanged=[
                change for change in plan["changes"] if change["environment"] == name and change["action"] == "none"
            ],
        )
        for name in names
    ]

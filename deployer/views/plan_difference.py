"""How a plan differs from the one that was reviewed, as JSON and in the lines that text and Markdown show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from deployer.models.plan import Action, Change, Reason
from deployer.models.types import FrozenModel, Several
from deployer.planning.reviewed import Difference
from deployer.views.plan_json import change_to_json
from deployer.views.plan_words import field_texts, file_lines, group_fields, new_deployment, shown_reasons

NOTHING_APPLIED = "Nothing was applied. Review the plan as it is now."
_MOST_DETAILS = 3
_MOST_CHARACTERS = 60  # of a value


class PlannedChange(FrozenModel):
    """What a plan does with a file."""

    action: Action
    reasons: Annotated[Several[str], Field(description="The words of its reasons.")]
    text: Annotated[str, Field(description="The action and its reasons in a few words.")]


class PlanDifference(FrozenModel):
    """A file that the plan treats differently than the reviewed one."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.")]
    environment: str
    file: Annotated[str, Field(description="Name of the DAG file at the target.")]
    reviewed: Annotated[PlannedChange | None, Field(description="In the reviewed plan; null where it is not there.")]
    now: Annotated[
        PlannedChange | None, Field(description="In the plan that was made now; null where it is not there.")
    ]
    result: Annotated[
        str, Field(description="How the planned results of two changes of the same kind differ; empty if they do not.")
    ]
    deployed: Annotated[
        str, Field(description="How what they found deployed differs, from then to now; empty if it does not.")
    ]


def describe_difference(difference: Difference) -> PlanDifference:
    """A difference in words."""
    return PlanDifference(
        address=difference.address,
        environment=difference.environment,
        file=difference.file,
        reviewed=_planned(difference.reviewed),
        now=_planned(difference.now),
        result=_of_reasons(difference.now, difference.result),
        deployed=_of_reasons(difference.now, difference.deployed),
    )


def difference_lines(difference: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A label and a text for each line of a difference as JSON."""
    reviewed, now = (_planned_text(difference[side]) for side in ("reviewed", "now"))
    yield "reviewed", reviewed
    yield "now", now
    if difference["result"]:
        yield "planned", f"another result: {difference['result']}"
    if difference["deployed"]:
        yield "deployed", f"changed since: {difference['deployed']}"
    elif reviewed == now and not difference["result"]:
        yield "deployed", f"{difference['file']} was changed since"


def _planned_text(planned: Mapping[str, Any] | None) -> str:
    return str(planned["text"]) if planned else "not in the plan"


def _planned(change: Change | None) -> PlannedChange | None:
    if change is None:
        return None
    words = tuple(reason.word for reason in change.reasons)
    return PlannedChange(action=change.action, reasons=words, text=_in_brief(change))


def _in_brief(change: Change) -> str:
    """``update (schedule: cron: 0 3 * * * -> 0 4 * * *; code: ~ train.py)``."""
    if change.action == "none":
        return "no change"
    why = _reasons_in_brief(change)
    return f"{change.action} ({why})" if why else change.action


def _of_reasons(change: Change | None, reasons: Sequence[Reason]) -> str:
    return _reasons_in_brief(replace(change, reasons=tuple(reasons))) if change and reasons else ""


def _reasons_in_brief(change: Change) -> str:
    data = change_to_json(change)
    found = ((reason["word"], list(_details(reason, data))) for reason in shown_reasons(data))
    return "; ".join(f"{word}: {', '.join(details)}" if details else word for word, details in found)


def _details(reason: Mapping[str, Any], change: Mapping[str, Any]) -> Iterator[str]:
    if reason["word"] == "new":
        yield new_deployment(change)
    if reason["note"]:
        yield reason["note"]
    yield from reason["sentences"]
    fields = group_fields(reason, change)
    for name, field in fields[:_MOST_DETAILS]:
        shown, before, after = field_texts(name, field, _MOST_CHARACTERS)
        yield f"{shown}: {before} -> {after}"
    if len(fields) > _MOST_DETAILS:
        yield f"and {len(fields) - _MOST_DETAILS} more"
    lines, more = file_lines(reason["files"], _MOST_DETAILS) if reason["files"] else ([], 0)
    yield from (f"{mark} {path}" for mark, path in lines)
    if more:
        yield f"and {more} more files"

"""A plan as JSON: the format of saved plans, and the input of the text and Markdown views."""

from __future__ import annotations

from dataclasses import replace
from json import JSONDecodeError
from typing import Any

from pydantic import BaseModel

from deployer.errors import DeployError, Diagnostic, Location, nearest
from deployer.models.description import to_json
from deployer.models.format_1 import upgrade_plan
from deployer.models.plan import PLAN_FORMAT, Change, Plan, Summary
from deployer.models.reading import NewerFormatError, Problem, ReadingError, adapter, parse_json, read_model, validate

_CODE = "bad-plan"
_HINT = "make the plan again with `mfdeploy plan --out`"
_HINT_NEWER = "use the mfdeploy that made the plan, or make it again with `mfdeploy plan --out`"


def plan_to_json(plan: Plan, *, brief: bool = False) -> dict[str, Any]:
    """The plan as JSON values, with its keys in a fixed order.

    What is `brief` lacks the descriptions of deployments that do not change, of which text has nothing but the number.
    """
    head = adapter(Plan).dump_python(plan, mode="json", exclude={"changes"})
    targets = dict(sorted(plan.targets.items()))
    changes = [change_to_json(change, brief=brief) for change in plan.changes]
    return {"format": plan.format, **head, "targets": targets, "changes": changes}


def change_to_json(change: Change, *, brief: bool = False) -> dict[str, Any]:
    """A change of a plan as JSON values; `brief` as for a plan."""
    if brief and change.action == "none" and not change.effects:
        change = replace(change, before=None, after=None)
    before = _description_to_json(change.before)
    # Where nothing changed both are the same object; a plan may have a thousand such changes.
    after = before if change.after is change.before else _description_to_json(change.after)
    found = adapter(Change).dump_python(change, mode="json", exclude={"before", "after"})
    return {**found, "before": before, "after": after}


def _description_to_json(description: BaseModel | None) -> dict[str, Any] | None:
    return None if description is None else to_json(description)


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a saved plan."""
    return adapter(Plan).json_schema(mode="serialization")


def plan_from_json(data: object, file: str = "") -> Plan:
    """The plan in `data` (decoded JSON) of this format or an older one; `file` is its name in messages.

    Raises DeployError, with the JSON path of each problem, for an unknown or missing key, a wrong type, another
    format version, or counts that do not add up.
    """
    summary = data.get("summary") if isinstance(data, dict) else None
    content = {key: value for key, value in data.items() if key != "summary"} if isinstance(data, dict) else data
    try:
        plan = read_model(Plan, content, PLAN_FORMAT, {1: upgrade_plan})
        counts = _read_summary(summary)
    except ReadingError as error:
        hint = _HINT_NEWER if isinstance(error, NewerFormatError) else _HINT
        raise DeployError([_diagnostic(each, file, hint) for each in error.problems]) from error
    if counts != plan.summary:
        problem = Problem("summary", "the counts are not those of the changes: the plan was edited")
        raise DeployError(_diagnostic(problem, file, _HINT))
    return plan


def _read_summary(data: object) -> Summary:
    try:
        return validate(Summary, data)
    except ReadingError as error:
        inside = (Problem(f"summary.{each.path}".rstrip("."), each.message, each.known) for each in error.problems)
        raise ReadingError(*inside) from error


def plan_from_text(text: str, file: str = "") -> Plan:
    """The plan in the content of a saved plan. Raises DeployError for invalid JSON and as `plan_from_json` does."""
    try:
        data = parse_json(text)
    except JSONDecodeError as error:
        location = Location(file, error.lineno, error.colno)
        raise DeployError(Diagnostic(_CODE, f"not a saved plan: {error.msg}", location, hint=_HINT)) from error
    except ReadingError as error:
        raise DeployError(_diagnostic(Problem("", f"not a saved plan: {error}"), file, _HINT)) from error
    return plan_from_json(data, file)


def _diagnostic(problem: Problem, file: str, hint: str) -> Diagnostic:
    name = problem.path.rpartition(".")[2]
    hint = nearest(name, problem.known) or hint if problem.known else hint
    return Diagnostic(_CODE, problem.message, Location(file) if file else None, problem.path, hint)

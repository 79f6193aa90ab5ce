"""A plan as JSON: the saved plan's format, and what the views for people are made from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deployer.errors import DeployError, Diagnostic, Location, nearest
from deployer.models.plan import (
    PLAN_FORMAT,
    Action,
    Baseline,
    Change,
    Edit,
    Effect,
    FieldChange,
    FileChanges,
    Plan,
    Reason,
    Replaced,
)
from deployer.views.escape_controls import mask

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from deployer.views.plan_format import SavedChange, SavedPlan, SavedReason

ACTIONS: tuple[Action, ...] = ("create", "update", "delete", "conflict", "none")
_CODE = "bad-plan"
_MOST_PROBLEMS = 50  # that many are told of a file that nobody writes by hand
_HINT = "make the plan again with `mfdeploy plan --out`"


def plan_to_json(plan: Plan, secrets: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The plan as JSON values, in a fixed order of keys. Names and addresses are never masked, values and notes are."""
    counts: Counter[Action] = Counter(change.action for change in plan.changes)
    return {
        "format": plan.format,
        "tool_version": plan.tool_version,
        "targets": {name: mask(target, secrets) for name, target in sorted(plan.targets.items())},
        "flows": list(plan.flows),
        "exclude": list(plan.exclude),
        "adopt": list(plan.adopt),
        "against": asdict(plan.against) if plan.against else None,
        "rollback": plan.rollback,
        "summary": {action: counts[action] for action in ACTIONS},
        "changes": [_change_to_json(change, secrets) for change in plan.changes],
    }


def _change_to_json(change: Change, secrets: frozenset[str]) -> dict[str, Any]:
    return {
        "address": change.address,
        "environment": change.environment,
        "action": change.action,
        "name": change.name,
        "file": change.file,
        "version": change.version,
        "replaces": [asdict(each) for each in change.replaces],
        "reasons": [_reason_to_json(reason, secrets) for reason in change.reasons],
        "effects": [mask(asdict(each), secrets) for each in change.effects],
        # Whole descriptions, of all flows: without a secret they are taken as they are.
        "before": mask(change.before, secrets) if secrets else change.before,
        "after": mask(change.after, secrets) if secrets else change.after,
    }


def _reason_to_json(reason: Reason, secrets: frozenset[str]) -> dict[str, Any]:
    return {
        "word": reason.word,
        "fields": [mask(asdict(each), secrets) for each in reason.fields],
        "files": mask(asdict(reason.files), secrets) if reason.files else None,
        "note": mask(reason.note, secrets),
        "hint": mask(reason.hint, secrets),
        "edit": mask(asdict(reason.edit), secrets) if reason.edit else None,
    }


def plan_from_json(data: Any, file: str = "") -> Plan:
    """The plan that `data` (decoded JSON) describes; `file` names it in messages.

    Raises DeployError, with the JSON path of each problem, for an unknown or missing key, a wrong type, another
    format version, or counts that do not add up.
    """
    from pydantic import ValidationError

    from deployer.views.plan_format import SavedPlan

    found = data.get("format") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping) and (found != PLAN_FORMAT or isinstance(found, bool)):
        message = f"this is not a plan of format {PLAN_FORMAT} (format: {found!r})"
        raise DeployError(_problem(message, "format", file))
    try:
        saved = SavedPlan.model_validate(data)
    except ValidationError as error:
        raise DeployError([_from_pydantic(each, file) for each in error.errors()[:_MOST_PROBLEMS]]) from error
    plan = _build(saved)
    counts = Counter(change.action for change in plan.changes)
    if any(getattr(saved.summary, action) != counts[action] for action in ACTIONS):
        raise DeployError(_problem("the counts are not those of the changes: the plan was edited", "summary", file))
    return plan


def plan_from_text(text: str, file: str = "") -> Plan:
    """The plan in a saved plan's text. Raises DeployError as `plan_from_json` does, and for text that is no JSON."""
    try:
        data = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        place = Location(file, error.lineno, error.colno)
        raise DeployError(Diagnostic(_CODE, f"not a saved plan: {error.msg}", place, hint=_HINT)) from error
    except (ValueError, RecursionError) as error:
        raise DeployError(_problem(f"not a saved plan: {error}", "", file)) from error
    return plan_from_json(data, file)


def _build(saved: SavedPlan) -> Plan:
    return Plan(
        changes=tuple(map(_build_change, saved.changes)),
        targets=dict(saved.targets),
        flows=tuple(saved.flows),
        exclude=tuple(saved.exclude),
        adopt=tuple(saved.adopt),
        against=Baseline(saved.against.revision, saved.against.commit) if saved.against else None,
        tool_version=saved.tool_version,
        rollback=saved.rollback,
        format=saved.format,
    )


def _build_change(saved: SavedChange) -> Change:
    return Change(
        address=saved.address,
        environment=saved.environment,
        action=saved.action,
        name=saved.name,
        file=saved.file,
        reasons=tuple(map(_build_reason, saved.reasons)),
        before=saved.before,
        after=saved.after,
        version=saved.version,
        effects=tuple(Effect(**each.model_dump()) for each in saved.effects),
        replaces=tuple(Replaced(each.file, each.version) for each in saved.replaces),
    )


def _build_reason(saved: SavedReason) -> Reason:
    fields = tuple(FieldChange(each.field, each.before, each.after, each.origin) for each in saved.fields)
    changed = saved.files
    files = FileChanges(tuple(changed.added), tuple(changed.removed), tuple(changed.changed)) if changed else None
    edit = Edit(**saved.edit.model_dump()) if saved.edit else None
    return Reason(saved.word, fields, files, saved.note, saved.hint, edit)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found


def _from_pydantic(error: ErrorDetails, file: str) -> Diagnostic:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "extra_forbidden":
        known = _keys_beside(error["loc"])
        return _problem("unknown key", path, file, nearest(str(error["loc"][-1]), known) or _HINT)
    if error["type"] == "missing":
        return _problem("the key is missing", path, file)
    return _problem(error["msg"][:1].lower() + error["msg"][1:], path, file)


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    from deployer.views import plan_format

    models: dict[int | str, Any] = {
        "changes": plan_format.SavedChange,
        "reasons": plan_format.SavedReason,
        "fields": plan_format.SavedField,
        "files": plan_format.SavedFiles,
        "against": plan_format.SavedBaseline,
        "edit": plan_format.SavedEdit,
        "effects": plan_format.SavedEffect,
        "replaces": plan_format.SavedReplaced,
        "summary": plan_format.SavedSummary,
    }
    holder = next((models[part] for part in reversed(location[:-1]) if part in models), plan_format.SavedPlan)
    return list(holder.model_fields)


def _problem(message: str, path: str, file: str, hint: str = _HINT) -> Diagnostic:
    return Diagnostic(_CODE, message, Location(file) if file else None, path, hint)

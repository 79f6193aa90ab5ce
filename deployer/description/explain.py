"""Explains in the closed words of a plan why one description is not another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from deployer.description.compare import differences, order_differences
from deployer.description.follows import with_follows
from deployer.description.graph_sentences import graph_sentences
from deployer.models.description import (
    CodeDescription,
    Description,
    SettingsDescription,
    StepSettings,
    ordered_values,
)
from deployer.models.plan import FieldChange, FileChanges, Reason, ReasonWord

_WORDS: Mapping[str, ReasonWord] = {
    "graph": "graph",
    "schedule": "schedule",
    "parameters": "parameters",
    "retries": "retries",
    "resources": "resources",
    "settings": "settings",
    "metaflow": "metaflow version",
    "renderer": "renderer version",
}
# The last renderer that sorted the keys of all values, in the DAG file and in its record.
_LAST_THAT_SORTED = 1
# How the task gets a decorator that its code does not have; that of pods is none of a user's.
_WITH = "--with="
_WITH_PODS = "--with=kubernetes"


def explain(before: Description, after: Description) -> list[Reason]:
    """Why `after` is not `before`: one reason for each section that differs, none when they are equal."""
    if before is after:  # as most are of a plan in which little changed
        return []
    shared = before.graph.steps.keys() & after.graph.steps.keys()
    # Steps that come or go are reported by the graph; where that is all, the other sections have nothing to add.
    narrowed = dict.fromkeys(("retries", "resources", "settings.steps"), shared)
    reasons = [*_explain_code(before.code, after.code)]
    orders = _explain_orders(before, after)
    for section, word in _WORDS.items():
        if section == "settings":
            fields = tuple(_explain_settings(before.settings, after.settings, narrowed))
        else:
            fields = tuple(differences(section, getattr(before, section), getattr(after, section), narrowed))
        fields = (*_with_one_cron(fields), *orders.get(section, ()))
        if fields:
            sentences = tuple(graph_sentences(before.graph, after.graph)) if section == "graph" else ()
            reasons.append(Reason(word, fields, sentences=sentences))
    differing = {field.field for reason in reasons for field in reason.fields}
    return [replace(reason, fields=tuple(with_follows(reason.fields, differing))) for reason in reasons]


def _with_one_cron(fields: Iterable[FieldChange]) -> Iterator[FieldChange]:
    """The same fields; a cron in the place of several, or the other way round, is one change."""
    found = {each.field: each for each in fields}
    one, several = found.get("schedule.cron"), found.get("schedule.crons")
    if one and several:
        both = FieldChange(one.field, one.before or several.before, one.after or several.after)
        found = {name: both if name == one.field else each for name, each in found.items() if each is not several}
    yield from found.values()


def _explain_code(old: CodeDescription, new: CodeDescription) -> Iterator[Reason]:
    if old.file != new.file:
        yield Reason("moved", (FieldChange("code.file", old.file, new.file),))
    before, after = old.files, new.files
    files = FileChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )
    named = (FieldChange("code.flow", old.flow, new.flow),) if old.flow != new.flow else ()
    if named or before != after:
        yield Reason("code", named, files)


def _explain_settings(
    old: SettingsDescription, new: SettingsDescription, narrowed: Mapping[str, Set[str]]
) -> Iterator[FieldChange]:
    """The differing settings, with what `with:` gives to all steps reported once and as the manifest writes it."""
    shared = narrowed["settings.steps"]
    before, after = added_decorators(old, shared), added_decorators(new, shared)
    reported = {f"{_WITH}{spec}" for spec in {*before} ^ {*after}}
    if reported:
        yield FieldChange("settings.with", [*before] or None, [*after] or None)
        old, new = _without_options(old, reported), _without_options(new, reported)
    yield from differences("settings", old, new, narrowed)


def order_is_known(before: Description, after: Description) -> bool:
    """Whether the order of keys in `before` is its author's. An upgrade that ends sorting is no change of theirs."""
    return not before.renderer.version <= _LAST_THAT_SORTED < after.renderer.version


def _explain_orders(before: Description, after: Description) -> Mapping[str, tuple[FieldChange, ...]]:
    """By section, the values that differ in nothing but the order of keys, or in the type of a number."""
    if not order_is_known(before, after):
        return {}
    old, new = ordered_values(before), ordered_values(after)
    found: dict[str, tuple[FieldChange, ...]] = {}
    for path in old.keys() & new.keys():
        changes = tuple(order_differences(".".join(path), old[path], new[path]))
        found[path[0]] = found.get(path[0], ()) + changes
    return {section: tuple(sorted(changes, key=lambda each: each.field)) for section, changes in found.items()}


def added_decorators(settings: SettingsDescription, shared: Set[str]) -> list[str]:
    """The decorators that `with:` gives to any of these steps: none where all have their own."""
    options = (option for name in sorted(settings.steps) if name in shared for option in settings.steps[name].options)
    added = (option for option in options if option.startswith(_WITH) and not option.startswith(_WITH_PODS))
    return list(dict.fromkeys(option[len(_WITH) :] for option in added))


def _without_options(settings: SettingsDescription, options: Set[str]) -> SettingsDescription:
    steps = {name: _without(step, options) for name, step in settings.steps.items()}
    return settings.model_copy(update={"steps": steps})


def _without(step: StepSettings, options: Set[str]) -> StepSettings:
    if "options" not in step.model_fields_set:
        return step
    return step.model_copy(update={"options": tuple(option for option in step.options if option not in options)})

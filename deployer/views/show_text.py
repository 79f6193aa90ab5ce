"""One deployment as text for a terminal, made from its JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from deployer.models.placeholders import KNOWN_AT_APPLY
from deployer.models.visible import escape_controls
from deployer.views.escape_controls import NOT_SET, value_text
from deployer.views.graph import graph_to_text
from deployer.views.page import Page
from deployer.views.plan_effects import run_times
from deployer.views.show_json import DeploymentJson, ParameterJson, SettingJson, StartJson, StepJson
from deployer.views.words import count

_EVERY = "every step"
_WIDEST_NAME = 28
_LONGEST_VALUE = 300


def show_to_text(shown: DeploymentJson, *, width: int = 80, colour: bool = False) -> str:
    """What `mfdeploy show` prints. `shown` is the result of `show_to_json`."""
    page = Page(width, colour)
    page.line(
        (escape_controls(shown["address"]), "bold"),
        f"  {escape_controls(shown['flow'])} in {escape_controls(shown['file'])}",
    )
    page.line(f"DAG {escape_controls(shown['dag_id'])} of project {escape_controls(shown['project'])}")
    if shown["next_runs"]:
        page.line(f"next runs {escape_controls(run_times(shown['next_runs']))}", hang=len("next runs "))
    _starts(page, "started by", shown["started_by"], "no flow and no event")
    _starts(page, "starts", shown["starts"], "no flow")
    environment = shown["environment"]
    _heading(page, f"Environment {escape_controls(environment['name'])}", f"  {escape_controls(environment['source'])}")
    _settings(page, environment["settings"])
    _heading(page, "Settings")
    _settings(page, shown["settings"])
    if shown["parameters"]:
        _parameters(page, shown["parameters"])
    _steps(page, shown["steps"])
    _heading(page, "Graph")
    return page.text() + graph_to_text(shown["graph"], width=width, colour=colour, indent=2)


def _starts(page: Page, label: str, found: Sequence[StartJson] | None, none: str) -> None:
    if found is not None:
        named = [each["address"] or f"the event {each['event']}" for each in found]
        page.line(f"{label} {escape_controls(', '.join(named) or none)}", hang=len(label) + 1)


def _heading(page: Page, text: str, beside: str = "") -> None:
    page.blank()
    page.line((text, "bold"), (beside, "dim"))


def _settings(page: Page, settings: Sequence[SettingJson]) -> None:
    values = [value_text(each["value"], _LONGEST_VALUE) for each in settings]
    # A few long names or values do not widen the columns of all the others.
    label_width = max((len(each["name"]) for each in settings if len(each["name"]) <= _WIDEST_NAME), default=0) + 2
    column = max((len(value) for value in values if len(value) <= page.width // 4), default=0)
    for setting, value in zip(settings, values, strict=True):
        unset = value in (NOT_SET, '""', "[]")
        page.entry(
            escape_controls(setting["name"]),
            (f"{'-' if unset else value:<{column}}  ", "dim" if unset else ""),
            (escape_controls(setting["source"]), "dim"),
            indent=2,
            label_width=max(label_width, len(escape_controls(setting["name"])) + 2),
        )


def _value(page: Page, value: JsonValue) -> str:
    return value_text(value, max(page.width // 2, 20))


def _parameters(page: Page, parameters: Sequence[ParameterJson]) -> None:
    _heading(page, "Parameters")
    label_width = max(len(escape_controls(each["name"])) for each in parameters) + 2
    for each in parameters:
        default = "required" if each["required"] and each["default"] is None else f"= {_value(page, each['default'])}"
        if each["default"] == KNOWN_AT_APPLY:
            default = KNOWN_AT_APPLY
        helps = f"  {escape_controls(each['help'])}" if each["help"] else ""
        page.entry(
            (escape_controls(each["name"]), ""),
            f"{each['type']} {default}",
            (f"  {escape_controls(each['source'])}", "dim"),
            helps,
            indent=2,
            label_width=label_width,
        )


def _steps(page: Page, steps: Sequence[StepJson]) -> None:
    _heading(page, count(len(steps), "step"))
    shared = _shared(steps)
    names = [*(escape_controls(step["name"]) for step in steps), *([_EVERY] if shared else [])]
    label_width = max(map(len, names)) + 2
    if shared:
        page.entry((_EVERY, "dim"), _amounts(shared), indent=2, label_width=label_width)
    for step in steps:
        page.entry(escape_controls(step["name"]), "; ".join(_facts(step, shared)), indent=2, label_width=label_width)


def _shared(steps: Sequence[StepJson]) -> dict[str, JsonValue]:
    """The resources that are the same for all steps; they are shown once."""
    first, *others = (step["resources"] for step in steps)
    return {key: value for key, value in first.items() if others and all(each.get(key) == value for each in others)}


def _facts(step: StepJson, shared: Mapping[str, JsonValue]) -> Iterator[str]:
    retries = step["retries"]
    if retries["times"]:
        yield f"{retries['times']} x retry after {retries['minutes_between']:g} min"
    if step["timeout_seconds"]:
        yield f"timeout {step['timeout_seconds']} s"
    own = {key: value for key, value in step["resources"].items() if key not in shared}
    if own:
        yield _amounts(own)
    if step["decorators"]:
        yield " ".join(f"@{escape_controls(name)}" for name in dict.fromkeys(step["decorators"]))


def _amounts(resources: Mapping[str, JsonValue]) -> str:
    return ", ".join(f"{escape_controls(key)} {_bare(value)}" for key, value in sorted(resources.items()))


def _bare(value: JsonValue) -> str:
    return escape_controls(value) if isinstance(value, str) else value_text(value, 40)

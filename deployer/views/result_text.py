"""The result of an apply, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from deployer.models.plan import Action, Change
from deployer.views.escape_controls import escape_controls
from deployer.views.page import Page
from deployer.views.plan_text import COMPLETED, STYLES


class ChangeJson(TypedDict):
    """A change of the plan."""

    address: str
    environment: str
    action: Action
    name: str


class DoneJson(ChangeJson):
    """A change that was made. `namespace` is the namespace of its runs, empty if they have none."""

    namespace: str


class FailedJson(ChangeJson):
    """A change that failed, and why."""

    message: str


class ResultJson(TypedDict):
    """The changes of a plan by their outcome."""

    done: list[DoneJson]
    failed: list[FailedJson]
    not_done: list[ChangeJson]


def result_to_json(
    done: Sequence[Change],
    failed: Sequence[tuple[Change, str]],
    not_done: Sequence[Change],
    namespaces: Mapping[str, str] | None = None,
) -> ResultJson:
    """The result as JSON values. `namespaces` are the namespaces of runs by address."""
    known = namespaces or {}
    return {
        "done": [{**_change(change), "namespace": known.get(change.address, "")} for change in done],
        "failed": [{**_change(change), "message": message} for change, message in failed],
        "not_done": [_change(change) for change in not_done],
    }


def _change(change: Change) -> ChangeJson:
    return {
        "address": change.address,
        "environment": change.environment,
        "action": change.action,
        "name": change.name,
    }


def result_to_text(result: ResultJson, *, width: int = 80, colour: bool = False) -> str:
    """One line for each change, then the totals; if the apply stopped, also what was not done."""
    page = Page(width, colour)
    for done in result["done"]:
        word = (COMPLETED.get(done["action"], done["action"]), STYLES.get(done["action"], ""))
        page.line(word, f" {escape_controls(done['name'])}", _address(done), *_namespace(done))
    for failed in result["failed"]:
        page.line(("failed ", "bold red"), f" {escape_controls(failed['name'])}", _address(failed))
        for line in failed["message"].splitlines():
            page.line(escape_controls(line), indent=8, hang=0)
    for change in result["not_done"]:
        word = (f"not {COMPLETED.get(change['action'], 'done')}", "dim")
        page.line(word, f" {escape_controls(change['name'])}", _address(change))
    if any(result.values()):
        page.blank()
    _totals(page, result)
    return page.text()


def _address(change: ChangeJson) -> tuple[str, str]:
    return (f"  ({escape_controls(change['address'])})", "dim")


def _namespace(change: DoneJson) -> list[str]:
    return [f", namespace {escape_controls(change['namespace'])}"] if change["namespace"] else []


def _totals(page: Page, result: ResultJson) -> None:
    actions = [change["action"] for change in result["done"]]
    counts = ", ".join(f"{actions.count(action)} {word}" for action, word in COMPLETED.items())
    if not result["failed"] and not result["not_done"]:
        page.line((f"Apply complete: {counts}.", "bold"))
        return
    left = len(result["failed"]) + len(result["not_done"])
    page.line((f"Apply stopped: {counts}; {left} not done.", "bold red"))
    page.line("Each DAG is either as it was or as planned. The next plan shows what is left.", hang=0)

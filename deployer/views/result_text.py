"""What an apply did, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.models.plan import Change
from deployer.views.escape_controls import escape_controls
from deployer.views.page import Page
from deployer.views.plan_text import STYLES

_DONE = {"create": "created", "update": "updated", "delete": "deleted"}


def result_to_json(
    done: Sequence[Change],
    failed: Sequence[tuple[Change, str]],
    not_done: Sequence[Change],
    namespaces: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Each change's address, action and DAG id, by what became of it.

    `namespaces` are those of the runs by address: what is done has its own, empty where it has none.
    """
    known = namespaces or {}
    return {
        "done": [{**_brief(change), "namespace": known.get(change.address, "")} for change in done],
        "failed": [{**_brief(change), "message": message} for change, message in failed],
        "not_done": [_brief(change) for change in not_done],
    }


def _brief(change: Change) -> dict[str, str]:
    return {
        "address": change.address,
        "environment": change.environment,
        "action": change.action,
        "name": change.name,
    }


def result_to_text(result: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One line for each change, then the totals; for an apply that stopped, what is deployed now and what is not."""
    page = Page(width, colour)
    for change in result["done"]:
        word = _DONE.get(change["action"], change["action"])
        name = f" {escape_controls(change['name'])}"
        page.line((word, STYLES.get(change["action"], "")), name, _address(change), *_namespace(change))
    for change in result["failed"]:
        page.line(("failed ", "bold red"), f" {escape_controls(change['name'])}", _address(change))
        for line in change["message"].splitlines():
            page.line(escape_controls(line), indent=8, hang=0)
    for change in result["not_done"]:
        page.line(
            (f"not {_DONE.get(change['action'], 'done')}", "dim"),
            f" {escape_controls(change['name'])}",
            _address(change),
        )
    if any(result.values()):
        page.blank()
    _totals(page, result)
    return page.text()


def _address(change: Mapping[str, str]) -> tuple[str, str]:
    return (f"  ({escape_controls(change['address'])})", "dim")


def _namespace(change: Mapping[str, str]) -> list[str]:
    return [f", namespace {escape_controls(change['namespace'])}"] if change["namespace"] else []


def _totals(page: Page, result: Mapping[str, Any]) -> None:
    counts = _counts(result["done"])
    if not result["failed"] and not result["not_done"]:
        page.line((f"Apply complete: {counts}.", "bold"))
        return
    left = len(result["failed"]) + len(result["not_done"])
    page.line((f"Apply stopped: {counts}; {left} not done.", "bold red"))
    page.line("Each DAG is either as it was or as planned. The next plan shows what is left.", hang=0)


def _counts(done: Iterable[Mapping[str, str]]) -> str:
    actions = [change["action"] for change in done]
    return ", ".join(f"{actions.count(action)} {word}" for action, word in _DONE.items())

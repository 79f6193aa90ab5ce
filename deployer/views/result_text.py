"""The result of an apply, as JSON and as text made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from deployer.models.history import EntryArrival
from deployer.models.plan import Action, Change
from deployer.models.types import FrozenModel, Several
from deployer.models.visible import escape_controls
from deployer.planning.reviewed import Difference
from deployer.views.page import Page
from deployer.views.plan_difference import NOTHING_APPLIED, PlanDifference, describe_difference, difference_lines
from deployer.views.plan_text import COMPLETED, STYLES


class LeftChange(FrozenModel):
    """A change of the plan that was not made."""

    address: Annotated[str, Field(description="environment/name, as in the manifests.")]
    environment: str
    action: Action
    name: Annotated[str, Field(description="The deployment's name in the orchestrator: the DAG id.")]


class DoneChange(LeftChange):
    """A change that was made."""

    namespace: Annotated[str, Field(description="The Metaflow namespace of its runs; empty if they have none.")]
    created_paused: Annotated[
        bool,
        Field(description="Whether Airflow creates the DAG paused, by its default or because the manifest says so."),
    ]


class FailedChange(LeftChange):
    """A change that failed."""

    message: Annotated[str, Field(description="Why.")]


class Result(FrozenModel):
    """What became of the changes of a plan, as `apply`, `destroy` and `rollback` print it with --format json."""

    done: Several[DoneChange]
    failed: Several[FailedChange]
    not_done: Annotated[Several[LeftChange], Field(description="Left as they were, since the apply stopped before.")]
    differences: Annotated[
        Several[PlanDifference],
        Field(description="Where the plan differs from the reviewed one. Nothing is done then."),
    ] = ()
    arrivals: Annotated[
        Several[EntryArrival],
        Field(description="Whether the running Airflow has what was done; empty if it was not waited for."),
    ] = ()
    rolled_back: Annotated[
        Several[LeftChange], Field(description="Put back as it was before, since Airflow could not import it.")
    ] = ()


def result_schema() -> dict[str, Any]:
    """The JSON Schema of `result_to_json`."""
    return Result.model_json_schema()


def result_to_json(
    done: Sequence[Change],
    failed: Sequence[tuple[Change, str]],
    not_done: Sequence[Change],
    namespaces: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
    arrivals: Sequence[EntryArrival] = (),
    rolled_back: Sequence[Change] = (),
) -> dict[str, Any]:
    """The result as JSON values. `namespaces` are the namespaces of the runs of what was written, by address."""
    known = namespaces or {}
    return Result(
        done=tuple(_done(change, known) for change in done),
        failed=tuple(FailedChange(**_change(change), message=message) for change, message in failed),
        not_done=tuple(LeftChange(**_change(change)) for change in not_done),
        differences=tuple(map(describe_difference, differences)),
        arrivals=tuple(arrivals),
        rolled_back=tuple(LeftChange(**_change(change)) for change in rolled_back),
    ).model_dump(mode="json")


def _change(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in LeftChange.model_fields}


def _done(change: Change, namespaces: Mapping[str, str]) -> DoneChange:
    created_paused = any(effect.word == "created paused" for effect in change.effects)
    # A deployment that gets another DAG id has two changes: the namespace is that of its new DAG.
    namespace = namespaces.get(change.address, "") if change.writes else ""
    return DoneChange(**_change(change), namespace=namespace, created_paused=created_paused)


def result_to_text(result: Mapping[str, Any], *, width: int = 80, colour: bool = False) -> str:
    """One line for each change, then the totals; if the apply stopped, also what was not done."""
    page = Page(width, colour)
    if result["differences"]:
        _differences(page, result["differences"])
        return page.text()
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
    _paused(page, [change["name"] for change in result["done"] if change["created_paused"]])
    return page.text()


def _differences(page: Page, differences: Sequence[Mapping[str, Any]]) -> None:
    """What was reviewed and what would be applied now, for each file where that is not the same."""
    page.line(("The plan differs from the reviewed one:", "bold"))
    for difference in differences:
        page.blank()
        page.line((escape_controls(difference["address"]), "bold"), indent=2)
        for label, text in difference_lines(difference):
            page.entry(label, escape_controls(text), indent=4, label_width=len("reviewed") + 2)
    page.blank()
    page.line((NOTHING_APPLIED, "bold red"))


def _address(change: Mapping[str, Any]) -> tuple[str, str]:
    return (f"  ({escape_controls(change['address'])})", "dim")


def _namespace(change: Mapping[str, Any]) -> list[str]:
    return [f", namespace {escape_controls(change['namespace'])}"] if change["namespace"] else []


def _paused(page: Page, names: Sequence[str]) -> None:
    """How the new DAGs that Airflow creates paused are unpaused."""
    if not names:
        return
    what, each = ("the new DAG", "it") if len(names) == 1 else (f"{len(names):,} new DAGs", "each")
    page.line(f"Airflow creates {what} paused. Unpause {each} there, or with:", hang=0)
    page.line(f"airflow dags unpause {escape_controls(names[0]) if len(names) == 1 else 'DAG_ID'}", indent=4)


def totals_line(result: Mapping[str, Any]) -> str:
    """How many changes were made, and whether that is all."""
    actions = [change["action"] for change in result["done"]]
    counts = ", ".join(f"{actions.count(action)} {word}" for action, word in COMPLETED.items())
    left = len(result["failed"]) + len(result["not_done"])
    return f"Apply stopped: {counts}; {left} not done." if left else f"Apply complete: {counts}."


def _totals(page: Page, result: Mapping[str, Any]) -> None:
    if not result["failed"] and not result["not_done"]:
        page.line((totals_line(result), "bold"))
        return
    page.line((totals_line(result), "bold red"))
    page.line("Each DAG is either as it was or as planned. The next plan shows what is left.", hang=0)

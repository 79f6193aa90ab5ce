"""What a plan says when many runs will start in one minute, and a change adds one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from deployer.models.desired import Desired, DesiredState
from deployer.models.manifests import Manifests
from deployer.models.plan import Effect, Plan
from deployer.pipeline.effects import with_effects
from deployer.plan_context import PlanContext
from deployer.planning.planner import plan_changes
from deployer.state.survey import DeployedState
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_text import plan_to_text
from tests.contexts import context
from tests.plan import made

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=timezone.utc)


def item(name: str, cron: str | None = "0 0 * * *") -> Desired:
    return made.desired(made.deployment(name), name=name, cron=cron)


def planned(there: Sequence[Desired], items: Sequence[Desired]) -> Plan:
    state = made.site(*map(made.deployed, there), known={each.deployment.address for each in items})
    manifests = Manifests("growth", {"prod": made.environment()}, ())
    found = Plan(plan_changes(items, [state]), targets={"prod": "../build/dags"})
    plan_context = PlanContext(Path(), found, DesiredState(manifests, tuple(items), ()), DeployedState({}, (state,)))
    return with_effects(plan_context, lambda change: None, context(now=lambda: NOW)).plan


def said(there: Sequence[Desired], items: Sequence[Desired]) -> dict[str, Effect]:
    changes = planned(there, items).changes
    return {change.address: effect for change in changes for effect in change.effects if effect.word == "collision"}


def night(count: int) -> list[Desired]:
    return [item(f"night_{number:02}") for number in range(count)]


def test_a_new_flow_at_a_crowded_minute() -> None:
    midnight = ("2026-03-03T00:00+00:00",)
    assert said(night(40), [*night(40), item("new")]) == {"prod/new": Effect("collision", after=midnight, count=41)}


def test_below_ten_nothing_is_said() -> None:
    assert said(night(8), [*night(8), item("new")]) == {}


def test_another_time_is_said_and_the_same_one_is_not() -> None:
    moved = item("moved", "30 5 * * *")
    found = said([*night(9), moved], [*night(9), item("moved")])
    assert {address: effect.count for address, effect in found.items()} == {"prod/moved": 10}
    there = [*night(12), item("same")]
    changed = made.desired(made.deployment("same", tags=("more",)), name="same", cron="0 0 * * *")
    assert said(there, [*night(12), changed]) == {}


def test_a_flow_that_leaves_a_crowded_minute_is_not_told_of_it() -> None:
    assert said(night(12), [*night(11), item("night_11", "7 3 * * *")]) == {}


def test_what_is_deleted_does_not_count() -> None:
    assert said(night(12), [*night(8), item("new")]) == {}


def test_the_most_crowded_time_of_the_week_counts() -> None:
    sundays = [item(f"sunday_{number:02}", "0 4 * * 0") for number in range(12)]
    (effect,) = said(sundays, [*sundays, item("hourly", "0 * * * *")]).values()
    assert (effect.after, effect.count) == (("2026-03-08T04:00+00:00",), 13)


def test_several_that_come_together_are_told_once() -> None:
    text = plan_to_text(plan_to_json(planned([], night(12))), width=100)
    assert text.count("12 runs start at 2026-03-03 00:00 UTC") == 1
    (one,) = [line for line in text.splitlines() if "12 runs start" in line]
    assert "all 12 new DAGs" in one

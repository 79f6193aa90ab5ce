"""What a change does to runs, at a time that the test says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from deployer.models.desired import NativeDag
from deployer.models.flow import Code, Parameter, Retries, Step
from deployer.models.plan import Change, Effect, Reason
from deployer.orchestrators.airflow.effects import effects
from deployer.planning import ownership
from deployer.planning.planner import plan_changes

from . import made

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=timezone.utc)  # a Sunday
LONG_AGO = datetime(2026, 1, 1, tzinfo=timezone.utc)


def change(before, after) -> Change:
    """The update from one deployment to another; a create where there was none."""
    there = [made.deployed(before)] if before else []
    (found,) = plan_changes([after], [made.site(*there)])
    return found


def of(before, after, since: datetime | None = LONG_AGO) -> dict[str, Effect]:
    return {effect.word: effect for effect in effects(change(before, after), since if before else None, NOW)}


def times(*hours: str) -> tuple[str, ...]:
    return tuple(f"2026-11-{hour}:00+00:00" for hour in hours)


class TestSchedule:
    def test_of_a_new_dag_tells_its_next_runs(self) -> None:
        found = of(None, made.desired(made.deployment(paused=False), cron="0 3 * * *"))
        assert found == {"next runs": Effect("next runs", after=times("23T03", "24T03", "25T03"))}

    def test_that_moves_tells_those_before_and_after(self) -> None:
        found = of(made.desired(cron="0 3 * * *"), made.desired(cron="0 18 * * *"))
        before, after = times("23T03", "24T03", "25T03"), times("22T18", "23T18", "24T18")
        assert found == {"next runs": Effect("next runs", before=before, after=after)}

    def test_whose_new_time_has_passed_since_the_last_run_starts_one_now(self) -> None:
        found = of(made.desired(cron="0 3 * * *"), made.desired(cron="0 9 * * *"))
        assert found["starts now"] == Effect("starts now", after=times("22T09"))

    def test_whose_new_time_was_before_the_last_run_starts_none(self) -> None:
        assert "starts now" not in of(made.desired(cron="0 9 * * *"), made.desired(cron="0 3 * * *"))

    def test_that_a_dag_without_one_gets_starts_the_last_time_now(self) -> None:
        assert of(made.desired(), made.desired(cron="0 3 * * *"))["starts now"].after == times("22T03")

    def test_of_a_dag_that_was_applied_after_that_time_starts_none(self) -> None:
        since = datetime(2026, 11, 22, 8, tzinfo=timezone.utc)
        assert "starts now" not in of(made.desired(), made.desired(cron="0 3 * * *"), since)

    def test_of_several_crons_starts_the_latest_time_of_any_of_them_now(self) -> None:
        found = of(made.desired(cron="0 3 * * *"), made.desired(cron=("0 9 * * *", "30 7 * * *")))
        assert found["starts now"].after == times("22T09")
        assert found["next runs"].after == (
            "2026-11-23T07:30+00:00",
            "2026-11-23T09:00+00:00",
            "2026-11-24T07:30+00:00",
        )

    def test_has_no_next_run_before_its_start_date(self) -> None:
        later = made.desired(made.deployment(paused=False, start_date="2026-11-25"), cron="0 3 * * *")
        assert of(None, later) == {"next runs": Effect("next runs", after=times("25T03", "26T03", "27T03"))}
        found = of(made.desired(cron="0 3 * * *"), later)["next runs"]
        assert found.before == times("23T03", "24T03", "25T03")
        assert found.after == times("25T03", "26T03", "27T03")
        midnight = made.desired(made.deployment(start_date="2026-11-25"), cron="0 0 * * *")
        assert of(None, midnight)["next runs"].after == times("25T00", "26T00", "27T00")
        at_the_end = made.desired(made.deployment(start_date="9999-12-31"), cron="0 0 * * *")
        assert of(None, at_the_end)["next runs"].after

    def test_that_goes_leaves_no_next_run(self) -> None:
        found = of(made.desired(cron="0 3 * * *"), made.desired())
        assert found == {"next runs": Effect("next runs", before=times("23T03", "24T03", "25T03"))}

    def test_that_stays_is_not_told(self) -> None:
        before = made.desired(cron="0 3 * * *")
        assert of(before, made.desired(made.deployment(tags=("a",)), cron="0 3 * * *")) == {}

    def test_is_told_in_its_own_timezone(self) -> None:
        after = made.desired(cron="0 3 * * *")
        zoned = with_schedule(after, timezone="Europe/Helsinki")
        assert of(None, zoned)["next runs"].after[0] == "2026-11-23T03:00+02:00"

    def test_of_a_native_dag_that_no_unix_cron_can_say_is_left_out(self) -> None:
        item = made.desired(cron="0 3 * * *")
        deployed = ownership.describe_native(NativeDag("TrainFlow", "TrainFlow", "0 10 * * ? *", {}, (), None))
        native = replace(change(None, item), action="update", before=deployed, reasons=(Reason("adopted"),))
        assert [effect.word for effect in effects(native, None, NOW)] == ["next runs"]

    def test_that_somebody_edited_into_none_counts_as_none(self) -> None:
        after = made.desired(cron="0 3 * * *")
        for odd in ({"timezone": "Mars/Olympus"}, {"start_date": "tomorrow"}, {"cron": "often"}):
            assert of(with_schedule(after, **odd), after)["next runs"].before == ()


def with_schedule(item, **values: str):
    schedule = item.description.schedule.model_copy(update=values)
    return replace(item, description=item.description.model_copy(update={"schedule": schedule}))


class TestCatchUp:
    def test_of_a_new_dag_counts_the_times_since_its_start(self) -> None:
        after = made.desired(
            made.deployment(catchup=True, start_date="2026-11-01", max_active_runs=4), cron="0 3 * * *"
        )
        assert of(None, after)["catch-up"] == Effect(
            "catch-up", after=("2026-11-01T03:00+00:00",), count=22, at_a_time=4
        )

    def test_counts_the_times_of_several_crons(self) -> None:
        made_up = made.deployment(catchup=True, start_date="2026-11-20")
        found = of(None, made.desired(made_up, cron=("0 3 * * *", "30 9 * * *")))["catch-up"]
        assert (found.count, found.after) == (6, times("20T03"))

    def test_counts_the_start_itself(self) -> None:
        after = made.desired(made.deployment(catchup=True, start_date="2026-11-22"), cron="0 0 * * *")
        assert of(None, after)["catch-up"].count == 1

    def test_is_counted_to_a_thousand(self) -> None:
        after = made.desired(made.deployment(catchup=True, start_date="2020-01-01"), cron="* * * * *")
        found = of(None, after)["catch-up"]
        assert (found.count, found.more) == (1000, True)

    def test_that_is_turned_on_counts_from_the_last_run(self) -> None:
        before = made.desired(cron="0 3 * * *")
        after = made.desired(made.deployment(catchup=True), cron="0 * * * *")
        found = of(before, after)["catch-up"]
        assert (found.count, found.after) == (9, times("22T04"))

    def test_without_it_a_start_in_the_past_gives_one_run(self) -> None:
        after = made.desired(made.deployment(start_date="2026-11-01"), cron="0 3 * * *")
        assert of(None, after)["starts now"].after == times("22T03")


class TestContent:
    def test_code(self) -> None:
        other = made.flow(code=Code({"train.py": "9" * 16}, "2.19.39", "f" * 64))
        assert of(made.desired(), made.desired(compiled=other)) == {"code": Effect("code")}

    def test_a_default_and_no_parameter_that_comes_or_goes(self) -> None:
        after = made.flow(parameters=(Parameter("alpha", "number", 6, default=0.5), Parameter("beta", "number", 7)))
        scheduled = made.desired(compiled=after, cron="0 3 * * *")
        assert of(made.desired(cron="0 3 * * *"), scheduled) == {"parameters": Effect("parameters", ("alpha",))}

    def test_a_default_says_nothing_of_scheduled_runs_where_there_is_no_schedule(self) -> None:
        after = made.flow(parameters=(Parameter("alpha", "number", 6, default=0.5),))
        assert of(made.desired(), made.desired(compiled=after)) == {}
        stopped = of(made.desired(cron="0 3 * * *"), made.desired(compiled=after))
        assert list(stopped) == ["next runs"]

    def test_steps_and_retries(self) -> None:
        start, end = made.flow().steps
        steps = (
            replace(start, next=("fit",), retries=Retries(times=1)),
            Step("fit", "linear", 10, next=("end",), previous=("start",)),
            replace(end, previous=("fit",)),
        )
        longer = made.desired(compiled=made.flow(steps=steps))
        assert of(made.desired(), longer) == {
            "steps added": Effect("steps added", ("fit",)),
            "retries": Effect("retries", ("start",)),
        }
        assert of(longer, made.desired())["steps removed"] == Effect("steps removed", ("fit",))

    def test_paused_counts_for_new_dags_only(self) -> None:
        paused = made.desired(made.deployment(paused=True))
        assert of(made.desired(), paused) == {"paused": Effect("paused")}

    def test_a_new_dag_is_created_paused_unless_the_manifest_says_otherwise(self) -> None:
        for value in ({}, {"paused": True}):
            assert of(None, made.desired(made.deployment(**value))) == {"created paused": Effect("created paused")}
        assert of(None, made.desired(made.deployment(paused=False))) == {}

    def test_a_dag_that_airflow_knows_is_not_created_paused(self) -> None:
        (found,) = plan_changes([made.desired()], [made.site(remembered={"TrainFlow.py": "prod/train"})])
        assert found.reasons[0].word == "missing"
        assert effects(found, None, NOW) == ()
        restored = replace(change(None, made.desired()), reasons=(Reason("new"), Reason("restored")))
        assert effects(restored, None, NOW) == ()


@pytest.mark.parametrize("action", ["delete", "conflict", "none"])
def test_what_is_not_written_has_none(action) -> None:
    assert effects(replace(change(None, made.desired(cron="0 3 * * *")), action=action), None, NOW) == ()

"""Several crons of one schedule: which are joined into one, what a DAG file says of the others, and when runs start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.description import describe
from deployer.models.deployment import Deployment, Schedule
from deployer.models.description import CronSchedule, CronsSchedule, EventSchedule, Times
from deployer.models.desired import Desired
from deployer.models.flow import Parameter, Trigger
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.cron_times import latest_before, times_after
from deployer.orchestrators.airflow.joined_crons import joined_crons
from deployer.orchestrators.airflow.next_runs import minutes_between_runs, next_runs
from deployer.orchestrators.airflow.render import render
from deployer.orchestrators.airflow.schedule import schedule_of
from deployer.orchestrators.airflow.text_and_record import disagreements
from tests.plan import made
from tests.renderer import flows

APART = ("0 15 * * *", "30 3 * * *")
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def scheduled(*crons: str, timezone: str | None = None) -> Deployment:
    zone = {"timezone": timezone} if timezone else {}
    return flows.deployment(schedule=Schedule(cron=crons, **zone))


@pytest.mark.parametrize(
    ("crons", "joined"),
    [
        (["0 3 * * *", "0 15 * * *"], ["0 3,15 * * *"]),
        (["0 3 * * *", "30 3 * * *", "0 4 * * *", "30 4 * * *"], ["0,30 3-4 * * *"]),
        (["0 3 * * 1", "0 3 * * TUE"], ["0 3 * * 1-2"]),
        (["0 3 1 * *", "0 3 15 * *"], ["0 3 1,15 * *"]),
        (["0 3 1 1 *", "0 3 1 7 *"], ["0 3 1 1,7 *"]),
        (["0 3 * * *", "0 3 * * 1"], ["0 3 * * *"]),
        (["0 * * * *", "0 5 * * *"], ["0 * * * *"]),
        (["*/30 * * * *", "15 * * * *"], ["0,15,30 * * * *"]),
        # Not exact: days of a month and of a week are either of them. A schedule of each hour counts hours, and does
        # not look at a clock that is changed.
        (["0 3 1 * *", "0 3 * * 1"], ["0 3 * * 1", "0 3 1 * *"]),
        (["0 3 1 * 1", "0 3 2 * 1"], ["0 3 1 * 1", "0 3 2 * 1"]),
        (["0 3 1-31 * 1", "0 3 * * 1"], ["0 3 * * 1", "0 3 1-31 * 1"]),
        (["0 0-11 * * *", "0 12-23 * * *"], ["0 0-11 * * *", "0 12-23 * * *"]),
        (["30 3 * * *", "0 15 * * *"], list(APART)),
        (["0 3 * * 1#2", "0 3 * * 2"], ["0 3 * * 1#2", "0 3 * * 2"]),
    ],
)
def test_what_one_cron_can_say_is_joined(crons: list[str], joined: list[str]) -> None:
    assert list(joined_crons(crons)) == joined


FIELDS = st.tuples(
    st.sampled_from(["0", "30", "*/15", "5,35"]),
    st.sampled_from(["3", "4", "*", "2-4", "*/6"]),
    st.sampled_from(["*", "1", "2", "1-7"]),
    st.sampled_from(["*", "3", "3,4"]),
    st.sampled_from(["*", "1", "2-5", "SUN"]),
)


@given(st.lists(FIELDS.map(" ".join), min_size=2, max_size=4))
@settings(max_examples=25)
def test_joined_crons_fire_when_the_original_ones_do(crons: list[str]) -> None:
    def moments(found: Sequence[str]) -> list[datetime]:
        times = times_after(Times(tuple(found), "UTC", catchup=False, start_date=None), NOON)
        return list(takewhile(lambda time: time < NOON + timedelta(days=9), times))[:200]

    assert moments(joined_crons(crons)) == moments(crons)


class TestSchedule:
    def test_of_several_crons_is_described_with_all_of_them(self) -> None:
        deployment = scheduled("30 3 * * *", "0 15 * * ? *", timezone="Asia/Tokyo")
        schedule = schedule_of(deployment, flows.linear())
        assert schedule == Schedule(cron=APART, timezone="Asia/Tokyo")
        described = describe(deployment, flows.linear(), schedule, 1, "r").schedule
        assert isinstance(described, CronsSchedule)
        assert (described.crons, described.timezone) == (APART, "Asia/Tokyo")

    def test_that_one_cron_can_say_is_that_schedule(self) -> None:
        deployment = scheduled("0 3 * * *", "0 15 * * *")
        described = describe(deployment, flows.linear(), schedule_of(deployment, flows.linear()), 1, "r").schedule
        assert described == CronSchedule(kind="cron", cron="0 3,15 * * *", timezone="UTC")

    @pytest.mark.parametrize("twice", [("0 3 * * *", "0 3 * * ? *"), ("daily", "30 3 * * *", "0  0 * * *")])
    def test_with_a_cron_twice_is_refused(self, twice: tuple[str, ...]) -> None:
        (found,) = check(scheduled(*twice), flows.linear())
        assert (found.code, found.path) == ("bad-schedule", "flows.train.schedule.cron")
        assert found.message == f"the schedule has the cron {twice[-1]!r} twice"

    def test_of_which_one_cannot_run_is_refused(self) -> None:
        (found,) = check(scheduled("0 3 * * *", "0 10 L * ? *"), flows.linear())
        assert found.message.startswith("the schedule '0 10 L * ? *' contains 'L'")

    def test_warns_of_any_numbered_day(self) -> None:
        (found,) = check(scheduled("0 3 * * *", "0 18 ? * 3 *"), flows.linear())
        assert (found.code, "day 3 is Tuesday" in found.message) == ("numbered-days", True)

    def test_needs_a_value_for_each_parameter(self) -> None:
        flow = flows.linear(parameters=(Parameter("alpha", "number", 6, required=True),))
        assert [each.code for each in check(scheduled(*APART), flow)] == ["missing-parameter"]


class TestNextRuns:
    def test_are_those_of_all_crons_in_order_and_each_once(self) -> None:
        schedule = CronsSchedule(kind="crons", crons=(*APART, "0 15 1 * *"), timezone="Europe/Helsinki")
        assert next_runs(schedule, NOON) == [
            "2026-03-01T15:00+02:00",
            "2026-03-02T03:30+02:00",
            "2026-03-02T15:00+02:00",
        ]

    def test_are_the_same_beside_events(self) -> None:
        schedule = EventSchedule(kind="events", events=("orders",), crons=APART)
        assert next_runs(schedule, NOON, 1) == ["2026-03-01T15:00+00:00"]

    @pytest.mark.parametrize(
        ("cron", "moments"),
        [
            ("30 3 * * *", ["2025-03-30T04:30+03:00", "2025-03-31T03:30+03:00"]),
            ("30 3,4 * * *", ["2025-03-30T04:30+03:00", "2025-03-31T03:30+03:00"]),
            ("0,30 3 * * *", ["2025-03-30T04:00+03:00", "2025-03-31T03:00+03:00"]),
            ("0 * * * *", ["2025-03-30T02:00+02:00", "2025-03-30T04:00+03:00"]),
            ("30 3 * * *", ["2025-10-26T03:30+02:00", "2025-10-27T03:30+02:00"]),
            ("30 * * * *", ["2025-10-26T03:30+03:00", "2025-10-26T03:30+02:00"]),
        ],
    )
    def test_are_airflows_where_clocks_are_changed(self, cron: str, moments: list[str]) -> None:
        times = Times((cron,), "Europe/Helsinki", catchup=False, start_date=None)
        expected = [datetime.fromisoformat(moment) for moment in moments]
        first = expected[0].timestamp()
        around = islice(times_after(times, expected[0] - timedelta(hours=5)), 9)
        found = [time for time in around if time.timestamp() >= first][:2]
        assert [time.isoformat(timespec="minutes") for time in found] == moments
        assert latest_before(times, expected[0] + timedelta(seconds=1)).timestamp() == first

    @pytest.mark.parametrize("cron", ["30 3 * * *", "0,30 3 * * *", "15,30 3,4 * * *", "30 * * * *", "0 3 * * 0"])
    @pytest.mark.parametrize("day", [datetime(2025, 3, 30), datetime(2025, 10, 26)])
    def test_the_latest_is_the_last_of_them(self, cron: str, day: datetime) -> None:
        times = Times((cron,), "Europe/Helsinki", catchup=False, start_date=None)
        first = day.replace(tzinfo=timezone.utc)
        for moment in (first + timedelta(minutes=20 * number) for number in range(24)):
            before = takewhile(lambda time: time < moment, times_after(times, moment - timedelta(days=9)))  # noqa: B023
            assert latest_before(times, moment).timestamp() == [*before][-1].timestamp()

    @pytest.mark.parametrize(
        ("crons", "minutes"),
        [
            (APART, 60),
            (("0 3 * * *", "7 3 * * 1"), 7),
            (("58 3 * * *", "2 4 * * *"), 4),
            (("59 23 * * *", "0 0 * * *"), 1),
        ],
    )
    def test_know_how_far_apart_they_are(self, crons: tuple[str, ...], minutes: int) -> None:
        assert minutes_between_runs(CronsSchedule(kind="crons", crons=crons)) == minutes


@pytest.mark.parametrize("triggers", [(), (Trigger("event", "orders", line=3),)], ids=["alone", "with events"])
def test_the_text_agrees_with_its_record(triggers: tuple[Trigger, ...]) -> None:
    deployment, flow = scheduled(*APART), flows.linear(triggers=triggers)
    described = describe(deployment, flow, schedule_of(deployment, flow), 1, "r")
    record = made.record_of(Desired(deployment, flow, "TrainFlow", "TrainFlow.py", described))
    text = render(deployment, flow, flows.package(flow))
    assert 'MultipleCronTriggerTimetable("0 15 * * *", "30 3 * * *", timezone="UTC")' in text
    assert list(disagreements(text, record)) == []
    (found,) = disagreements(text.replace('"30 3 * * *"', '"30 4 * * *"'), record)
    assert found == ("its schedule is '0 15 * * *' and '30 4 * * *', and the record says '0 15 * * *' and '30 3 * * *'")
    (found,) = disagreements(text.replace(', "30 3 * * *"', ""), record)
    assert found == "its schedule is '0 15 * * *', and the record says '0 15 * * *' and '30 3 * * *'"

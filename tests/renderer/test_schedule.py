"""Schedules: what is translated, what is refused, and that a translation fires when the original does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.errors import DeployError
from deployer.models.deployment import Schedule
from deployer.models.flow import FlowSchedule
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.schedule import schedule_of, translate
from tests.renderer import flows

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@pytest.mark.parametrize(
    ("written", "translated"),
    [
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 0"),
        ("0 3 * * *", "0 3 * * *"),
        ("*/15 8-18 1,15 * MON-FRI", "*/15 8-18 1,15 * MON-FRI"),
        ("0 10 * * ? *", "0 10 * * *"),
        ("0/15 * * * ? *", "*/15 * * * *"),
        ("5/20 8 ? * MON-FRI *", "5,25,45 8 * * 1-5"),
        ("0 18 ? * 1 *", "0 18 * * 0"),
        ("0 18 ? * 2-6 *", "0 18 * * 1-5"),
        ("0 0 1 1/3 ? *", "0 0 1 */3 *"),
        ("0 22-2 * * ? *", "0 0-2,22-23 * * *"),
    ],
)
def test_translations(written: str, translated: str) -> None:
    assert translate(written) == translated


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("0 10 * * ? 2026", "sets the year '2026'"),
        ("0 10 L * ? *", "L, W and #"),
        ("0 10 15W * ? *", "L, W and #"),
        ("0 10 ? * 6#3 *", "L, W and #"),
        ("0 10 1 * MON *", "both a day of month and a day of week"),
        ("61 10 * * ? *", "contains '61'"),
        ("0 10 ? * 0 *", "contains '0'"),
        ("0 10 * *", "has 4 fields"),
        ("@daily", "has 1 field,"),
        ("61 * * * *", "is not a cron expression"),
        ("0 0 30 2 *", "never fires"),
        ("R * * * *", "contains 'R'"),
        ("", "has 1 field,"),
    ],
)
def test_refusals(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        translate(written)
    assert reason in str(error.value)


def fires(field: str, value: int, low: int, high: int, words: tuple[str, ...] = ()) -> bool:
    """Whether a field of an AWS cron matches: a plain reading of its documentation."""

    def number(text: str) -> int:
        return words.index(text) + low if text in words else int(text)

    for part in field.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        elif "-" in span:
            first, last = (number(end) for end in span.split("-"))
        else:
            first, last = number(span), (high if step else number(span))
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def part_of(low: int, high: int, words: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    single = numbers.map(str) | (st.sampled_from(words) if words else st.nothing())
    ranges = st.tuples(numbers, numbers).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.just("*") | single | ranges, st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    return st.lists(single | ranges | steps, min_size=1, max_size=3).map(",".join)


@st.composite
def aws_crons(draw: st.DrawFn) -> str:
    minute = draw(st.just("*") | part_of(0, 59))
    hour = draw(st.just("*") | part_of(0, 23))
    month = draw(st.just("*") | part_of(1, 12, MONTHS))
    day, weekday = draw(
        st.tuples(part_of(1, 28), st.just("?")) | st.tuples(st.just("?"), part_of(1, 7, DAYS)) | st.just(("*", "?"))
    )
    return f"{minute} {hour} {day} {month} {weekday} *"


def matches(written: str, moment: datetime) -> bool:
    minute, hour, day, month, weekday, _ = written.split()
    return (
        fires(minute, moment.minute, 0, 59)
        and fires(hour, moment.hour, 0, 23)
        and fires(day, moment.day, 1, 31)
        and fires(month, moment.month, 1, 12, MONTHS)
        and fires(weekday, (moment.weekday() + 1) % 7 + 1, 1, 7, DAYS)
    )


@settings(max_examples=30)
@given(aws_crons(), st.integers(0, 360))
def test_a_translation_fires_when_the_original_does(written: str, start_day: int) -> None:
    """No fire time of the translation is wrong, and of three weeks none of the original is missed."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(days=start_day)
    times = croniter(translate(written), start)
    found = [times.get_next(datetime) for _ in range(10)]
    assert all(matches(written, moment) for moment in found)
    moment, fired = start, set(found)
    while (moment := moment + timedelta(minutes=1)) <= min(found[-1], start + timedelta(days=21)):
        assert matches(written, moment) == (moment in fired), moment


def test_the_manifests_schedule_replaces_that_of_the_code() -> None:
    flow = flows.linear(schedule=FlowSchedule("daily", "Europe/Helsinki", 4))
    assert schedule_of(flows.deployment(), flow) == Schedule(cron="0 0 * * *", timezone="Europe/Helsinki")
    assert schedule_of(flows.deployment(schedule=Schedule(cron="hourly")), flow) == Schedule(
        cron="0 * * * *", timezone="UTC"
    )
    assert schedule_of(flows.deployment(schedule=Schedule(cron=None)), flow) is None
    assert schedule_of(flows.deployment(), flows.linear()) is None


@pytest.mark.parametrize(
    ("cron", "days", "named"),
    [
        ("0 18 ? * 1 *", "day 1 is Sunday", "SUN"),
        ("0 18 ? * 2-6 *", "day 2 is Monday and day 6 is Friday", "MON-FRI"),
        ("0 18 ? * 7,WED *", "day 7 is Saturday", "SAT,WED"),
        ("0  18 ? * 2/3 *", "day 2 is Monday", "MON/3"),
        # Argo Workflows refuses a range that goes over the end of a week.
        ("0 18 ? * 6-1,3 *", "day 1 is Sunday and day 3 is Tuesday and day 6 is Friday", "SUN,FRI,SAT,TUE"),
        ("0 18 ? * FRI-2/2 *", "day 2 is Monday", "SUN,FRI"),
    ],
)
def test_days_of_the_week_by_number_are_said_as_what_they_are(cron: str, days: str, named: str) -> None:
    [warning] = check(flows.deployment(), flows.linear(schedule=FlowSchedule(cron, None, 4)))
    written = " ".join(cron.split())
    assert str(warning) == (
        f"deployments/flows/train.py:4: warning: in the schedule {written!r} {days}, as AWS counts;"
        f" Argo Workflows counts from 0; write {named} for the day of the week, which all of them read alike"
    )
    # The name fires when the number does.
    assert translate(cron) == translate(f"0 18 ? * {named} *")


@pytest.mark.parametrize(
    "cron", ["0 10 * * ? *", "0 18 ? * MON-FRI *", "0 18 ? * */2 *", "0 18 ? * MON/2 *", "0 3 * * 2"]
)
def test_other_days_need_no_word(cron: str) -> None:
    assert check(flows.deployment(), flows.linear(schedule=FlowSchedule(cron, None, 4))) == []


def test_numbered_days_of_the_manifest_are_said_there_and_those_that_it_replaces_are_not() -> None:
    numbered = flows.linear(schedule=FlowSchedule("0 18 ? * 2 *", None, 4))
    assert check(flows.deployment(schedule=Schedule(cron=None)), numbered) == []
    [warning] = check(flows.deployment(schedule=Schedule(cron="0 18 ? * 3 *")), numbered)
    assert (warning.path, "day 3 is Tuesday" in warning.message) == ("flows.train.schedule.cron", True)


def test_a_bad_schedule_is_reported_where_it_is_written() -> None:
    flow = flows.linear(schedule=FlowSchedule("0 10 * * ? 2026", None, 4))
    (of_code,) = check(flows.deployment(), flow)
    assert str(of_code.location) == "deployments/flows/train.py:4"
    (of_manifest,) = check(flows.deployment(schedule=Schedule.model_construct(cron="0 10")), flow)
    assert (str(of_manifest.location), of_manifest.path) == (
        "deployments/flows.yaml:33:22",
        "flows.train.schedule.cron",
    )
    (of_zone,) = check(
        flows.deployment(schedule=Schedule.model_construct(cron="daily", timezone="Europe/Helsinky")), flows.linear()
    )
    assert "Europe/Helsinky" in of_zone.message
    with pytest.raises(DeployError):
        schedule_of(flows.deployment(), flow)


@pytest.mark.parametrize("zone", ["posix/Europe/Paris", "right/UTC", "localtime", "Europe", "../etc/passwd"])
def test_the_timezone_of_the_code_is_held_to_what_a_manifest_may_say(zone: str) -> None:
    (found,) = check(flows.deployment(), flows.linear(schedule=FlowSchedule("0 3 * * *", zone, 4)))
    assert found.message == f"unknown timezone {zone!r}"

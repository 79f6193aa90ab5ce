"""The times of schedules over days on which the clocks change, by value and as a real Airflow finds them."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone
from typing import Any

import pytest

from deployer.models.description import CronSchedule, CronsSchedule, EventSchedule, NoSchedule
from deployer.orchestrators.airflow.start_times import start_times, with_minute
from tests.airflow.harness import installed

# On 29 March 2026 clocks in Helsinki go from 3:00 to 4:00 (UTC 1:00), on 25 October from 4:00 to 3:00.
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=timezone.utc), datetime(2026, 10, 24, 12, tzinfo=timezone.utc)


def schedule(cron: str, zone: str = "Europe/Helsinki", **values: Any) -> CronSchedule:
    return CronSchedule(kind="cron", cron=cron, timezone=zone, **values)


def times(cron: str, begin: datetime, zone: str = "Europe/Helsinki", days: int = 1, **values: Any) -> list[str]:
    until = datetime.fromtimestamp(begin.timestamp() + days * 86_400, timezone.utc)
    found = start_times(schedule(cron, zone, **values), begin, until)
    return [f"{datetime.fromtimestamp(each, timezone.utc):%d %H:%M}" for each in found]


def test_a_time_that_the_clock_skips_is_later() -> None:
    assert times("30 3 * * *", SPRING, days=2) == ["29 01:30", "30 00:30"]


def test_of_two_times_in_the_hour_that_is_skipped_only_the_first_is() -> None:
    assert times("0,30 3 * * *", SPRING) == ["29 01:00"]


def test_a_time_that_the_clock_shows_twice_is_the_second_one() -> None:
    assert times("30 3 * * *", AUTUMN, days=2) == ["25 01:30", "26 01:30"]
    assert times("*/30 2-4 * * *", AUTUMN) == [
        *("24 23:00", "24 23:30", "25 01:00", "25 01:30", "25 02:00", "25 02:30"),
    ]


def test_what_runs_every_hour_runs_in_both() -> None:
    assert times("15 * * * *", AUTUMN)[8:15] == [
        *("24 20:15", "24 21:15", "24 22:15", "24 23:15", "25 00:15", "25 01:15", "25 02:15"),
    ]
    assert len(times("15 * * * *", AUTUMN)) == len(times("15 * * * *", SPRING)) == 24


def test_the_first_time_after_a_change_is_counted_from_the_last_one_before_it() -> None:
    assert times("53 * */15 * *", AUTUMN, days=7)[:2] == ["30 21:53", "30 22:53"]
    assert times("17 * 1 * *", SPRING, days=4)[:2] == ["31 22:17", "31 23:17"]


def test_either_of_the_two_kinds_of_days_is_enough() -> None:
    begin = datetime(2026, 11, 1, tzinfo=timezone.utc)
    assert times("0 5 13 * 1", begin, "UTC", days=20) == ["02 05:00", "09 05:00", "13 05:00", "16 05:00"]
    assert times("0 5 * 12 *", begin, "UTC", days=20) == []
    assert times("0 5 * * 7", begin, "UTC", days=8) == ["01 05:00", "08 05:00"]
    assert times("0 5 * * 1#2", begin, "UTC", days=20) == ["09 05:00"]


def test_the_first_moment_belongs_to_it_and_the_last_does_not() -> None:
    assert times("0 12 * * *", SPRING, "UTC") == ["28 12:00"]


def test_nothing_starts_before_the_start_date() -> None:
    assert times("0 12 * * *", SPRING, "UTC", days=3, start_date="2026-03-30") == ["30 12:00"]


def test_what_has_no_times() -> None:
    until = datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert start_times(NoSchedule(kind="none"), SPRING, until) == ()
    assert start_times(EventSchedule(kind="events", after=("a",)), SPRING, until) == ()
    # A file that was edited by hand.
    assert start_times(schedule("0 0 * * *", "Europe/Nowhere"), SPRING, until) == ()
    assert start_times(schedule("0 0 * *"), SPRING, until) == ()


def test_several_crons_start_once_where_they_say_the_same() -> None:
    both = CronsSchedule(kind="crons", crons=("0 1 * * *", "0 */12 * * *", "0 0 * * 0"), timezone="UTC")
    found = start_times(both, SPRING, datetime(2026, 3, 29, 12, 1, tzinfo=timezone.utc))
    assert [f"{datetime.fromtimestamp(each, timezone.utc):%d %H:%M}" for each in found] == [
        *("28 12:00", "29 00:00", "29 01:00", "29 12:00"),
    ]
    assert with_minute(both, 17) is None


def test_another_minute() -> None:
    assert with_minute(schedule("0 3 * * 1"), 17) == "17 3 * * 1"
    assert with_minute(schedule("*/5 3 * * 1"), 17) is None
    assert with_minute(NoSchedule(kind="none"), 17) is None


CRONS = (
    *("30 3 * * *", "0,30 3 * * *", "*/15 2-4 * * *", "*/20 * * * *", "5 0-23 * * *", "15 1 * * 0", "0 12 1 * 1"),
    *("0 */2 * * *", "0 0 * * *", "53 * */15 * *", "17 * * * 4"),
)
ZONES = ("Europe/Helsinki", "America/Havana", "Australia/Lord_Howe", "UTC")
ORACLE = """
import json, sys
import pendulum
from airflow.timetables.trigger import CronTriggerTimetable

found = []
for cron, zone, begin, until in json.load(sys.stdin):
    timetable = CronTriggerTimetable(cron, timezone=zone)
    moment, times = pendulum.from_timestamp(begin - 3 * 86_400 - 1), []
    while (moment := timetable._get_next(moment)).timestamp() < until:
        times += [int(moment.timestamp())] if moment.timestamp() >= begin else []
    found.append(times)
print(json.dumps(found))
"""


@pytest.mark.airflow
def test_a_real_airflow_finds_the_same() -> None:
    cases = [
        (cron, zone, int(begin.timestamp()), int(begin.timestamp()) + days * 86_400)
        for cron in CRONS
        for zone in ZONES
        for begin, days in ((datetime(2026, 3, 7, tzinfo=timezone.utc), 30), (AUTUMN, 10))
    ]
    python = installed("3.3.2").python
    done = subprocess.run([python, "-c", ORACLE], input=json.dumps(cases), capture_output=True, text=True, check=True)
    for (cron, zone, begin, until), expected in zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True):
        first, last = (datetime.fromtimestamp(each, timezone.utc) for each in (begin, until))
        assert [*start_times(schedule(cron, zone), first, last)] == expected, (cron, zone, begin)

"""Schedules in words, as the catalogue says them."""

from __future__ import annotations

import pytest

from deployer.description.schedule_words import schedule_in_words
from deployer.models.description import Times


@pytest.mark.parametrize(
    ("crons", "words"),
    [
        (("30 6 * * 1-5",), "At 06:30, Monday through Friday"),
        (("0 0 1 * 1",), "At 00:00, on day 1 of the month, or on Monday"),
        (("0 3 * * *", "30 15 * * 6"), "At 03:00; At 15:30, only on Saturday"),
        (("not a cron at all",), "not a cron at all"),
    ],
)
def test_a_schedule_is_said_in_english(crons: tuple[str, ...], words: str) -> None:
    assert schedule_in_words(Times(crons, "UTC", False, None)) == words

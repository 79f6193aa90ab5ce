"""A schedule in a deployed record that no schedule is: the plan says that it becomes another, and no more."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from deployer.description import explain
from deployer.models.plan import Change
from deployer.orchestrators.airflow.effects import effects
from tests.hostile.payloads import payloads
from tests.plan import made

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
ODD: list[Any] = [*payloads().values(), 5, True, [], {}, 1.5, "\ud800", "", "0" * 5000]


@pytest.mark.parametrize("field", ["cron", "timezone", "start_date"])
def test_an_odd_schedule_is_no_schedule(field: str) -> None:
    item = made.desired(cron="0 3 * * *")
    after = {**item.description, "schedule": {**item.description["schedule"], "catchup": False}}
    for odd in ODD:
        before = {**after, "schedule": {**after["schedule"], field: odd}}
        change = Change("prod/train", "prod", "update", "TrainFlow", "TrainFlow.py", before=before, after=after)
        (reason,) = explain(before, after)
        assert [each.field for each in reason.fields] == [f"schedule.{field}"]
        found = effects(change, None, NOW)
        assert {each.word for each in found} <= {"next runs", "starts now"}

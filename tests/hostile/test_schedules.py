"""A schedule in a deployed record that no schedule is: the plan says that it becomes another, and no more."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from deployer.description import explain, to_json
from deployer.models.description import Description
from deployer.models.plan import Change
from deployer.models.reading import ReadingError, validate
from deployer.orchestrators.airflow.effects import effects
from tests.hostile.payloads import payloads
from tests.plan import made

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)
ODD = [*payloads().values(), "\ud800", "", "0" * 5000]


@pytest.mark.parametrize("field", ["cron", "timezone", "start_date"])
def test_an_odd_schedule_is_no_schedule(field: str) -> None:
    item = made.desired(cron="0 3 * * *")
    after = item.description
    for odd in ODD:
        before = after.model_copy(update={"schedule": after.schedule.model_copy(update={field: odd})})
        change = Change("prod/train", "prod", "update", "TrainFlow", "TrainFlow.py", before=before, after=after)
        (reason,) = explain(before, after)
        assert [each.field for each in reason.fields] == [f"schedule.{field}"]
        found = effects(change, None, NOW)
        assert {each.word for each in found} <= {"next runs", "starts now"}


def test_odd_crons_are_no_schedule() -> None:
    after = made.desired(cron=("0 3 * * *", "30 9 * * *")).description
    for odd in ODD:
        schedule = after.schedule.model_copy(update={"crons": ("0 3 * * *", odd)})
        before = after.model_copy(update={"schedule": schedule})
        change = Change("prod/train", "prod", "update", "TrainFlow", "TrainFlow.py", before=before, after=after)
        assert {each.word for each in effects(change, None, NOW)} <= {"next runs", "starts now"}


@pytest.mark.parametrize("field", ["cron", "timezone", "start_date"])
@pytest.mark.parametrize("odd", [5, True, [], {}, 1.5])
def test_what_is_not_text_is_not_read(field: str, odd: object) -> None:
    data = to_json(made.desired(cron="0 3 * * *").description)
    with pytest.raises(ReadingError, match=f"^schedule.{field}: input should be a valid string"):
        validate(Description, {**data, "schedule": {**data["schedule"], field: odd}})

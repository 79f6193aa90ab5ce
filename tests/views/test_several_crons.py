"""A schedule of several crons as users see it: in the list, in `show`, and in a plan."""

from __future__ import annotations

from deployer.models.deployment import Schedule
from deployer.models.listed import Listed
from deployer.views.list_view import list_to_json, list_to_text
from deployer.views.plan_words import new_schedule
from deployer.views.show_json import show_to_json
from tests.plan import made

SCHEDULE = Schedule(cron=("0 15 * * *", "30 3 * * *"), timezone="Asia/Tokyo")


def test_the_list_has_all_of_them() -> None:
    shown = list_to_json([Listed(made.deployment(), "TrainFlow", SCHEDULE, is_compiled=True)])
    assert shown["deployments"][0]["schedule"] == {"cron": ["0 15 * * *", "30 3 * * *"], "timezone": "Asia/Tokyo"}
    assert "  0 15 * * *; 30 3 * * * Asia/Tokyo  " in list_to_text(shown)


def test_show_has_all_of_them() -> None:
    shown = show_to_json(made.deployment(schedule=SCHEDULE), made.flow(), "TrainFlow", SCHEDULE)
    found = {each["name"]: each["value"] for each in shown["settings"]}
    assert (found["schedule.cron"], found["schedule.timezone"]) == (["0 15 * * *", "30 3 * * *"], "Asia/Tokyo")


def test_a_plan_of_a_new_deployment_has_all_of_them() -> None:
    after = {"schedule": {"kind": "crons", "crons": ["0 15 * * *", "30 3 * * *"], "timezone": "Asia/Tokyo"}}
    change = {"action": "create", "after": after, "reasons": [{"word": "new"}]}
    assert new_schedule(change) == "0 15 * * *; 30 3 * * *, Asia/Tokyo"

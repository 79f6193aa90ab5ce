"""The names of the assets of Airflow by which flows start each other and events start flows."""

from __future__ import annotations

from typing import Final

from deployer.models.description import EventSchedule, Schedule

EVENT_KEY: Final = "metaflow_event"
"""The key of a run's conf that holds the event which started it, beside the assets of Airflow."""
TOGETHER: Final = "+"
"""Ends the name of the asset of an event for those DAGs that wait for several: a single one gets a run by itself."""


def asset_of_event(event: str, *, alone: bool) -> str:
    """The asset of an event that somebody publishes, for a DAG that waits for it `alone` or with others."""
    return event if alone else f"{event}{TOGETHER}"


def assets_of(schedule: Schedule) -> list[str]:
    """The assets that a DAG of this schedule waits for, sorted."""
    if not isinstance(schedule, EventSchedule):
        return []
    alone = len(schedule.after) + len(schedule.events) == 1
    return sorted([*schedule.after, *(asset_of_event(event, alone=alone) for event in schedule.events)])

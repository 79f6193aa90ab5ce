"""Each field of a description is traced to the line that gave it its value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.errors import Location
from deployer.models.deployment import Retries, Schedule
from deployer.models.flow import Decorator, FlowSchedule, Step
from deployer.pipeline.origins import origin

from . import made

ROOT = Path("/srv")
SOURCES = {
    "file": 3,
    "schedule.cron": 4,
    "catchup": 5,
    "parameters.alpha": 6,
    "retries.times": 7,
    "steps.fit.cpu": 8,
    "kubernetes.image": 9,
    "kubernetes.labels.team": 16,
    "tags": 10,
    "datastore": 11,
    "kubernetes.namespace": 12,
    "config_files.rates": 13,
    "retries": 14,
}
# As the compiler tells of a retry that the manifests add.
ADDED = {"decorators": (Decorator("retry", {"times": 3}),), "options": ("--with=retry:times=3",)}
STEPS = (
    Step("start", "linear", 20, next=("fit",), **ADDED),  # type: ignore[arg-type]
    Step("fit", "linear", 30, next=("end",), decorators=(Decorator("retry", {"times": 1}),)),
    Step("end", "end", 40),
)
WRITTEN = made.deployment(
    schedule=Schedule(cron="0 3 * * *"),
    retries=Retries(times=3),
    sources={path: Location("/srv/deployments/a.yaml", line, 5) for path, line in SOURCES.items()},
)
ITEM = made.desired(WRITTEN, made.flow(steps=STEPS, line=2, schedule=FlowSchedule("hourly", None, 1)))
BARE = made.desired(made.deployment(), made.flow(steps=STEPS, schedule=FlowSchedule("hourly", None, 1)))


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("schedule.cron", "deployments/a.yaml:4"),
        ("schedule.crons", "deployments/a.yaml:4"),
        ("schedule.catchup", "deployments/a.yaml:5"),
        ("schedule.start_date", ""),
        ("parameters.alpha.default", "deployments/a.yaml:6"),
        ("parameters.alpha.type", "flows/train.py:6"),
        ("retries.start.times", "deployments/a.yaml:7"),
        ("retries.start.minutes_between", "deployments/a.yaml:14"),
        ("retries.fit.times", "flows/train.py:30"),
        ("resources.fit.cpu", "deployments/a.yaml:8"),
        ("resources.start.image", "deployments/a.yaml:9"),
        ("resources.start.labels", "deployments/a.yaml:16"),
        ("resources.start.labels.team", "deployments/a.yaml:16"),
        ("resources.start.memory", "flows/train.py:20"),
        ("graph.steps.fit.next", "flows/train.py:30"),
        ("code.file", "deployments/a.yaml:3"),
        ("code.flow", "flows/train.py:2"),
        ("settings.tags", "deployments/a.yaml:10"),
        ("settings.datastore", "deployments/a.yaml:11"),
        ("settings.cluster.namespace", "deployments/a.yaml:12"),
        ("settings.configs.rates.low", "deployments/a.yaml:13"),
        ("settings.steps.fit.timeout_seconds", "flows/train.py:30"),
        ("settings.worker_pool", ""),
        ("metaflow.version", ""),
    ],
)
def test_a_field_has_the_line_that_counts(field: str, place: str) -> None:
    assert origin(ITEM, field, ROOT) == place


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ("schedule.cron", "flows/train.py:1"),
        ("parameters.alpha.default", "flows/train.py:6"),
        ("retries.start.times", "flows/train.py:20"),
    ],
)
def test_what_the_manifests_leave_out_is_said_by_the_flow(field: str, place: str) -> None:
    assert origin(BARE, field, ROOT) == place


def test_what_with_gives_to_a_step_has_the_line_of_that() -> None:
    step = replace(STEPS[0], options=("--with=timeout:minutes=5",), timeout_seconds=300)
    sources = {"with": Location("/srv/deployments/a.yaml", 15)}
    item = replace(ITEM, deployment=made.deployment(sources=sources), compiled=made.flow(steps=(step, *STEPS[1:])))
    assert origin(item, "settings.with", ROOT) == "deployments/a.yaml:15"
    assert origin(item, "settings.steps.start.timeout_seconds", ROOT) == "deployments/a.yaml:15"
    assert origin(item, "settings.steps.start.environment", ROOT) == "flows/train.py:20"
    assert origin(item, "settings.steps.fit.timeout_seconds", ROOT) == "flows/train.py:30"


def test_what_retries_leave_out_has_the_line_that_asks_for_retries() -> None:
    sources = {"retries.times": Location("/srv/deployments/a.yaml", 7, 5)}  # as of `retries: 3`
    item = made.desired(made.deployment(retries=Retries(times=3), sources=sources), made.flow(steps=STEPS))
    assert origin(item, "retries.start.minutes_between", ROOT) == "deployments/a.yaml:7"


def test_a_retry_among_the_decorators_of_the_manifest_is_stronger_than_its_retries() -> None:
    sources = {**WRITTEN.sources, "with": Location("/srv/deployments/a.yaml", 15)}
    item = replace(ITEM, deployment=WRITTEN.model_copy(update={"decorators": ("retry:times=4",), "sources": sources}))
    assert origin(item, "retries.start.times", ROOT) == "deployments/a.yaml:15"
    assert origin(item, "retries.fit.times", ROOT) == "flows/train.py:30"

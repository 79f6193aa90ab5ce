"""Names that Airflow would refuse are refused at plan time; those that we make ourselves are shortened."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from deployer.errors import Diagnostic
from deployer.models.flow import Flow, ProjectNames, Sensor
from deployer.orchestrators.airflow import tasks
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.render import render
from tests.renderer import flows


def renamed(of: Flow, **names: str) -> Flow:
    """The flow with other names for some of its steps."""

    def new(old: Any) -> Any:
        return tuple(map(new, old)) if isinstance(old, tuple) else names.get(old, old)

    steps = [
        dataclasses.replace(
            step,
            **{field: new(getattr(step, field)) for field in ("name", "next", "previous", "foreaches", "joins")},
            cases={case: new(name) for case, name in step.cases.items()},
        )
        for step in of.steps
    ]
    return dataclasses.replace(of, steps=tuple(steps), start=new(of.start), end=new(of.end))


def text_of(flow: Flow, **changes: Any) -> str:
    return render(flows.deployment(**changes), flow, flows.package(flow))


def group_ids(flow: Flow) -> list[str]:
    return re.findall(r'@task_group\(group_id="([^"]*)"', text_of(flow))


def only(found: list[Diagnostic]) -> Diagnostic:
    (diagnostic,) = found
    return diagnostic


def test_a_step_whose_task_id_would_be_too_long_is_refused_at_its_line() -> None:
    assert check(flows.deployment(), renamed(flows.fan(), fit="f" * 250)) == []
    found = only(check(flows.deployment(), renamed(flows.fan(), fit="f" * 251)))
    assert (found.code, str(found.location)) == ("bad-task-id", "deployments/flows/train.py:14")
    assert "251 characters" in found.message and "250" in found.hint
    assert len(found.message) < 150


def test_all_steps_with_such_names_are_told_at_once() -> None:
    flow = renamed(flows.fan(), fit="f" * 251, join="j" * 300)
    assert [found.location and found.location.line for found in check(flows.deployment(), flow)] == [14, 18]


def test_group_ids_are_shortened_and_stay_readable() -> None:
    flow = renamed(flows.fan(), fit="prepare_" * 25)
    (found,) = group_ids(flow)
    assert re.fullmatch(r"foreach-(prepare_){22}prepare-[0-9a-f]{8}", found)
    assert len(found) <= 200
    assert check(flows.deployment(), flow) == []
    assert text_of(flow) == text_of(flow)


def test_a_group_is_named_after_the_steps_in_it() -> None:
    assert group_ids(flows.fan()) == ["foreach-fit"]
    assert group_ids(renamed(flows.fan(), fit="f" * 192)) == ["foreach-" + "f" * 192]
    assert group_ids(flows.nested()) == ["foreach-pick-spread-skip", "foreach-fit", "foreach-best-sum_up"]
    assert group_ids(flows.wide_fan()) == ["foreach-load-to-check"]


def test_the_name_of_a_group_is_no_part_of_the_ids_of_its_tasks() -> None:
    """What ran before keeps its history under the names of the steps."""
    for flow in (flows.fan(), flows.nested(), flows.wide_fan()):
        text = text_of(flow)
        assert text.count("@task_group(") == text.count("prefix_group_id=False)") > 0
        assert {f'task_id="{step.name}"' in text for step in flow.steps} == {True}


@pytest.mark.parametrize("length", [180, 195, 220, 241, 250])
def test_shortened_ids_differ_where_the_names_do(length: int) -> None:
    """The names of the steps differ at their end alone, which is cut off."""
    flow = renamed(flows.nested(), **{name: "s" * (length - 1) + name[0] for name in ("start", "pick", "fit", "best")})
    found = tasks.task_ids(flow)
    assert len(set(found)) == len(found)
    assert max(map(len, found)) <= 250 and max(map(len, group_ids(flow))) <= 200
    assert check(flows.deployment(), flow) == []
    assert all(f'"{name}"' in text_of(flow) for name in found)


def test_a_sensor_with_the_name_of_a_shortened_group_is_refused() -> None:
    flow = renamed(flows.fan(), fit="f" * 250)
    (group,) = group_ids(flow)
    sensor = Sensor(group, "s3_key", 4, {"bucket_key": "s3://a/b"})
    assert only(check(flows.deployment(), dataclasses.replace(flow, sensors=(sensor,)))).code == "bad-sensor"


def test_a_dag_id_that_follows_from_long_names() -> None:
    project = ProjectNames("growth", "test.x", "growth.test." + "x" * 240)
    found = only(check(flows.deployment(), flows.linear(project=project)))
    assert found.code == "bad-dag-id" and found.hint == "set dag_id"
    assert len(found.message) < 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tags": ("t" * 101,)}, "bad-tag"),
        ({"environment": flows.environment(name="e" * 97)}, "bad-tag"),
        ({"environment": flows.environment(project="p" * 93)}, "bad-tag"),
        ({"worker_pool": "p" * 251}, "bad-pool"),
        ({"worker_pool": "gpu pool"}, "bad-pool"),
        ({"owner": "o" * 2001}, "too-long"),
        ({"display_name": "d" * 2001}, "too-long"),
    ],
)
def test_names_of_the_manifest(changes: dict[str, Any], code: str) -> None:
    deployment = flows.deployment().model_copy(update=changes)
    found = only(check(deployment, flows.linear()))
    assert found.code == code and found.location and len(found.message) < 200


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": ("t" * 100, "with spaces, and more")},
        {"environment": flows.environment(name="e" * 96, project="p" * 92)},
        {"worker_pool": "p" * 250},
        {"worker_pool": "gpu_pool.é-2"},
        {"owner": "Ada, of the team " * 10},
    ],
)
def test_names_of_the_manifest_that_airflow_takes(changes: dict[str, Any]) -> None:
    assert check(flows.deployment().model_copy(update=changes), flows.linear()) == []


def test_the_pool_of_a_sensor() -> None:
    sensor = Sensor("wait", "s3_key", 4, {"bucket_key": "s3://a/b", "pool": "gpu pool"})
    found = only(check(flows.deployment(), flows.linear(sensors=(sensor,))))
    assert found.code == "bad-sensor" and found.location and found.location.line == 4

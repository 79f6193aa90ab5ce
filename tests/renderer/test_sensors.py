"""Sensors: no argument of Metaflow's decorators is dropped, and what Airflow would not take is refused by the plan."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from deployer.description import describe, explain, to_json
from deployer.models.description import Description
from deployer.models.flow import Decorator, Flow, Sensor, SensorKind
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.render import render
from tests.renderer import flows

NAMES: dict[str, SensorKind] = {"airflow_external_task_sensor": "external_task", "airflow_s3_key_sensor": "s3_key"}
LEAST: dict[SensorKind, dict[str, Any]] = {
    "external_task": {"external_dag_id": "upstream"},
    "s3_key": {"bucket_key": "s3://acme/key"},
}
# A value for each argument, and what the DAG file then says.
SAMPLES: dict[str, tuple[Any, str]] = {
    "timeout": (60, "timeout=60"),
    "poke_interval": (5.5, "poke_interval=5.5"),
    "mode": ("poke", 'mode="poke"'),
    "exponential_backoff": (False, "exponential_backoff=False"),
    "pool": ("sensors", 'pool="sensors"'),
    "soft_fail": (True, "soft_fail=True"),
    "name": ("waits", 'task_id="waits"'),
    "description": ("Waits.", 'doc_md="Waits."'),
    "external_dag_id": ("other", 'external_dag_id="other"'),
    "external_task_ids": (["a", "b"], 'external_task_ids=["a", "b"]'),
    "allowed_states": (["failed"], 'allowed_states=["failed"]'),
    "failed_states": (["failed"], 'failed_states=["failed"]'),
    "execution_delta": (5400, "execution_delta=timedelta(minutes=90)"),
    "check_existence": (False, "check_existence=False"),
    "bucket_key": (["s3://acme/{{ ds }}"], 'bucket_key=["s3://acme/{{ ds }}"]'),
    "bucket_name": ("acme", 'bucket_name="acme"'),
    "wildcard_match": (True, "wildcard_match=True"),
    "aws_conn_id": ("lake", 'aws_conn_id="lake"'),
    "verify": ("/etc/ca.pem", 'verify="/etc/ca.pem"'),
}


def sensor(kind: SensorKind, name: str = "wait", **arguments: Any) -> Sensor:
    return Sensor(name, kind, 4, {**LEAST[kind], **arguments})


def waiting(*sensors: Sensor, **changes: Any) -> Flow:
    return flows.linear(sensors=sensors, **changes)


def text_of(flow: Flow) -> str:
    assert check(flows.deployment(), flow) == []
    return render(flows.deployment(), flow, flows.package(flow))


@pytest.fixture(scope="module")
def installed() -> dict[str, list[str]]:
    """The arguments of each sensor decorator of the installed Metaflow."""
    code = (
        "import json; from metaflow.plugins.airflow.sensors import SUPPORTED_SENSORS;"
        "print(json.dumps({one.name: sorted(one.defaults) for one in SUPPORTED_SENSORS}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_each_argument_of_metaflow_reaches_the_operator(installed: dict[str, list[str]]) -> None:
    assert set(installed) == set(NAMES)
    assert {name for names in installed.values() for name in names} == set(SAMPLES)
    for decorator, names in installed.items():
        kind = NAMES[decorator]
        for name in names:
            value, expected = SAMPLES[name]
            given = {**LEAST[kind], **({"bucket_key": "key"} if name == "bucket_name" else {}), name: value}
            given.pop("name", None)
            one = Sensor(value if name == "name" else "wait", kind, 4, given)
            assert expected in text_of(waiting(one)).replace("\n", " "), name


def test_an_unknown_argument_is_refused_by_its_name() -> None:
    [found] = check(flows.deployment(), waiting(sensor("s3_key", warp_drive="on")))
    assert str(found) == (
        "deployments/flows/train.py:4: error: the S3KeySensor 'wait' has the argument 'warp_drive', "
        "which mfdeploy does not support; remove it"
    )


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (sensor("s3_key", "start"), "which another task of the DAG has"),
        (sensor("s3_key", "not a name"), "which is not a valid task id"),
        (sensor("s3_key", mode="sometimes"), "write 'poke' or 'reschedule'"),
        (sensor("s3_key", timeout=-1), "a number of seconds"),
        (sensor("s3_key", poke_interval="60"), "a number of seconds"),
        (sensor("s3_key", soft_fail="yes"), "write True or False"),
        (sensor("s3_key", bucket_key=[]), "a string or a list of strings"),
        (sensor("s3_key", bucket_key="key"), "no bucket"),
        (sensor("s3_key", bucket_name="acme"), "and also a bucket_name"),
        (sensor("s3_key", bucket_key="s3://acme/{{ ds }"), "which is not a valid template"),
        (sensor("external_task", external_task_ids=[1]), "write a list of strings"),
        (sensor("external_task", allowed_states=["skipped"]), "which DAG runs never have"),
        (sensor("external_task", external_task_ids=["a"], allowed_states=["shutdown"]), "which tasks never have"),
        (sensor("external_task", allowed_states=["failed"], failed_states=["failed"]), "failed twice"),
        (sensor("external_task", external_dag_id="TrainFlow"), "waits for its own DAG run"),
    ],
)
def test_what_airflow_would_not_take_is_refused(one: Sensor, said: str) -> None:
    [found] = check(flows.deployment(), waiting(one))
    assert found.code == "bad-sensor"
    assert said in str(found)
    assert found.location and found.location.line == 4


def test_two_sensors_of_one_name_are_refused() -> None:
    [found] = check(flows.deployment(), waiting(sensor("s3_key"), sensor("external_task")))
    assert "which another task of the DAG has" in found.message


@pytest.mark.parametrize("name", ["foreach-best-sum_up", "foreach-fit", "all-spread-items", "fit"])
def test_a_sensor_takes_the_id_of_nothing_else(name: str) -> None:
    flow = flows.nested(sensors=(sensor("s3_key", name),))
    assert [found.code for found in check(flows.deployment(), flow)] == ["bad-sensor"]


def test_a_flow_may_wait_for_its_run_of_the_day_before() -> None:
    assert "timedelta(days=1)" in text_of(
        waiting(sensor("external_task", external_dag_id="TrainFlow", execution_delta=86400))
    )


def test_a_long_wait_has_a_long_limit() -> None:
    assert "execution_timeout=timedelta(minutes=14405)" in text_of(waiting(sensor("s3_key", timeout=10 * 86400)))


def test_the_start_step_waits_for_all_of_them_where_steps_may_be_skipped() -> None:
    both = (sensor("s3_key", "a"), sensor("external_task", "b"))
    assert 'trigger_rule="all_success"' in text_of(flows.nested(sensors=both))
    assert "trigger_rule" not in text_of(waiting(*both))
    assert "[a, b] >> start >> end" in text_of(waiting(*both))


def test_a_changed_sensor_shows_in_the_plan() -> None:
    before, after = (
        describe(flows.deployment(), waiting(sensor("s3_key", timeout=timeout)), None, 1, "r") for timeout in (60, 90)
    )
    [reason] = explain(before, after)
    [change] = reason.fields
    assert (reason.word, change.field, change.before, change.after) == (
        "settings",
        "settings.sensors.wait.timeout",
        60,
        90,
    )


def test_a_changed_flow_decorator_shows_in_the_plan_and_what_is_told_elsewhere_does_not() -> None:
    def described(version: str, cron: str) -> Description:
        decorators = (
            Decorator("conda_base", {"packages": {"numpy": version}}),
            Decorator("project", {"name": cron}),
            Decorator("schedule", {"cron": cron}),
        )
        return describe(flows.deployment(), flows.linear(decorators=decorators), None, 1, "r")

    [reason] = explain(described("1.26", "a"), described("2.0", "b"))
    assert [change.field for change in reason.fields] == ["settings.decorators.conda_base.packages.numpy"]


def test_a_flow_without_them_is_described_as_before() -> None:
    settings = to_json(describe(flows.deployment(), flows.linear(), None, 1, "r").settings)
    assert not {"sensors", "decorators"} & set(settings)

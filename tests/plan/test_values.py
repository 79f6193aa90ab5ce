"""What a reviewer is shown of a deployment that is new: every value that is no default, and what is marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from deployer.description.marks import marks
from deployer.description.values import Written, values_of, values_of_steps
from deployer.models.deployment import ResolvedPath
from deployer.models.description import CronSchedule, NoSchedule
from deployer.models.desired import Desired
from deployer.models.flow import Flow, Parameter, Step
from deployer.models.plan import Change, Mark
from deployer.orchestrators.airflow.next_runs import minutes_between_runs
from deployer.planning.planner import plan_changes

from . import made

# As Metaflow gives it to each pod.
POD = {"cpu": "1", "disk": "10240", "memory": "4096", "namespace": "default", "qos": "Burstable"}
DATASTORE = ResolvedPath("s3://acme/prod", "s3://acme/prod")


def kubernetes(**values: Any) -> Any:
    return made.environment(compute="kubernetes", datastore=DATASTORE, datastore_type="s3", **values)


def flow(*pods: Mapping[str, Any], **values: Any) -> Flow:
    """A flow whose steps have these pods."""
    steps = [Step(f"s{number}", "linear", 8, next=(f"s{number + 1}",), pod=pod) for number, pod in enumerate(pods)]
    return made.flow(steps=(*steps[:-1], replace(steps[-1], kind="end", next=())), start="s0", **values)


def shown(item: Desired, parameters: tuple[str, ...] = (), configs: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """The values by group, without those that each deployment has."""
    found: dict[str, dict[str, Any]] = {}
    for value in values_of(item.description, Written(parameters, configs, "growth")):
        if value.field not in ("settings.compute", "settings.datastore"):
            found.setdefault(value.group, {})[value.field] = value.value
    return found


class TestValues:
    def test_defaults_are_none(self) -> None:
        item = made.desired(made.deployment(environment=kubernetes()), flow(POD, POD))
        assert shown(item) == {}

    def test_where_it_runs_is_always_shown(self) -> None:
        found = values_of(made.desired(compiled=flow({}, {})).description, Written((), (), "growth"))
        assert [(value.field, value.value) for value in found] == [
            ("settings.compute", "local"),
            ("settings.datastore", "../build/metaflow"),
        ]

    def test_an_image_and_compute_are_of_each_step(self) -> None:
        big = {
            **POD,
            "image": "acme/gpu:3",
            "gpu": "8",
            "gpu_vendor": "nvidia",
            "memory": "64000",
            "labels": {"a": "b"},
        }
        item = made.desired(made.deployment(environment=kubernetes()), flow({**POD, "image": "acme/base:1"}, big))
        assert shown(item) == {
            "compute": {"resources.s1.gpu": "8", "resources.s1.memory": "64000"},
            "image": {"resources.s0.image": "acme/base:1", "resources.s1.image": "acme/gpu:3"},
            "settings": {"resources.s1.labels": {"a": "b"}},
        }

    def test_a_schedule_has_what_is_not_usual(self) -> None:
        item = made.desired(made.deployment(catchup=True, start_date="2026-01-01"), flow({}, {}), cron="0 3 * * *")
        assert shown(item)["schedule"] == {
            "schedule.cron": "0 3 * * *",
            "schedule.catchup": True,
            "schedule.start_date": "2026-01-01",
        }

    def test_parameters_and_configs_are_those_of_the_manifest(self) -> None:
        parameters = (Parameter("alpha", "number", 6, default=0.01), Parameter("beta", "number", 7, default=1))
        compiled = flow({}, {}, parameters=parameters, configs={"model": {"a": 1}, "search": {"b": 2}})
        item = made.desired(made.deployment(parameters={"alpha": 0.05}), compiled)
        assert shown(item, ("alpha",), ("search",)) == {
            "parameters": {"parameters.alpha.default": 0.05},
            "settings": {"settings.configs.search": {"b": 2}},
        }
        # A rollback restores a file, and nobody knows what a manifest gave it.
        everything = {value.field for value in values_of(item.description)}
        assert {"parameters.beta.default", "settings.configs.model"} <= everything

    def test_retries_limits_and_settings(self) -> None:
        compiled = made.flow(environment={"METAFLOW_OWNER": "growth", "METAFLOW_SERVICE_URL": "https://a"})
        item = made.desired(made.deployment(max_workers=500, tags=("a",), paused=True, owner="ml"), compiled)
        assert shown(item) == {
            "retries": {
                "retries.start.times": 3,
                "retries.start.minutes_between": 2,
                "retries.start.fallback": 0,
            },
            "limits": {"settings.max_workers": 500},
            "settings": {
                "settings.tags": ["a"],
                "settings.paused": True,
                "settings.owner": "ml",
                "settings.variables.METAFLOW_SERVICE_URL": "https://a",
            },
        }

    def test_with_is_told_as_the_manifest_writes_it(self) -> None:
        option = ("--with=timeout:minutes=10", "--environment=local")
        steps = tuple(replace(step, options=option, timeout_seconds=600, pod={}) for step in flow({}, {}).steps)
        found = shown(made.desired(compiled=made.flow(steps=steps, start="s0")))
        assert found["settings"] == {"settings.with": ["timeout:minutes=10"]}
        assert set(found["limits"].values()) == {600}

    def test_steps_that_an_update_adds_are_shown_alone(self) -> None:
        item = made.desired(made.deployment(environment=kubernetes()), flow(POD, {**POD, "gpu": "1"}, POD))
        assert [value.field for value in values_of_steps(item.description, {"s1"})] == ["resources.s1.gpu"]


def change(after: Desired, before: Desired | None = None) -> Change:
    (found,) = plan_changes([after], [made.site(*([made.deployed(before)] if before else []))])
    return found


def marked(after: Desired, before: Desired | None = None, **users: set[str]) -> list[Mark]:
    named = {image.replace("__", "/"): flows for image, flows in users.items()}
    return list(marks(change(after, before), named, minutes_between_runs))


def on_pods(*pods: Mapping[str, Any]) -> Desired:
    return made.desired(made.deployment(environment=kubernetes()), flow(*pods))


class TestMarks:
    def test_runs_less_than_ten_minutes_apart(self) -> None:
        assert marked(made.desired(cron="*/5 * * * *")) == [Mark("frequent", value=5)]
        assert marked(made.desired(cron="*/10 * * * *")) == []
        assert marked(made.desired(cron="* * * * *"), made.desired(cron="0 * * * *")) == [Mark("frequent", value=1)]
        # As often as what is deployed, or less.
        assert marked(made.desired(cron="*/5 * * * *"), made.desired(cron="1-59/5 * * * *")) == []

    def test_gpus_by_number_and_step(self) -> None:
        pods = ({**POD, "gpu": "8"}, {**POD, "gpu": "8"}, {**POD, "gpu": "1"}, {**POD, "gpu": "0"})
        assert marked(on_pods(*pods)) == [Mark("gpu", ("s0", "s1"), 8), Mark("gpu", ("s2",), 1)]

    def test_gpus_by_the_name_of_the_resource(self) -> None:
        pod = {**POD, "extended_resources": {"amd.com/gpu": "2", "acme.com/licence": "1"}}
        assert marked(on_pods(pod, POD)) == [Mark("gpu", ("s0",), 2)]

    def test_gpus_that_an_update_adds(self) -> None:
        before, after = on_pods({**POD, "gpu": "1"}, POD), on_pods({**POD, "gpu": "1"}, {**POD, "gpu": "1"})
        assert marked(after, before) == [Mark("gpu", ("s1",), 1)]
        assert marked(after, after) == []

    def test_an_image_that_no_other_flow_uses(self) -> None:
        item = on_pods({**POD, "image": "evil/img"}, {**POD, "image": "acme/base"})
        # A flow is the same in each of its environments.
        users = {"evil__img": {"train"}, "acme__base": {"train", "score"}}
        assert marked(item, **users) == [Mark("image", ("s0",), "evil/img")]
        assert marked(item, item, **users) == []

    def test_an_update_to_such_an_image(self) -> None:
        before, after = (on_pods({**POD, "image": image}, POD) for image in ("acme/base", "evil/img"))
        assert marked(after, before, evil__img={"train"}) == [Mark("image", ("s0",), "evil/img")]

    def test_metaflows_own_image_is_none_of_anybody(self) -> None:
        assert marked(on_pods({**POD, "image": "python:3.12"}, POD)) == []

    def test_what_is_not_written_has_none(self) -> None:
        item = made.desired(cron="* * * * *")
        assert list(marks(change(item, item), {}, minutes_between_runs)) == []


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("* * * * *", 1),
        ("*/5 9 * * 1", 5),
        ("0,7 3 * * *", 7),
        ("0 3 * * *", 60),
        ("30 * * * *", 60),
        ("2,58 3,4 * * *", 4),
        ("2,58 3,5 * * *", 56),
        ("2,58 23,0 * * *", 4),
        ("nonsense", None),
    ],
)
def test_the_least_time_between_two_runs(cron: str, minutes: int | None) -> None:
    assert minutes_between_runs(CronSchedule(kind="cron", cron=cron)) == minutes


def test_no_schedule_has_no_time_between_runs() -> None:
    assert minutes_between_runs(NoSchedule(kind="none")) is None

"""What a projects file allows, decided from values: what a DAG uses, and whose it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.errors import Location
from deployer.manifest.notify_keys import NotifySettings
from deployer.manifest.projects import Projects, read_projects
from deployer.models.deployment import ClusterAccess
from deployer.models.flow import Hook, Sensor
from deployer.models.limits import Use
from deployer.models.plan import Change
from deployer.orchestrators.airflow.uses import uses
from deployer.planning.limits import beyond_limits, unlisted_project, violation

from . import made


def limits(text: str, others: str = "refuse") -> Projects:
    return read_projects(f"version: 1\nothers: {others}\nprojects: {text}\n".encode(), "p.yaml")


def used(**values: Any) -> set[tuple[str, str]]:
    """What a DAG of two steps uses; `values` are those of its environment, its deployment and its flow."""
    compute = values.pop("compute", "kubernetes")
    environment = made.environment(compute=compute, kubernetes=values.pop("cluster", ClusterAccess()))
    pod, flow = values.pop("pod", {"image": "python:3.12"}), made.flow(**values.pop("flow", {}))
    steps = tuple(replace(step, pod=pod if compute == "kubernetes" else {}) for step in flow.steps)
    item = made.desired(made.deployment(environment=environment, **values), replace(flow, steps=steps))
    return {(each.kind, each.value) for each in uses(item.description)}


def test_what_names_nothing_uses_the_defaults_of_airflow_and_kubernetes() -> None:
    assert used() == {
        ("compute", "kubernetes"),
        ("pools", "default_pool"),
        ("connections", "kubernetes_default"),
        ("namespaces", "default"),
        ("service_accounts", "default"),
        ("images", "python:3.12"),
    }
    assert used(compute="local") == {("compute", "local"), ("pools", "default_pool")}


def test_pods_pools_secrets_and_connections_are_used() -> None:
    pod = {"image": "a/b@sha256:c", "namespace": "growth", "service_account": "trainer", "secrets": ["one", "two"]}
    found = used(
        pod=pod,
        worker_pool="large",
        cluster=ClusterAccess(connection="cluster"),
        flow={"environment": {"METAFLOW_KUBERNETES_SECRETS": "three,four"}},
    )
    assert found == {
        ("compute", "kubernetes"),
        ("pools", "large"),
        ("connections", "cluster"),
        ("namespaces", "growth"),
        ("service_accounts", "trainer"),
        ("images", "a/b@sha256:c"),
        *(("secrets", name) for name in ("one", "two", "three", "four")),
    }


def test_sensors_and_hooks_are_part_of_a_dag() -> None:
    sensors = (
        Sensor("own", "s3_key", 3, {"bucket_key": "s3://a/b", "pool": "sensing", "aws_conn_id": "lake"}),
        Sensor("plain", "s3_key", 3, {"bucket_key": "s3://a/b"}),
        Sensor("dag", "external_task", 3, {"external_dag_id": "other"}),
    )
    found = used(flow={"sensors": sensors, "hooks": (Hook("tell", "error", "hook:1"),)})
    assert found >= {
        ("pools", "sensing"),
        ("connections", "lake"),
        ("connections", "aws_default"),
        ("images", "hook:1"),
    }


def test_what_tells_people_of_runs_has_connections() -> None:
    slack = {"slack": {"connection": "slack_growth", "channel": "#ml"}}
    notify = {"failure": [slack], "success": [{"email": {"to": ["a@example.com"]}}]}
    found = used(notify=NotifySettings.model_validate(notify))
    assert found >= {("connections", "slack_growth"), ("connections", "smtp_default")}


@pytest.mark.parametrize(
    ("allowed", "name", "fits"),
    [
        ("[growth.*]", "growth.train", True),
        ("[growth.*]", "growthhack.train", False),
        ("[growth.*]", "Growth.train", False),
        ("[growth.*]", "gr\u043ewth.train", False),
        ("[growth.*]", "x\ngrowth.train", False),
        ("[growth.*, shared-report]", "shared-report", True),
        ("[]", "growth.train", False),
        ("['*']", "anything", True),
        ("['[!a]*']", "anything", False),
    ],
)
def test_a_name_fits_as_it_is_written(allowed: str, name: str, fits: bool) -> None:
    file = limits(f"{{growth: {{names: {allowed}}}}}")
    found = list(beyond_limits("growth", [Use("names", name)], [file]))
    assert (found == []) is fits
    assert all(each.written == Location("p.yaml", 3, 28) for each in found)


def test_each_file_counts_and_what_is_absent_is_not_limited() -> None:
    files = [limits("{growth: {pools: [a, b]}}"), limits("{growth: {pools: [b, c]}}"), limits("{}", "allow")]
    uses_ = [Use("pools", pool) for pool in ("a", "b", "c")] + [Use("images", "any")]
    assert [each.use.value for each in beyond_limits("growth", uses_, files)] == ["c", "a"]


def test_a_project_that_is_not_listed_may_deploy_only_where_others_may() -> None:
    environment = made.environment(location=Location("m.yaml", 4, 3))
    (found,) = unlisted_project("Growth", environment, [limits("{growth: {}}")])
    assert (found.code, found.location, found.hint) == (
        "unlisted-project",
        Location("m.yaml", 4, 3),
        "did you mean 'growth'?",
    )
    assert list(unlisted_project("Growth", environment, [limits("{growth: {}}", "allow")])) == []
    assert list(beyond_limits("Growth", [Use("pools", "x")], [limits("{growth: {pools: []}}", "allow")])) == []


@pytest.mark.parametrize(("action", "severity"), [("create", "error"), ("update", "error"), ("none", "warning")])
def test_what_does_not_change_stops_no_apply(action: Any, severity: str) -> None:
    (beyond,) = beyond_limits("growth", [Use("namespaces", "gr\u043ewth")], [limits("{growth: {namespaces: []}}")])
    change = Change("prod/train", "prod", action, "Train", "Train.py")
    found = violation("growth", beyond, change, ["start", "fit"], "m.yaml:3:1")
    assert (found.policy, found.address, found.severity) == ("mfdeploy-projects.yaml", "prod/train", severity)
    assert found.message == (
        "the Kubernetes namespace 'gr\\u043ewth' is not allowed to the project 'growth' (namespaces: none), for steps"
        " start, fit"
    )
    assert found.hint == "use an allowed one, or ask whoever owns p.yaml:3:33 to add it"

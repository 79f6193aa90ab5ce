"""Rendered DAGs with kubernetes compute in real Airflows: they import, and their pods are what Kubernetes takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import kubernetes_validate
import pytest

from deployer.models.deployment import Schedule
from deployer.models.flow import Retries
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.pod_manifest import pod_manifests
from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import Airflow, Home, installed, new_home
from tests.kubernetes.compared import comparable, variables_of
from tests.renderer import flows
from tests.renderer.test_golden import CASES, package_of

pytestmark = pytest.mark.airflow

EVERY_ATTRIBUTE = {
    "cpu": "2.5",
    "memory": "8000",
    "disk": "20000",
    "gpu": "2",
    "gpu_vendor": "amd",
    "image": "registry.example/ml:1",
    "image_pull_policy": "Always",
    "image_pull_secrets": ["regcred"],
    "service_account": "trainer",
    "namespace": "ml-jobs",
    "secrets": ["one", "two"],
    "node_selector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule", "toleration_seconds": 30}],
    "labels": {"team": "growth"},
    "annotations": {"note": "costs $(MONEY) {{ ds }}"},
    "use_tmpfs": True,
    "tmpfs_size": "512",
    "tmpfs_path": "/scratch",
    "persistent_volume_claims": {"models": "/models"},
    "shared_memory": 2048,
    "port": 8080,
    "qos": "Guaranteed",
    "extended_resources": {"vpc.amazonaws.com/efa": "1"},
    "security_context": {"run_as_user": 1000, "allow_privilege_escalation": False, "privileged": False},
}


def write(home: Home) -> None:
    for name, case in CASES.items():
        deployment, flow = case()
        (home.dags / f"{name}.py").write_text(render(deployment, flow, package_of(flow)))
    flow = flows.with_pods(flows.linear(), start=EVERY_ATTRIBUTE)
    flow = flows.with_step(flow, "start", environment={"TEXT": "$(HOME) $$ {{ ds }}"}, retries=Retries(2, 1.5))
    hourly = {"dag_id": "hourly", "schedule": Schedule(cron="hourly")}
    missed = {"dag_id": "missed", "schedule": Schedule(cron="daily"), "catchup": True, "start_date": "2025-02-27"}
    for changes in ({"dag_id": "every"}, hourly, missed):
        deployment = flows.kubernetes(**changes)
        assert check(deployment, flow) == []
        text = render(deployment, flow, flows.package(flow), since=datetime.now(timezone.utc))
        (home.dags / f"{dag_id(deployment, flow)}.py").write_text(text)


@pytest.fixture(scope="module")
def home(airflow_home: Callable[..., Home]) -> Home:
    made = airflow_home()
    write(made)
    return made


@pytest.fixture(scope="module")
def answer(home: Home) -> dict[str, Any]:
    return home.ask()


def test_the_files_import_and_warn_of_nothing(answer: dict[str, Any]) -> None:
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    assert len(answer["dags"]) == len(CASES) + 3


def test_a_second_parse_gives_the_same_dag(answer: dict[str, Any], home: Home) -> None:
    """Another one would make Airflow 3 store a new version of the DAG at every parse."""
    assert home.ask()["serialized"] == answer["serialized"]


def test_pods_are_what_kubernetes_expects(answer: dict[str, Any]) -> None:
    pods = {
        (name, step): task["pod"]
        for name, dag in answer["dags"].items()
        for step, task in dag["tasks"].items()
        if task["pod"]
    }
    assert pods
    for where, pod in pods.items():
        try:
            kubernetes_validate.validate(pod, "1.31", strict=True)
        except kubernetes_validate.ValidationError as error:
            raise AssertionError(f"{where}: {error}") from error


def test_the_pod_of_a_check_is_the_operators(answer: dict[str, Any]) -> None:
    """That of `--check-cluster`, for every attribute and for every kind of graph."""
    flow = flows.with_pods(flows.linear(), start=EVERY_ATTRIBUTE)
    flow = flows.with_step(flow, "start", environment={"TEXT": "$(HOME) $$ {{ ds }}"}, retries=Retries(2, 1.5))
    every = flows.kubernetes(dag_id="every"), flow
    compared = 0
    for deployment, flow in [every, *(case() for case in CASES.values())]:
        if deployment.environment.compute != "kubernetes":
            continue
        tasks = answer["dags"][dag_id(deployment, flow)]["tasks"]
        for step, manifest in pod_manifests(deployment, flow).items():
            sent = tasks[step]["pod"]
            assert comparable(manifest, labelled=False) == comparable(sent, labelled=False), step
            # The runner gives the variables that are the step's own.
            known = variables_of(manifest)
            own = variables_of(sent)
            assert {name: known.get(name) for name in own} == own, step
            compared += 1
    assert compared > 10


def test_every_attribute_of_the_code_reaches_the_pod(answer: dict[str, Any]) -> None:
    pod = answer["dags"]["every"]["tasks"]["start"]["pod"]
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert pod["metadata"]["namespace"] == "ml-jobs"
    assert pod["metadata"]["labels"]["team"] == "growth"
    assert pod["metadata"]["annotations"]["note"] == "costs $(MONEY) {{ ds }}"
    assert spec["serviceAccountName"] == "trainer"
    assert spec["nodeSelector"] == {"kubernetes.io/arch": "amd64"}
    assert spec["tolerations"] == [
        {"key": "gpu", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 30}
    ]
    assert spec["imagePullSecrets"] == [{"name": "regcred"}]
    assert spec["restartPolicy"] == "Never"
    assert {volume["name"] for volume in spec["volumes"]} == {"tmpfs-ephemeral-volume", "dhsm", "models"}
    assert container["image"] == "registry.example/ml:1"
    assert container["imagePullPolicy"] == "Always"
    assert container["ports"] == [{"containerPort": 8080}]
    assert container["envFrom"] == [{"secretRef": {"name": "one"}}, {"secretRef": {"name": "two"}}]
    assert container["securityContext"] == {
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "privileged": False,
    }
    amounts = {"cpu": "2.5", "memory": "8000M", "ephemeral-storage": "20000M", "vpc.amazonaws.com/efa": "1"}
    assert container["resources"] == {"requests": amounts, "limits": {**amounts, "amd.com/gpu": "2"}}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/scratch", "/dev/shm", "/models"}
    variables = {item["name"]: item.get("value") for item in container["env"]}
    assert variables["TEXT"] == "$$(HOME) $$$$ {{ ds }}"
    assert variables["METAFLOW_TEMPDIR"] == "/scratch"
    assert "METAFLOW_KUBERNETES_POD_NAME" in variables
    assert container["args"] == [flows.SCRIPT.replace("$", "$$")]


def test_a_pod_has_one_container(answer: dict[str, Any]) -> None:
    """Also that of a foreach or a switch."""
    pods = {
        (name, step): task["pod"]["spec"]["containers"]
        for name, dag in answer["dags"].items()
        for step, task in dag["tasks"].items()
        if task["pod"]
    }
    assert [where for where, containers in pods.items() if len(containers) > 1] == []
    assert {("nested.pods", "pick"), ("nested.pods", "spread")} <= set(pods)


def test_the_cluster_ends_a_pod_at_the_limit_of_its_step(answer: dict[str, Any]) -> None:
    """And Airflow ends the task later: after the pod has waited for a node and for its image as long as it may."""
    tasks = answer["dags"]["growth.test.pr-12.TrainFlow"]["tasks"]
    limits = {step: tasks[step]["pod"]["spec"]["activeDeadlineSeconds"] for step in ("up", "end")}
    assert limits == {"up": 3600, "end": 5 * 86400}
    later = {step: tasks[step]["execution_timeout"] - limit for step, limit in limits.items()}
    assert later == {"up": 2 * 6 * 3600 + 300, "end": 2 * 3600 + 300}


def test_settings_of_the_dag(answer: dict[str, Any]) -> None:
    dag = answer["dags"]["growth.test.pr-12.TrainFlow"]
    assert dag["max_active_runs"] == 1
    assert dag["max_active_tasks"] == 5 * 500 + 4
    assert dag["is_paused_upon_creation"] is False
    assert dag["catchup"] is False
    assert dag["params"]["dry_run"]["type"] == "boolean"
    assert dag["defaults"]["layers"] == [64, 32]
    up = dag["tasks"]["up"]
    assert (up["retries"], up["retry_delay"]) == (4, 120)
    assert up["max_active_tis_per_dagrun"] == 500
    assert up["pool"] == "ml"


def test_a_new_dag_makes_no_run_of_the_past(answer: dict[str, Any]) -> None:
    dag = answer["dags"]["hourly"]
    runs = [datetime.fromisoformat(run) for run in dag["next_runs"]["runs"]]
    assert len(runs) == 4
    assert runs[0] >= datetime.fromisoformat(dag["start_date"])


def test_catchup_makes_the_runs_since_the_start_date(answer: dict[str, Any]) -> None:
    runs = answer["dags"]["missed"]["next_runs"]["runs"]
    assert [run[:10] for run in runs] == ["2025-02-27", "2025-02-28", "2025-03-01", "2025-03-02"]


def test_the_oldest_airflow_reads_the_same_files(tmp_path_factory: pytest.TempPathFactory) -> None:
    airflow: Airflow = installed("2.10.5")
    folder = tmp_path_factory.mktemp("oldest")
    oldest = new_home(airflow, folder, folder / "dags")
    write(oldest)
    answer = oldest.ask()
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    assert json.loads(answer["serialized"]["every"])

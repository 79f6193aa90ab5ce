"""Whole DAG files, as a reviewer reads them. ``pytest --rewrite`` writes them anew."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.manifest.keys import PackageSettings
from deployer.manifest.notify_keys import NotifySettings
from deployer.models.deployment import ClusterAccess, Deployment, PodSettings, Schedule
from deployer.models.flow import (
    Code,
    Decorator,
    Flow,
    FlowSchedule,
    Hook,
    Package,
    Parameter,
    ProjectNames,
    Retries,
    Sensor,
    Trigger,
)
from deployer.orchestrators.airflow import hooks, notifications
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.render import render
from deployer.orchestrators.airflow.tasks import RESERVED
from tests.renderer import flows

GOLDEN = Path(__file__).with_name("golden")


def local_foreach() -> tuple[Deployment, Flow]:
    """The smallest foreach, on the worker."""
    laptop = flows.environment(name="local", production=False)
    return flows.deployment(environment=laptop), flows.fan()


def kubernetes_linear() -> tuple[Deployment, Flow]:
    """Two steps in pods, on the schedule of the code, which is written in the form of AWS."""
    schedule = FlowSchedule("0 10 * * ? *", "Europe/Helsinki", 4)
    return flows.kubernetes(), flows.with_pods(flows.linear(schedule=schedule))


def kubernetes_everything() -> tuple[Deployment, Flow]:
    """A training flow with all that the manifest and the code can ask for."""
    parameters = (
        Parameter("alpha", "number", 8, default=0.05, help="Learning rate"),
        Parameter("layers", "json", 9, default=[64, 32], help="Units of each hidden layer"),
        Parameter("dry_run", "boolean", 10, default=False),
        Parameter("source", "string", 11, deploy_time=True),
        Parameter("note", "string", 12),
    )
    flow = flows.wide_fan(
        name="TrainFlow",
        parameters=parameters,
        project=ProjectNames("growth", "test.pr-12", "growth.test.pr-12.TrainFlow"),
        decorators=(Decorator("project", {"name": "growth"}),),
        doc="Trains one model for each market.\n\nAsk `#growth` before you change it.",
    )
    gpu = {
        "cpu": "8",
        "memory": "32000",
        "gpu": "1",
        "image": "acme/gpu:3",
        "tolerations": [{"key": "gpu", "operator": "Exists", "toleration_seconds": 60}],
        "node_selector": {"pool": "gpu"},
        "secrets": ["wandb"],
        "shared_memory": 1024,
        "labels": {"team": "growth"},
    }
    flow = flows.with_pods(flow, up=gpu, down=gpu, gather={"persistent_volume_claims": {"models": "/models"}})
    flow = flows.with_step(flow, "up", retries=Retries(3, 2, 1), timeout_seconds=3600, doc="Fits on the GPU.")
    flow = flows.with_step(flow, "down", environment={"OMP_NUM_THREADS": "8"}, options=("--with", "card"))
    deployment = flows.kubernetes(
        schedule=Schedule(cron="30 4 * * 1-5", timezone="Europe/Helsinki"),
        parameters={"alpha": 0.01},
        max_workers=500,
        max_active_runs=1,
        tags=("team:growth", "tier:1"),
        namespace="growth",
        workflow_timeout=6 * 3600,
        worker_pool="ml",
        priority=5,
        paused=False,
        display_name="Training (nightly)",
        package=PackageSettings(only="imports", include=("sql/*.sql",)),
        kubernetes=PodSettings(on_finish_action="delete_succeeded_pod"),
        steps={"up": PodSettings(startup_timeout_seconds=6 * 3600, on_finish_action="keep_pod")},
        description="Nightly training",
        entry={"file": "flows/train.py", "schedule": {"cron": "30 4 * * 1-5"}, "parameters": {"alpha": 0.01}},
    )
    there = {"name": "staging", "production": False, "kubernetes": ClusterAccess(connection="ml_cluster")}
    environment = deployment.environment.model_copy(update=there)
    return deployment.model_copy(update={"environment": environment}), flow


HOOKS = (Hook("alerts.page", "error"), Hook("tell", "error"), Hook("tell", "success"))


def local_hooks() -> tuple[Deployment, Flow]:
    """Three functions that are called when a run has ended, one of them of another module."""
    return flows.deployment(dag_id="hooks"), flows.branches(hooks=HOOKS)


def kubernetes_hooks() -> tuple[Deployment, Flow]:
    """The same in pods, one with an image of its own, after steps inside of a foreach."""
    found = (*HOOKS[:2], Hook("tell", "success", image="acme/tell:1"))
    flow = flows.with_pods(flows.fan(hooks=found), start={"memory": "32000", "secrets": ["slack"]})
    return flows.kubernetes(dag_id="hooks.pods"), flow


def local_parallel() -> tuple[Deployment, Flow]:
    """A parallel step, whose workers its task starts."""
    return flows.deployment(dag_id="parallel"), flows.parallel()


def local_notifying() -> tuple[Deployment, Flow]:
    """People who are told of all that there is, in each way that there is."""
    hook = {"webhook": {"connection": "ml_hooks", "endpoint": "hooks/ml"}}
    notify = {
        "failure": [
            {"slack": {"connection": "slack_ml", "channel": "#ml"}},
            {"pagerduty": {"connection": "pagerduty_ml", "severity": "critical"}},
            {"email": {"to": ["ml-team@example.com"], "from": "airflow@example.com", "connection": "mail"}},
        ],
        "success": [{"slack_webhook": {"connection": "slack_hook"}}],
        "retry": [hook],
        "late": {"after": "2h", "notify": [hook]},
    }
    return flows.deployment(dag_id="notifying", notify=NotifySettings.model_validate(notify)), flows.branches()


def local_nested() -> tuple[Deployment, Flow]:
    """A foreach inside of a foreach, for the items that choose it."""
    return flows.deployment(dag_id="nested"), flows.nested()


def kubernetes_nested() -> tuple[Deployment, Flow]:
    """The same in pods."""
    return flows.kubernetes(dag_id="nested.pods"), flows.with_pods(flows.nested())


def kubernetes_waiting() -> tuple[Deployment, Flow]:
    """Three things that must be there before two steps run in pods."""
    common = {
        "timeout": 3600,
        "poke_interval": 60,
        "mode": "reschedule",
        "exponential_backoff": True,
        "soft_fail": False,
    }
    states = {"allowed_states": ["success"], "failed_states": ["failed", "upstream_failed"], "check_existence": True}
    sensors = (
        Sensor("S3KeySensor-1a2b", "s3_key", 3, {**common, "bucket_key": "s3://acme/{{ ds }}/_SUCCESS", "pool": "s3"}),
        Sensor("manual", "s3_key", 4, {"bucket_name": "acme", "bucket_key": ["a*", "b*"], "wildcard_match": True}),
        Sensor(
            "upstream",
            "external_task",
            5,
            {**common, **states, "external_dag_id": "LoadFlow", "external_task_ids": ["end"], "execution_delta": 3600},
        ),
    )
    return flows.kubernetes(dag_id="waiting.pods"), flows.with_pods(flows.linear(sensors=sensors))


def local_waiting() -> tuple[Deployment, Flow]:
    """Another DAG must have run before a switch."""
    sensor = Sensor("upstream", "external_task", 5, {"external_dag_id": "LoadFlow", "description": "The load."})
    return flows.deployment(dag_id="waiting", worker_pool="ml"), flows.nested(sensors=(sensor,))


def local_events() -> tuple[Deployment, Flow]:
    """Two events and a cron, with values for parameters in the events."""
    parameters = (
        Parameter("region", "string", 8, required=True, default=None),
        Parameter("limit", "integer", 9, default=10),
    )
    triggers = (
        Trigger("event", "orders.arrived", parameters={"region": "area"}, line=3),
        Trigger("event", "prices", parameters={"limit": "most"}, line=3),
    )
    flow = flows.linear(parameters=parameters, triggers=triggers)
    schedule = Schedule(cron="0 3 * * *")
    return flows.deployment(dag_id="events", schedule=schedule, parameters={"region": "north"}), flow


def kubernetes_after() -> tuple[Deployment, Flow]:
    """After two other flows, in pods."""
    names = ("metaflow.FeaturesFlow.end", "metaflow.growth.prod.LabelsFlow.end")
    triggers = tuple(Trigger("run", name, line=3) for name in names)
    return flows.kubernetes(dag_id="after.pods"), flows.with_pods(flows.linear(triggers=triggers))


def kubernetes_publishing() -> tuple[Deployment, Flow]:
    """Steps that publish events, in a foreach too."""
    code = Code({"train.py": "0" * 16}, "2.19.39", "1" * 16, imports=("metaflow.integrations.ArgoEvent",))
    return flows.kubernetes(dag_id="publishing.pods"), flows.with_pods(flows.fan(code=code))


def local_publishing() -> tuple[Deployment, Flow]:
    """The same in processes of the worker, in a flow without a foreach."""
    code = Code({"train.py": "0" * 16}, "2.19.39", "1" * 16, imports=("metaflow.integrations",))
    return flows.deployment(dag_id="publishing"), flows.linear(code=code)


_ALL = (
    *(local_foreach, local_nested, local_waiting, local_events, kubernetes_after),
    *(local_publishing, kubernetes_publishing, local_parallel),
    *(local_hooks, kubernetes_hooks, local_notifying),
    *(kubernetes_linear, kubernetes_everything, kubernetes_nested, kubernetes_waiting),
)
CASES = {case.__name__: case for case in _ALL}


def package_of(flow: Flow) -> Package:
    """The script as the compiler writes it is not this room's business; any will do."""
    script = "set -e && cd /metaflow && python -m mfdeploy_task train.py"
    return flows.package(flow, script, parameters={"source": "s3://acme/markets.csv"})


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, pytestconfig: pytest.Config) -> None:
    deployment, flow = CASES[name]()
    assert check(deployment, flow) == []
    text = render(deployment, flow, package_of(flow))
    path = GOLDEN / f"{name}.py"
    if pytestconfig.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("name", CASES)
def test_the_file_is_plain_airflow(name: str) -> None:
    deployment, flow = CASES[name]()
    text = render(deployment, flow, package_of(flow))
    tree = ast.parse(text)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    plain = {"__future__", "airflow", "datetime", "difflib", "hashlib", "json", "pathlib", "sys", "tempfile"}
    assert imported <= plain | ({"html", "importlib", "logging", "urllib"} if deployment.notify.written() else set())
    assert "base64" not in text and "dag" in text.lower() and "airflow" in text
    assert dag_id(deployment, flow) in text


@pytest.mark.parametrize("name", CASES)
def test_no_name_of_the_preamble_can_be_hidden_by_a_step(name: str) -> None:
    deployment, flow = CASES[name]()
    tree = ast.parse(render(deployment, flow, package_of(flow)))
    bound: set[str] = set()
    reserved = RESERVED | (hooks.RESERVED if flow.hooks else set()) | {*notifications.reserved(deployment)}
    for node in tree.body:
        if isinstance(node, ast.With):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                bound |= {alias.asname or alias.name for alias in inner.names}
        if isinstance(node, ast.Assign):
            bound |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
    assert bound <= reserved


def test_the_same_input_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from tests.renderer.test_golden import *\n"
        "deployment, flow = kubernetes_everything()\n"
        "print(render(deployment, flow, package_of(flow)), end='')"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {(GOLDEN / "kubernetes_everything.py").read_bytes()}

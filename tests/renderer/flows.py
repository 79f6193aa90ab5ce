"""Flows and deployments written by hand, as the compiler and the manifests would give them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from deployer.errors import Location
from deployer.models.deployment import Deployment, Environment, ResolvedPath
from deployer.models.flow import Code, Flow, Package, Parameter, Step

POD = {
    "cpu": "1",
    "memory": "4096",
    "disk": "10240",
    "image": "python:3.12",
    "qos": "Burstable",
    "gpu_vendor": "nvidia",
    "tmpfs_path": "/metaflow_temp",
    "tmpfs_tempdir": True,
    "hostname_resolution_timeout": 600,
    "service_account": "metaflow",
    "namespace": "ml",
}

# What the compiler's script stands for: it writes down what it was given, and how many items a foreach has.
SCRIPT = (
    "set -eu && "
    'echo "step $METAFLOW_STEP_NAME" && '
    'mkdir -p "$SEEN" && '
    'env -0 > "$SEEN/$METAFLOW_STEP_NAME.$METAFLOW_TASK_ID.$METAFLOW_RETRY_COUNT" && '
    'if [ "$METAFLOW_RETRY_COUNT" -lt "${FAILURES:-0}" ]; then exit "${CODE:-3}"; fi && '
    'if [ -n "${SPLITS:-}" ]; then printf \'{"splits": %s, "values": %s}\' "$SPLITS" "${VALUES:-null}"'
    ' > "$MFDEPLOY_RESULT_FILE"; fi'
)


def environment(**changes: Any) -> Environment:
    given: dict[str, Any] = {
        "name": "prod",
        "project": "growth",
        "target": ResolvedPath("../build/dags", "/srv/build/dags"),
        "compute": "local",
        "datastore": ResolvedPath("../build/metaflow", "/srv/build/metaflow"),
        "datastore_type": "local",
        "production": True,
    }
    return Environment(**{**given, **changes})


def deployment(**changes: Any) -> Deployment:
    given: dict[str, Any] = {
        "name": "train",
        "environment": environment(),
        "file": ResolvedPath("flows/train.py", str(Path.cwd() / "deployments/flows/train.py")),
        "location": Location("deployments/flows.yaml", 30, 3),
        "owner": "growth",
        "tags": ("team:growth",),
        "entry": {"file": "flows/train.py", "max_workers": 100},
        "sources": {
            "schedule.cron": Location("deployments/flows.yaml", 33, 22),
            "parameters.alpha": Location("deployments/flows.yaml", 35, 18),
        },
    }
    return Deployment(**{**given, **changes})


def kubernetes(**changes: Any) -> Deployment:
    return deployment(environment=environment(compute="kubernetes", datastore_type="s3"), **changes)


def flow(*steps: Step, **changes: Any) -> Flow:
    given: dict[str, Any] = {
        "name": "TrainFlow",
        "file": "flows/train.py",
        "line": 5,
        "doc": "Trains a model.",
        "start": steps[0].name,
        "end": steps[-1].name,
        "steps": steps,
        "parameters": (),
        "code": Code({"train.py": "0" * 16}, "2.19.39", "1" * 16),
        "environment": {"METAFLOW_FLOW_NAME": "TrainFlow", "METAFLOW_DEFAULT_DATASTORE": "local"},
    }
    return Flow(**{**given, **changes})


def package(of: Flow, script: str = SCRIPT, **changes: Any) -> Package:
    given: dict[str, Any] = {
        "url": "s3://acme-metaflow/prod/TrainFlow/data/ab/abcdef",
        "sha": "abcdef",
        "scripts": {step.name: script for step in of.steps},
        "environment": {"METAFLOW_CODE_SHA": "abcdef"},
    }
    return Package(**{**given, **changes})


def with_pods(of: Flow, **by_step: dict[str, Any]) -> Flow:
    steps = [dataclasses.replace(step, pod={**POD, **by_step.get(step.name, {})}) for step in of.steps]
    return dataclasses.replace(of, steps=tuple(steps))


def linear(**changes: Any) -> Flow:
    return flow(
        Step("start", "linear", 10, next=("end",)),
        Step("end", "end", 14, previous=("start",)),
        **changes,
    )


def branches(**changes: Any) -> Flow:
    return flow(
        Step("start", "split", 10, next=("up", "down")),
        Step("up", "linear", 14, next=("join",), previous=("start",)),
        Step("down", "linear", 18, next=("join",), previous=("start",)),
        Step("join", "join", 22, next=("end",), previous=("up", "down"), joins="start"),
        Step("end", "end", 26, previous=("join",)),
        **changes,
    )


def fan(**changes: Any) -> Flow:
    return flow(
        Step("start", "foreach", 10, next=("fit",), foreach_over="items"),
        Step("fit", "linear", 14, next=("join",), previous=("start",), foreaches=("start",)),
        Step("join", "join", 18, next=("end",), previous=("fit",), joins="start"),
        Step("end", "end", 22, previous=("join",)),
        **changes,
    )


def parallel(**changes: Any) -> Flow:
    """One step that runs as several tasks of Metaflow's at a time."""
    return flow(
        Step("start", "parallel", 10, next=("fit",)),
        Step("fit", "linear", 14, next=("join",), previous=("start",), parallel=True),
        Step("join", "join", 18, next=("end",), previous=("fit",), joins="start"),
        Step("end", "end", 22, previous=("join",)),
        **changes,
    )


def wide_fan(**changes: Any) -> Flow:
    """A foreach whose body is several steps with a split inside, and steps before and after."""
    inside: dict[str, Any] = {"foreaches": ("pick",)}
    return flow(
        Step("start", "linear", 10, next=("pick",)),
        Step("pick", "foreach", 14, next=("load",), previous=("start",), foreach_over="items"),
        Step("load", "split", 18, next=("up", "down"), previous=("pick",), **inside),
        Step("up", "linear", 22, next=("meet",), previous=("load",), **inside),
        Step("down", "linear", 26, next=("meet",), previous=("load",), **inside),
        Step("meet", "join", 30, next=("check",), previous=("up", "down"), joins="load", **inside),
        Step("check", "linear", 34, next=("gather",), previous=("meet",), **inside),
        Step("gather", "join", 38, next=("end",), previous=("check",), joins="pick"),
        Step("end", "end", 42, previous=("gather",)),
        **changes,
    )


def nested(**changes: Any) -> Flow:
    """A foreach whose items choose between a foreach of their own and a step."""
    outer: dict[str, Any] = {"foreaches": ("start",)}
    inner: dict[str, Any] = {"foreaches": ("start", "spread")}
    cases = {"many": "spread", "none": "skip"}
    return flow(
        Step("start", "foreach", 10, next=("pick",), foreach_over="regions"),
        Step(
            "pick", "switch", 14, next=("spread", "skip"), previous=("start",), condition="kind", cases=cases, **outer
        ),
        Step("spread", "foreach", 18, next=("fit",), previous=("pick",), foreach_over="stores", **outer),
        Step("fit", "linear", 22, next=("best",), previous=("spread",), **inner),
        Step("best", "join", 26, next=("sum_up",), previous=("fit",), joins="spread", **outer),
        Step("skip", "linear", 30, next=("sum_up",), previous=("pick",), **outer),
        Step("sum_up", "linear", 34, next=("join",), previous=("best", "skip"), **outer),
        Step("join", "join", 38, next=("end",), previous=("sum_up",), joins="start"),
        Step("end", "end", 42, previous=("join",)),
        **changes,
    )


def with_step(of: Flow, name: str, **changes: Any) -> Flow:
    steps = [dataclasses.replace(step, **changes) if step.name == name else step for step in of.steps]
    return dataclasses.replace(of, steps=tuple(steps))


def parameters(*found: Parameter) -> tuple[Parameter, ...]:
    return found


def seen(folder: Path) -> dict[str, dict[str, str]]:
    """The environments that tasks of the script above were given, by file name."""
    return {
        path.name: dict(entry.split("=", 1) for entry in path.read_text().split("\0") if "=" in entry)
        for path in sorted(folder.iterdir())
    }


def tags_of(variables: dict[str, str]) -> list[str]:
    return list(json.loads(variables["METAFLOW_TAGS"]))

"""Deployments and flows made by hand, for tests of what is done with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from deployer.description import describe
from deployer.errors import Location
from deployer.models.deployment import Deployment, Environment, ResolvedPath, Schedule
from deployer.models.desired import Deployed, Desired, EnvironmentState
from deployer.models.flow import Code, Flow, Parameter, Retries, Step
from deployer.models.record import Provenance, Record

FILES = {"train.py": "1111111111111111", "helper.py": "2222222222222222"}


def environment(name: str = "prod", **values: Any) -> Environment:
    return Environment(
        **{
            "name": name,
            "project": "growth",
            "target": ResolvedPath("../build/dags", "/srv/build/dags"),
            "compute": "local",
            "datastore": ResolvedPath("../build/metaflow", "/srv/build/metaflow"),
            "datastore_type": "local",
            **values,
        }
    )


def deployment(name: str = "train", **values: Any) -> Deployment:
    return Deployment(
        **{
            "name": name,
            "environment": environment(),
            "file": ResolvedPath("flows/train.py", "/srv/flows/train.py"),
            "location": Location("deployments/mfdeploy.yaml", 12, 3),
            "owner": "growth",
            **values,
        }
    )


def flow(**values: Any) -> Flow:
    steps = (
        Step("start", "linear", 8, next=("end",), retries=Retries(times=3, minutes_between=2)),
        Step("end", "end", 13, previous=("start",)),
    )
    return Flow(
        **{
            "name": "TrainFlow",
            "file": "flows/train.py",
            "line": 4,
            "doc": "Train.",
            "start": "start",
            "end": "end",
            "steps": steps,
            "parameters": (Parameter("alpha", "number", 6, default=0.01),),
            "code": Code(FILES, "2.19.39", "f" * 64),
            **values,
        }
    )


def desired(
    made: Deployment | None = None,
    compiled: Flow | None = None,
    name: str = "TrainFlow",
    cron: str | tuple[str, ...] | None = None,
) -> Desired:
    made, compiled = made or deployment(), compiled or flow()
    schedule = Schedule(cron=cron, timezone="UTC") if cron else None
    return Desired(made, compiled, name, f"{name}.py", describe(made, compiled, schedule, 1, "r" * 16))


def record_of(item: Desired, **values: Any) -> Record:
    made = Record(
        owner=item.deployment.environment.project,
        environment=item.deployment.environment.name,
        address=item.deployment.address,
        name=item.name,
        description=item.description,
        body_digest="",
        since="2026-01-01T00:00:00+00:00",
        provenance=Provenance("ada", "2026-01-01T00:00:00+00:00", "c" * 40, "0.1.0"),
    )
    return replace(made, **values)


def deployed(item: Desired, **values: Any) -> Deployed:
    return Deployed(**{"file": item.file, "version": "v1", "record": record_of(item), **values})


def site(*there: Deployed, **values: Any) -> EnvironmentState:
    return EnvironmentState(
        **{
            "environment": "prod",
            "project": "growth",
            "deployed": there,
            "known": {"prod/train"},
            **values,
        }
    )

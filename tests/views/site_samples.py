"""Catalogues to make pages of."""

from __future__ import annotations

from typing import Any

from deployer.models.description import GraphDescription, StepNode
from deployer.models.site import (
    Site,
    SiteDeployment,
    SiteEnvironment,
    SiteFlow,
    SiteLive,
    SiteParameter,
    SiteRun,
    SiteSchedule,
    SiteSource,
    SiteStart,
    SiteStep,
    SiteVersion,
    page_names,
)

DAILY = SiteSchedule(
    text="At 03:00, Monday through Friday",
    crons=("0 3 * * 1-5",),
    timezone="UTC",
    next_runs=("2026-01-02T03:00+00:00",),
)
VERSION = SiteVersion(
    version="0123456789ab",
    applied_by="ada",
    applied_at="2026-01-01T12:00:00+00:00",
    commit="0123456789abcdef0123456789abcdef01234567",
    commit_url="https://github.com/acme/flows/commit/0123456",
    author="Grace Hopper",
)
RUN = SiteRun(
    run_id="scheduled__2026-01-01",
    state="failed",
    kind="scheduled",
    started_at="2026-01-01T03:00:00Z",
    seconds=312,
    url="https://airflow.acme.example/dags/Train/runs/1",
)


def graph(*names: str) -> GraphDescription:
    """Steps one after the other."""
    following = [*names[1:], None]
    steps = {
        name: StepNode(kind="linear" if to else "end", next=(to,) if to else ())
        for name, to in zip(names, following, strict=True)
    }
    return GraphDescription(start=names[0], end=names[-1], steps=steps)


def deployment(address: str = "prod/train", **changes: Any) -> SiteDeployment:
    """A deployment that is deployed as the manifests say."""
    environment, _, flow = address.partition("/")
    steps = changes.pop("steps", ("start", "fit", "end"))
    values: dict[str, Any] = {
        "environment": environment,
        "address": address,
        "state": "deployed",
        "name": flow.title(),
        "url": f"https://airflow.acme.example/dags/{flow.title()}",
        "flow_class": f"{flow.title()}Flow",
        "project": "growth",
        "owner": "growth-team",
        "tags": ("team:growth",),
        "compute": "kubernetes",
        "schedule": DAILY,
        "parameters": (
            SiteParameter(name="alpha", type="number", required=False, default=0.1, help="The learning rate."),
        ),
        "graph": graph(*steps),
        "steps": tuple(
            SiteStep(
                name=name,
                doc=f"Does what {name} does.",
                retries=2,
                timeout_seconds=3600,
                resources={"cpu": "2", "memory": "8192", "gpu": "1", "image": "registry.acme.example/train:1"},
            )
            for name in steps
        ),
        "version": "0123456789ab",
        "deployed": VERSION,
        "live": SiteLive(state="current", paused=False, active_runs=1, import_error="", runs=(RUN,)),
        "manifest": SiteSource(file="deployments/a.yaml", line=3, url="https://github.com/acme/flows/blob/0/a.yaml#L3"),
    }
    return SiteDeployment(**{**values, **changes})


def site(*flows: SiteFlow, **changes: Any) -> Site:
    """A catalogue of flows."""
    environments = sorted({each.environment for flow in flows for each in flow.deployments})
    found = tuple(
        SiteEnvironment(name=name, production=name == "prod", orchestrator="airflow", asked=True, problem="")
        for name in environments
    )
    values = {"project": "growth", "at": "2026-01-01T12:00+00:00", "environments": found, "flows": flows}
    return Site(**{**values, **changes})


def flow(name: str, *deployments: SiteDeployment, doc: str = "") -> SiteFlow:
    """A flow with a page of its own."""
    file = SiteSource(file=f"flows/{name}.py", line=5)
    return SiteFlow(name=name, page=page_names([name])[name], doc=doc, file=file, deployments=deployments)


def small_site() -> Site:
    """Flows in two environments that start each other; one is gone from the manifests, another is broken."""
    after = SiteStart(event="metaflow.Features.end", address="prod/features")
    event = SiteStart(event="orders.arrived")
    starts = SiteStart(event="metaflow.Features.end", address="prod/train")
    others = SiteStart(event="metaflow.Features.end", address="sales:prod/report")
    staging = deployment(
        "staging/train",
        state="changed",
        parameters=(SiteParameter(name="alpha", type="number", required=False, default=0.5, help="The rate."),),
        schedule=None,
        live=None,
    )
    train = deployment(schedule=None, started_by=(after, event))
    features = deployment("prod/features", starts=(starts, others), owner="data-team", tags=("team:data",))
    gone = deployment("prod/old", state="unlisted", manifest=None, version=None, schedule=None)
    broken = SiteDeployment(
        environment="prod",
        address="prod/broken",
        state="broken",
        name="",
        project="growth",
        owner="growth",
        problems=("flows/broken.py:3: error: no module named 'sklaern'",),
    )
    return site(
        flow("broken", broken),
        flow("features", features, doc="Makes the features.\n\nOf all orders."),
        flow("old", gone),
        flow("train", train, staging, doc="Trains a model on the clicks of the day."),
    )

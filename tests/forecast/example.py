"""The example of docs/forecast.md: forty flows that start at midnight, hourly ones beside them, and one that is new."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

from deployer.forecasting.jobs import Assumptions, Limits
from deployer.models.flow import Step
from deployer.models.forecast import Forecast
from deployer.orchestrators.airflow import AirflowOrchestrator
from deployer.pipeline.forecast_side import Time, side_of
from deployer.pipeline.load import Deployment, jobs_of
from tests.plan import made

BEGIN = int(datetime(2026, 3, 2, tzinfo=timezone.utc).timestamp())
DAYS = 7


def pod(cpu: int, memory: int, gpu: int = 0) -> dict[str, Any]:
    return {"cpu": cpu, "memory": memory, **({"gpu": gpu} if gpu else {})}


def steps(gpu: int = 0) -> tuple[Step, ...]:
    return (
        Step("start", "foreach", 1, next=("fit",), pod=pod(1, 4000)),
        Step("fit", "linear", 2, next=("join",), previous=("start",), foreaches=("start",), pod=pod(2, 8000, gpu)),
        Step("join", "join", 3, next=("end",), previous=("fit",), joins="start", pod=pod(1, 4000)),
        Step("end", "end", 4, previous=("join",), pod=pod(1, 4000)),
    )


def deployment(name: str, cron: str, gpu: int = 0, **values: Any) -> Deployment:
    flow = made.flow(steps=steps(gpu))
    environment = made.environment(compute="kubernetes")
    item = made.desired(made.deployment(name, environment=environment), flow, name=name, cron=cron)
    return Deployment(f"prod/{name}", name, item.description, **values)


NOW = [
    *(deployment(f"report_{number:02}", "0 0 * * *") for number in range(1, 41)),
    *(deployment(f"sync_{number}", f"{number * 10} * * * *") for number in range(6)),
    deployment("train", "0 5 * * 1-5", gpu=1),
]
NEW = deployment("forecast_sales", "0 0 * * *", is_new=True)


def example() -> Forecast:
    orchestrator = AirflowOrchestrator()
    time = Time(BEGIN, BEGIN + DAYS * 86_400, ZoneInfo("UTC"))
    limits = Limits(256, {"default_pool": 128})
    sides = [
        side_of(
            jobs_of(found, orchestrator, Assumptions(300, 4), None, time.begin, time.until), limits, time, orchestrator
        )
        for found in (NOW, [*NOW, NEW])
    ]
    return Forecast(
        environment="prod",
        compute="kubernetes",
        begin=time.text(time.begin),
        until=time.text(time.until),
        timezone="UTC",
        slots=limits.slots,
        pools=dict(limits.pools),
        assumptions=("each step takes 5 minutes (--step-minutes), and a foreach has 4 items (--items)",),
        compared=True,
        now=sides[0],
        planned=sides[1],
    )


def unplanned() -> Forecast:
    """The same without the plan."""
    found = example()
    return Forecast(**{**{name: getattr(found, name) for name in Forecast.model_fields}, "planned": None})

"""The catalogue of a small shop, for the pictures of docs/site.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deployer.cli.site_folder import write_site
from deployer.models.description import GraphDescription, StepNode
from deployer.models.site import Site, SiteParameter, SiteRun, SiteSchedule, SiteStart, SiteStep
from deployer.views.html.site import site_to_files
from deployer.views.site_json import site_to_json
from tests.views.site_samples import RUN, deployment, flow, site

SUCCESS = RUN.model_copy(update={"state": "success", "seconds": 1284})
FIT = GraphDescription(
    start="start",
    end="end",
    steps={
        "start": StepNode(kind="linear", next=("load",)),
        "load": StepNode(kind="foreach", next=("fit",), foreach_over="markets"),
        "fit": StepNode(kind="linear", next=("collect",)),
        "collect": StepNode(kind="join", next=("choose",), joins="load"),
        "choose": StepNode(
            kind="switch", next=("publish", "keep"), condition="better", cases={"yes": "publish", "no": "keep"}
        ),
        "publish": StepNode(kind="linear", next=("end",)),
        "keep": StepNode(kind="linear", next=("end",)),
        "end": StepNode(kind="end", next=()),
    },
)
STEPS = {
    "start": ("Chooses the markets.", {"cpu": "1", "memory": "2048"}),
    "load": ("Loads what was sold, one task for each market.", {"cpu": "2", "memory": "8192"}),
    "fit": ("Fits the model of a market.", {"cpu": "8", "memory": "65536", "gpu": "1"}),
    "collect": ("Compares the new models with those in use.", {"cpu": "2", "memory": "8192"}),
    "choose": ("", {"cpu": "1", "memory": "2048"}),
    "publish": ("Hands the better model over.", {"cpu": "1", "memory": "2048"}),
    "keep": ("", {"cpu": "1", "memory": "2048"}),
    "end": ("", {"cpu": "1", "memory": "2048"}),
}


def write_sample(folder: Path) -> None:
    """Write the pages of the shop's catalogue."""
    write_site(folder, site_to_files(site_to_json(_shop())))


def _shop() -> Site:
    nightly, hourly = _at("At 02:15", "15 2 * * *"), _at("Every hour", "0 * * * *")
    weekdays = _at("At 06:30, Monday through Friday", "30 6 * * 1-5")
    after_features = SiteStart(event="metaflow.Features.end", address="prod/features")
    starts = {name: SiteStart(event="e", address=f"prod/{name}") for name in ("train", "forecast", "report")}
    train = {
        "owner": "forecasting",
        "tags": ("team:forecasting", "gpu"),
        "graph": FIT,
        "steps": tuple(STEPS),
        "parameters": _parameters(0.1),
    }
    return site(
        flow("clicks", _of("prod/clicks", hourly, owner="web"), doc="Counts what visitors of the shop clicked on."),
        flow(
            "features",
            _of("prod/features", nightly, starts=(starts["train"],), owner="data"),
            _of("staging/features", None, owner="data"),
            doc="Makes the features of all models from the orders of the day.",
        ),
        flow(
            "forecast",
            _of("prod/forecast", None, started_by=(SiteStart(event="e", address="prod/train"),), owner="forecasting"),
            doc="Says what each market will order next week.",
        ),
        flow("old_report", _of("prod/old_report", nightly, state="unlisted"), doc=""),
        flow("report", _of("prod/report", weekdays, owner="finance"), doc="Sends the numbers of the day before."),
        flow(
            "train",
            _with_steps(_of("prod/train", None, started_by=(after_features,), starts=(starts["forecast"],), **train)),
            _with_steps(_of("staging/train", None, state="changed", **{**train, "parameters": _parameters(0.5)})),
            doc="Fits the models that forecast the orders of each market.\n\n"
            "A model is handed over if it is better than the one in use: see publish.",
        ),
    )


def _at(text: str, cron: str) -> SiteSchedule:
    times = ("2026-01-02T02:15+02:00", "2026-01-03T02:15+02:00")
    return SiteSchedule(text=text, crons=(cron,), timezone="Europe/Helsinki", next_runs=times)


def _of(address: str, schedule: SiteSchedule | None, **changes: Any) -> Any:
    found = deployment(address, schedule=schedule, **{"tags": (), **changes})
    failed: tuple[SiteRun, ...] = (RUN,) if address.endswith("/clicks") else (SUCCESS,)
    return found.model_copy(update={"live": found.live and found.live.model_copy(update={"runs": failed})})


def _with_steps(found: Any) -> Any:
    steps = [
        SiteStep(name=name, doc=doc, retries=2 if name == "fit" else 0, timeout_seconds=3600, resources=resources)
        for name, (doc, resources) in STEPS.items()
    ]
    return found.model_copy(update={"steps": tuple(steps), "graph": FIT})


def _parameters(rate: float) -> tuple[SiteParameter, ...]:
    return (
        SiteParameter(name="markets", type="string", required=False, default="fi,se,no", help="Comma-separated."),
        SiteParameter(name="rate", type="number", required=False, default=rate, help="The learning rate."),
    )

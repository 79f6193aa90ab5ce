"""How long a forecast of a month of many flows takes, against reading what is deployed.

No flow is compiled: the DAG files are made from descriptions. One flow of ten runs hourly, the others daily, all in
minutes of their own; each has a foreach, and its steps take five minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from deployer.models.desired import Desired
from deployer.models.flow import Step
from tests.bench.rows import Row, compared
from tests.bench.timing import by_turns
from tests.bench.workbench import MFDEPLOY, Workbench
from tests.history.applying import AppliedFolder
from tests.plan import made

SIZE, DAYS = 1000, 30
_STEPS = (
    Step("start", "foreach", 1, next=("fit",)),
    Step("fit", "linear", 2, next=("join",), previous=("start",), foreaches=("start",), pod={"cpu": 2, "memory": 8000}),
    Step("join", "join", 3, next=("score",), previous=("fit",), joins="start"),
    Step("score", "linear", 4, next=("end",), previous=("join",)),
    Step("end", "end", 5, previous=("score",)),
)


@dataclass
class _Deployed(AppliedFolder):
    def _item(self, name: str, cron: str | tuple[str, ...]) -> Desired:
        deployment = made.deployment(name, environment=self.environment)
        return made.desired(deployment, made.flow(steps=_STEPS), name=name.title(), cron=cron)


def cron(number: int) -> str:
    """The schedule of a flow."""
    return f"{number % 60} * * * *" if number % 10 == 0 else f"{number % 60} {number % 24} * * *"


def rows(bench: Workbench) -> Iterator[Row]:
    """With room for everything, with too little of it at times, and with too little for most of the month."""
    folder = bench.folder / "forecast"
    folder.mkdir()
    site = _Deployed(folder)
    crons: dict[str, Any] = {f"flow{number:04}": cron(number) for number in range(SIZE)}
    site.apply(**crons)
    manifests = site.selection.manifests
    for slots, what in ((0, "room for everything"), (250, "slots short at times"), (128, "slots always short")):
        turns = by_turns(partial(_forecast, bench, manifests, slots), partial(_status, bench, manifests), 1)
        case = f"forecast of {DAYS} days of {SIZE:,} flows, {what}"
        yield compared(case, turns, "`mfdeploy status` of them")


def _forecast(bench: Workbench, manifests: Path, slots: int) -> float:
    pool = f"default_pool={slots or 1_000_000}"
    options = ("--deployed", "--offline", "--days", str(DAYS), "--slots", str(slots), "--pool", pool)
    return bench.seconds(MFDEPLOY, "forecast", "--manifests", manifests, *options)


def _status(bench: Workbench, manifests: Path) -> float:
    return bench.seconds(MFDEPLOY, "status", "--manifests", manifests)

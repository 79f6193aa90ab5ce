"""How long plans and applies of many flows take, against Metaflow's own command for each flow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench import corpus
from tests.bench.rows import Row, compared
from tests.bench.timing import Turns, by_turns, peak_memory
from tests.bench.workbench import Workbench
from tests.s3 import client

SIZES = tuple(int(size) for size in os.environ.get("MFDEPLOY_BENCH_SIZES", "100,1000,5000").split(","))
# Above this, flows are only planned: the S3 of the benchmark keeps each code package in memory.
MOST_APPLIED = 1000
# The highest ratios that are accepted, by case and number of flows: a tenth above those of version 0.1.0.
LIMITS: Mapping[str, Mapping[int, float]] = {
    "plan of new flows": {1: 0.6, 100: 0.0196, 1000: 0.0138, 5000: 0.0136},
    "apply of new flows": {100: 5.0, 1000: 4.84},
    "nothing changed": {100: 0.41, 1000: 0.11},
    "no index": {100: 1.11, 1000: 1.09},
    "one change": {100: 2.48, 1000: 1.6},
}


def rows(bench: Workbench) -> Iterator[Row]:
    """One flow, then each of `SIZES`."""
    one = _plan_of_new(bench, 1, 7)
    yield Row("`airflow create` of one flow", f"{one.second:.2f}")
    yield compared("plan of 1 flow, cold", one, "one stock compile", LIMITS["plan of new flows"][1])
    for size in SIZES:
        yield from _of_size(bench, size, one.first)


def _of_size(bench: Workbench, size: int, one: float) -> Iterator[Row]:
    times = 3 if size <= 100 else 1
    cold = _plan_of_new(bench, size, times)
    name = f"plan of {size:,} new flows in {-(-size // corpus.PER_FOLDER):,} folders"
    yield compared(name, cold, f"{size:,} stock compiles", _limit("plan of new flows", size), size)
    yield Row(f"price of one of {size:,} flows", f"{(cold.first - one) / (size - 1):.4f}")
    if size <= MOST_APPLIED:
        yield from _deployed(bench, size, times)


def _deployed(bench: Workbench, size: int, times: int) -> Iterator[Row]:
    """Plans and applies of flows that are deployed, by turns with cold plans of the same flows for another target."""
    folder, elsewhere = bench.project(size), bench.project(size, "cold")
    first = by_turns(lambda: bench.apply(folder), lambda: bench.plan(elsewhere), 1)
    yield compared(f"apply of {size:,} new flows to S3", first, "their plan", _limit("apply of new flows", size))

    current = by_turns(lambda: bench.plan(folder), lambda: bench.plan(elsewhere), times)
    case = f"plan of {size:,} flows, nothing changed, index current"
    yield compared(case, current, "the cold plan", _limit("nothing changed", size))
    with peak_memory() as peak:
        bench.plan(folder)
    yield Row(f"peak memory of all its processes, {size:,} flows", f"{peak[0] / 1024:.0f} MiB")

    changes = iter(range(4, 4 + times))

    def apply_change() -> float:
        _change_parameter(folder, next(changes))
        return bench.apply(folder)

    change = by_turns(apply_change, lambda: bench.plan(folder), times)
    yield compared(f"apply of 1 change among {size:,}", change, "that plan", _limit("one change", size))

    _delete_index(bench, size)
    without = by_turns(lambda: bench.plan(folder), lambda: bench.plan(elsewhere), times)
    case = f"plan of {size:,} flows, nothing changed, no index"
    yield compared(case, without, "the cold plan", _limit("no index", size))


def _plan_of_new(bench: Workbench, size: int, times: int) -> Turns:
    """A plan of flows that are not deployed, and Metaflow's own command for one flow."""
    flow = corpus.flow_files(bench.project(1))[0]
    folder = bench.project(size)
    return by_turns(lambda: bench.plan(folder), lambda: _stock_compile(bench, flow), times)


def _stock_compile(bench: Workbench, flow: Path) -> float:
    taken = bench.stock_compile(flow)
    # A plan digests the flow's folder, which must not change.
    flow.with_name("dag.py").unlink()
    return taken


def _limit(case: str, size: int) -> float | None:
    return LIMITS[case].get(size)


def _change_parameter(folder: Path, value: int) -> None:
    """Give another default to the parameter of the first flow: its DAG file is the only one that changes."""
    entries = folder / "team0000" / "flows.yaml"
    entries.write_text(entries.read_text().replace(f"items: {value - 1}", f"items: {value}", 1))


def _delete_index(bench: Workbench, size: int) -> None:
    name = f"dags-flows{size}/.mfdeploy.bench.prod.json"
    client(bench.endpoint).head_object(Bucket=corpus.BUCKET, Key=name)  # fails if the index has another name
    client(bench.endpoint).delete_object(Bucket=corpus.BUCKET, Key=name)

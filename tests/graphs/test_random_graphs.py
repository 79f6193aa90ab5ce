"""Random graphs give the same tasks and artifacts on Airflow as by Metaflow itself.

MFDEPLOY_GRAPH_SEED asks for other graphs, MFDEPLOY_GRAPH_COUNT for more of them, MFDEPLOY_GRAPH_VERSIONS for other
Airflows. A graph is known by its number: graph 7 of seed 1000 is graph 0 of seed 1007.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.airflow.harness import RUN_VERSIONS
from tests.graphs.random_flows import Maker
from tests.graphs.running import Runs, differences, run_in_airflow, run_in_metaflow

SEED = int(os.environ.get("MFDEPLOY_GRAPH_SEED") or 2000)
COUNT = int(os.environ.get("MFDEPLOY_GRAPH_COUNT") or 3)
VERSIONS = os.environ.get("MFDEPLOY_GRAPH_VERSIONS", "").split() or RUN_VERSIONS
SHAPES = (
    *(f"{kind} in {where}" for kind in ("foreach", "split", "switch") for where in ("the flow", "foreach", "split")),
    *(f"{kind} in switch" for kind in ("foreach", "split", "switch")),
    *(f"foreach at depth {depth}" for depth in (1, 2, 3)),
    *(f"foreach right before {kind}" for kind in ("line", "each", "split", "switch")),
    *("split of 2", "split of 3", "a construct as the first step"),
    *("switch with a way that is the merge", "switch with a way into another", "switch that merges in a join only"),
)


def made(seed: int) -> tuple[str, Maker]:
    """A flow's source, of two to some twenty steps, and what made it."""
    chance = random.Random(seed)
    maker = Maker(chance, room=chance.randrange(1, 7))
    return maker.flow(f"Random{seed}Flow"), maker


def write_flows(folder: Path) -> dict[str, Path]:
    """The files by class name."""
    folder.mkdir()
    files = {f"Random{seed}Flow": folder / f"random{seed}.py" for seed in range(SEED, SEED + COUNT)}
    for seed, file in enumerate(files.values(), SEED):
        file.write_text(made(seed)[0])
    return files


def test_all_shapes_are_made() -> None:
    """Each of them in at least one of a hundred graphs."""
    found: Counter[str] = Counter()
    for seed in range(100):
        found.update({shape for shape, count in made(seed)[1].shapes.items() if count})
    assert [shape for shape in SHAPES if not found[shape]] == []


@pytest.fixture(scope="module")
def flows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    print(f"MFDEPLOY_GRAPH_SEED={SEED} MFDEPLOY_GRAPH_COUNT={COUNT}")
    return write_flows(tmp_path_factory.mktemp("random") / "flows")


@pytest.fixture(scope="module")
def by_metaflow(tmp_path_factory: pytest.TempPathFactory, flows: dict[str, Path]) -> Runs:
    return run_in_metaflow(tmp_path_factory.mktemp("metaflow"), flows)


@pytest.mark.airflow
@pytest.mark.parametrize("version", VERSIONS)
def test_random_graphs_run_as_by_metaflow(
    version: str, flows: dict[str, Path], by_metaflow: Runs, tmp_path: Path
) -> None:
    outcomes, by_airflow = run_in_airflow(version, tmp_path / "airflow", flows)
    failed = [name for name, outcome in outcomes.items() if outcome["state"] != "success"]
    different = {name: found for name, run in by_airflow.items() if (found := differences(run, by_metaflow[name]))}
    assert (failed, different) == ([], {}), {name: str(flows[name]) for name in (*failed, *different)}

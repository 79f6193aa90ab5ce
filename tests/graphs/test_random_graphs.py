"""Random graphs give the same tasks and artifacts on Airflow as by Metaflow itself.

MFDEPLOY_GRAPH_SEED asks for other graphs, MFDEPLOY_GRAPH_COUNT for more of them.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.graphs.random_flows import Maker
from tests.graphs.running import class_name, project_of, read_runs, run_in_airflow, run_in_metaflow, summary

pytestmark = pytest.mark.airflow
SEED = int(os.environ.get("MFDEPLOY_GRAPH_SEED") or 1004)
COUNT = int(os.environ.get("MFDEPLOY_GRAPH_COUNT") or 1)


def write_flows(folder: Path, seed: int, count: int) -> list[Path]:
    folder.mkdir()
    files = [folder / f"random_{chr(ord('a') + number)}.py" for number in range(count)]
    for number, file in enumerate(files):
        # Ten constructs at most, in some thirty tasks.
        file.write_text(Maker(random.Random(seed + number), room=10).flow(class_name(file)))
    return files


def test_random_graphs_run_as_by_metaflow(tmp_path: Path) -> None:
    print(f"MFDEPLOY_GRAPH_SEED={SEED}")
    files = write_flows(tmp_path / "flows", SEED, COUNT)
    by_metaflow = run_in_metaflow(tmp_path / "own", files)
    for version in ("2.11.2", "3.3.2"):
        folder = tmp_path / version
        project = project_of(folder, files)
        outcomes = run_in_airflow(version, project, folder, files)
        by_airflow = read_runs(project, project.datastore, files)
        for name, run in by_metaflow.items():
            assert outcomes[name]["state"] == "success", (SEED, outcomes[name])
            assert summary(by_airflow[name]) == summary(run), SEED

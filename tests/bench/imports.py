"""How long Airflow takes to import our DAG files, against minimal ones by hand with the same operators."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.airflow.harness import installed
from tests.bench import corpus
from tests.bench.rows import Row, compared
from tests.bench.timing import Turns
from tests.bench.workbench import Workbench

VERSIONS = ("2.11.2", "3.3.2")
_LIMIT = 1.1
_SIZE_LIMIT = 0.12
# Both files by turns in one process, so that a machine that is slow for a moment is slow for both. Processor time, and
# the median: now and then Python looks through all of Airflow for garbage, which takes ten times as long as an import.
_IMPORT = """
import importlib.util, statistics, sys, time

def load(file, number):
    spec = importlib.util.spec_from_file_location(f"dag{number}", file)
    start = time.process_time()
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return time.process_time() - start

for file in sys.argv[1:]:
    load(file, 0)  # imports the operators, too
taken = [[load(file, number) for file in sys.argv[1:]] for number in range(1, 21)]
print(*(20 * statistics.median(each) for each in zip(*taken)))
"""


def rows(bench: Workbench) -> Iterator[Row]:
    """A DAG of a hundred steps for each compute and each Airflow."""
    yield from _of_compute(bench, "local")
    yield from _of_compute(bench, "kubernetes")


def _of_compute(bench: Workbench, compute: corpus.Compute) -> Iterator[Row]:
    folder = corpus.write_wide(bench.folder / f"wide-{compute}", 100, compute)
    bench.apply(folder)
    (ours,) = (folder / "dags").glob("*.py")
    hand = bench.folder / f"hand-{compute}.py"
    hand.write_text(corpus.by_hand(100, compute))
    if compute == "kubernetes":
        bench.stock_compile(folder / "flow.py")
        size, stock = ours.stat().st_size, (folder / "dag.py").stat().st_size
        yield Row("size of the DAG file of 100 pods", f"{size:,} bytes", "the stock one", size / stock, _SIZE_LIMIT)
    for version in VERSIONS:
        python = installed(version).python
        pairs = [_import(bench, python, ours, hand) for _ in range(5)]
        first, second = (statistics.median(each) for each in zip(*pairs, strict=True))
        name = f"import by Airflow {version}, 100 tasks, 20 files, {compute}"
        yield compared(name, Turns(first, second), "by hand", _LIMIT)


def _import(bench: Workbench, python: Path, ours: Path, hand: Path) -> list[float]:
    """Seconds of processor time for twenty imports of each of the two files."""
    environ = {**bench.environ, "AIRFLOW_HOME": str(bench.folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [str(python), "-c", _IMPORT, str(ours), str(hand)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]

"""`make bench`: how long mfdeploy takes, against what a user would run instead; see docs/performance.md.

Every figure is the median of whole processes, and every ratio is of one run of this program, on one machine.
"""

from __future__ import annotations

import logging
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.airflow.harness import installed
from tests.bench import corpus
from tests.bench.mapped import tasks_per_second
from tests.s3 import CREDENTIALS, client, s3_server

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")
SIZES = tuple(int(size) for size in os.environ.get("MFDEPLOY_BENCH_SIZES", "100,1000,5000").split(","))
# Above this, flows are only planned: the S3 of the benchmark keeps each code package in memory.
MOST_APPLIED = 1000
STOCK_SAMPLE = 5
VERSIONS = ("2.11.2", "3.3.2")
# Of the foreach under a running scheduler, which takes its time; 0 leaves it out.
ITEMS = int(os.environ.get("MFDEPLOY_BENCH_ITEMS", "1000"))
# What a user would run instead, in the folder of `flow.py`.
_STOCK = (
    *(sys.executable, "flow.py", "--datastore=s3", "--no-pylint", "--with=kubernetes"),
    *("airflow", "create", "dag.py"),
)


@dataclass(frozen=True)
class Bench:
    """Where the benchmark works: a folder of its own, and the environment of its commands (an S3 server among it)."""

    folder: Path
    environ: Mapping[str, str]
    endpoint: str

    def seconds(self, *command: str | Path, cwd: Path | None = None, codes: Sequence[int] = (0,)) -> float:
        """The wall time of one command, which must end with one of the codes."""
        start = time.perf_counter()
        done = subprocess.run(
            [str(word) for word in command], cwd=cwd or self.folder, env=self.environ, capture_output=True, text=True
        )
        taken = time.perf_counter() - start
        if done.returncode not in codes:
            raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return taken

    def project(self, count: int) -> Path:
        """Manifests of `count` flows, for a prefix of their own at the S3 target."""
        place = self.folder / f"flows{count}"
        if not place.exists():
            settings = {"METAFLOW_S3_ENDPOINT_URL": self.endpoint}
            corpus.write(
                place, count, f"s3://{corpus.BUCKET}/dags{count}", f"s3://{corpus.BUCKET}/metaflow{count}", settings
            )
        return place

    def plan(self, count: int) -> float:
        return self.seconds(MFDEPLOY, "plan", "--manifests", self.project(count))

    def apply(self, count: int) -> float:
        return self.apply_folder(self.project(count))

    def apply_folder(self, folder: Path) -> float:
        return self.seconds(MFDEPLOY, "apply", "--yes", "--manifests", folder)


def main() -> int:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, s3_server(corpus.BUCKET) as endpoint:
        bench = Bench(Path(folder), _environ(Path(folder), endpoint), endpoint)
        print(f"{_machine()}; medians, seconds of wall time\n")
        print("| case | seconds | against | ratio |\n|---|--:|---|--:|")
        for row in rows(bench):
            print("| " + " | ".join(row) + " |", flush=True)
    return 0


def rows(bench: Bench) -> Iterator[tuple[str, str, str, str]]:
    """Case, seconds, what it is held against, and the ratio to that."""
    yield from _small(bench)
    stock = _median(lambda: _stock(bench), STOCK_SAMPLE)
    one = _median(lambda: bench.plan(1), 5)
    yield "`airflow create` of one flow", f"{stock:.2f}", "", ""
    yield _row("plan of 1 flow, cold", one, "one stock compile", stock)
    for size in SIZES:
        yield from _of_size(bench, size, stock, one)
    yield from _imports(bench, "local")
    yield from _imports(bench, "kubernetes")
    yield from _mapped(bench)


def _small(bench: Bench) -> Iterator[tuple[str, str, str, str]]:
    python = _median(lambda: bench.seconds(sys.executable, "-c", "pass"), 5)
    bad = bench.folder / "bad"
    bad.mkdir()
    (bad / "m.yaml").write_text("version: 1\nproject: bench\nflaws: {}\n")
    for name, command, codes in (
        ("`mfdeploy --help`", ("--help",), (0,)),
        ("`mfdeploy schema`", ("schema", "manifest"), (0,)),
        ("a manifest error", ("validate", "--manifests", bad), (1,)),
    ):
        yield _row(
            name, _median(lambda c=command, k=codes: bench.seconds(MFDEPLOY, *c, codes=k), 5), "a bare Python", python
        )


def _of_size(bench: Bench, size: int, stock: float, one: float) -> Iterator[tuple[str, str, str, str]]:
    cold = _median(lambda: bench.plan(size), 3 if size <= 100 else 1)
    yield _row(
        f"plan of {size} new flows in {-(-size // corpus.PER_FOLDER)} folders",
        cold,
        f"{size} stock compiles",
        stock * size,
    )
    yield f"price of one of {size} flows", f"{(cold - one) / (size - 1):.4f}", "", ""
    if size > MOST_APPLIED:
        return
    yield _row(f"apply of {size} new flows to S3", bench.apply(size), "their plan", cold)
    with peak_memory() as peak:
        current = _median(lambda: bench.plan(size), 3)
    yield _row(f"plan of {size} flows, nothing changed, index current", current, "the cold plan", cold)
    yield (
        f"peak memory of all its processes, MiB (proportional set size), {size} flows",
        f"{peak[0] / 1024:.0f}",
        "",
        "",
    )
    entries = bench.project(size) / "team0000" / "flows.yaml"
    entries.write_text(entries.read_text().replace("items: 3", "items: 4", 1))
    yield _row(f"apply of 1 change among {size}", bench.apply(size), "that plan", current)
    _forget_index(bench, size)
    yield _row(f"plan of {size} flows, nothing changed, no index", bench.plan(size), "the cold plan", cold)


def _stock(bench: Bench) -> float:
    flow = corpus.flow_files(bench.project(1))[0]
    command = [flow.name if word == "flow.py" else word for word in _STOCK]
    taken = bench.seconds(*command, cwd=flow.parent)
    (flow.parent / "dag.py").unlink()
    return taken


def _imports(bench: Bench, compute: corpus.Compute) -> Iterator[tuple[str, str, str, str]]:
    """Airflow's import of our DAG file of 100 steps, against a minimal one by hand with the same operators."""
    folder = corpus.write_wide(bench.folder / f"wide-{compute}", 100, compute)
    bench.apply_folder(folder)
    (ours,) = (folder / "dags").glob("*.py")
    hand = bench.folder / f"hand-{compute}.py"
    hand.write_text(corpus.by_hand(100, compute))
    if compute == "kubernetes":
        bench.seconds(*_STOCK, cwd=folder)
        size, stock = ours.stat().st_size, (folder / "dag.py").stat().st_size
        yield f"size of the DAG file of 100 pods, {size} bytes", "", "the stock one", f"{size / stock:.3f}"
    for version in VERSIONS:
        python = installed(version).python
        pairs = [_import(bench, python, ours, hand) for _ in range(5)]
        taken = [statistics.median(each) for each in zip(*pairs, strict=True)]
        name = f"import by Airflow {version}, 100 tasks, 20 files, {compute}"
        yield _row(name, taken[0], "by hand", taken[1])


def _mapped(bench: Bench) -> Iterator[tuple[str, str, str, str]]:
    """A foreach under a running scheduler: tasks per second."""
    if ITEMS == 0:
        return
    for version in VERSIONS:
        ours, hand = tasks_per_second(version, ITEMS, bench.folder, bench.apply_folder)
        name = f"foreach of {ITEMS} items under Airflow {version}, tasks per second"
        yield name, f"{ours:.2f}", f"by hand, {hand:.2f}", f"{ours / hand:.3f}"


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


def _import(bench: Bench, python: Path, ours: Path, hand: Path) -> list[float]:
    """Seconds of processor time for twenty imports of each of the two files."""
    environ = {**bench.environ, "AIRFLOW_HOME": str(bench.folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    command = [python, "-c", _IMPORT, ours, hand]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def _forget_index(bench: Bench, size: int) -> None:
    client(bench.endpoint).delete_object(Bucket=corpus.BUCKET, Key=f"dags{size}/.mfdeploy.bench.prod.json")


def _row(name: str, taken: float, against: str, other: float) -> tuple[str, str, str, str]:
    return name, f"{taken:.2f}", against, f"{taken / other:.3f}"


def _median(run: Callable[[], float], times: int) -> float:
    return statistics.median(run() for _ in range(times))


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The highest sum of the proportional set sizes (KiB) of this process's children, looked at while in the block."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], sum(map(_proportional, _below(os.getpid()))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _below(parent: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{parent}/task").glob("*/children")
        for child in (int(pid) for file in children for pid in file.read_text().split()):
            yield child
            yield from _below(child)
    except OSError:
        return


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _environ(folder: Path, endpoint: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "USER": "bench",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{corpus.BUCKET}/stock",
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.11",
        "METAFLOW_DEFAULT_METADATA": "local",
        "no_proxy": "127.0.0.1",
        **CREDENTIALS,
    }


def _machine() -> str:
    cores = os.cpu_count()
    versions = subprocess.run([MFDEPLOY, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{versions}, Python {platform.python_version()}, {platform.system()}, {cores} cores"


if __name__ == "__main__":
    shutil.which("git") or sys.exit("git is needed")
    raise SystemExit(main())

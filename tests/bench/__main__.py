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

import boto3
from moto.server import ThreadedMotoServer

from tests.airflow.harness import installed
from tests.bench import corpus

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")
BUCKET = "bench-of-mfdeploy"
SIZES = tuple(int(size) for size in os.environ.get("MFDEPLOY_BENCH_SIZES", "100,1000").split(","))
STOCK_SAMPLE = 5


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
            corpus.write(place, count, f"s3://{BUCKET}/dags{count}", f"s3://{BUCKET}/metaflow{count}", settings)
        return place

    def plan(self, count: int) -> float:
        return self.seconds(MFDEPLOY, "plan", "--manifests", self.project(count))

    def apply(self, count: int) -> float:
        return self.seconds(MFDEPLOY, "apply", "--yes", "--manifests", self.project(count))


def main() -> int:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, s3_server() as endpoint:
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
    yield from _imports(bench)


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
    flow = corpus.flow_files(bench.project(size))[0]
    flow.write_text(flow.read_text() + "# changed\n")
    yield _row(f"apply of 1 change among {size}", bench.apply(size), "that plan", current)
    _forget_index(bench, size)
    yield _row(f"plan of {size} flows, nothing changed, no index", bench.plan(size), "the cold plan", cold)


def _stock(bench: Bench) -> float:
    flow = corpus.flow_files(bench.project(1))[0]
    command = [
        sys.executable,
        flow.name,
        "--datastore=s3",
        "--no-pylint",
        "--with=kubernetes",
        "airflow",
        "create",
        "dag.py",
    ]
    # A body of several steps, as these flows have none, is all that it refuses here.
    taken = bench.seconds(*command, cwd=flow.parent)
    (flow.parent / "dag.py").unlink()
    return taken


def _imports(bench: Bench) -> Iterator[tuple[str, str, str, str]]:
    """Airflow's import of our DAG file of 100 steps, against a minimal one by hand with the same operators."""
    folder = bench.folder / "wide"
    corpus.write_wide(folder, 100, str(bench.folder / "dags"))
    bench.seconds(MFDEPLOY, "apply", "--yes", "--manifests", folder)
    (ours,) = (bench.folder / "dags").glob("*.py")
    hand = bench.folder / "hand.py"
    hand.write_text(corpus.by_hand(100))
    for version in ("2.11.2", "3.3.2"):
        python = installed(version).python
        taken = {file: _median(lambda f=file, p=python: _import(bench, p, f), 5) for file in (ours, hand)}
        yield _row(f"import by Airflow {version}, 100 tasks, 20 files", taken[ours], "by hand", taken[hand])


_IMPORT = """
import importlib.util, sys, time
import airflow
try:
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow.operators.bash import BashOperator
start = time.perf_counter()
for number in range(20):
    spec = importlib.util.spec_from_file_location(f"dag{number}", sys.argv[1])
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(time.perf_counter() - start)
"""


def _import(bench: Bench, python: Path, file: Path) -> float:
    environ = {**bench.environ, "AIRFLOW_HOME": str(bench.folder / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run([python, "-c", _IMPORT, file], env=environ, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _forget_index(bench: Bench, size: int) -> None:
    store = boto3.client("s3", endpoint_url=bench.endpoint, **_KEYS)
    store.delete_object(Bucket=BUCKET, Key=f"dags{size}/.mfdeploy.bench.prod.json")


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


_KEYS = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[str]:
    """An S3 server in a process of its own would be fairer still; it shares the machine with what is measured."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=url, **_KEYS).create_bucket(Bucket=BUCKET)
    try:
        yield url
    finally:
        server.stop()


def _environ(folder: Path, endpoint: str) -> dict[str, str]:
    keys = {name.upper(): value for name, value in _KEYS.items() if name != "region_name"}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "USER": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": endpoint,
        "METAFLOW_S3_ENDPOINT_URL": endpoint,
        "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/stock",
        "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "python:3.11",
        "METAFLOW_DEFAULT_METADATA": "local",
        "no_proxy": "127.0.0.1",
        **keys,
    }


def _machine() -> str:
    cores = os.cpu_count()
    versions = subprocess.run([MFDEPLOY, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{versions}, Python {platform.python_version()}, {platform.system()}, {cores} cores"


if __name__ == "__main__":
    shutil.which("git") or sys.exit("git is needed")
    raise SystemExit(main())

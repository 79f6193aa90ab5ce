"""Runs one DAG in one process, without a scheduler: what Airflow calls a test of a DAG, and a real run of the flow.

Its state is read from the database of the private Airflow: two tables that all versions have.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

from deployer.models.live import LiveError, LiveRun, LiveTask
from deployer.models.local_server import LocalRun
from deployer.orchestrators.airflow.server.processes import Program, running

_SCRIPT = Path(__file__).parent / "inside" / "run_dag.py"
_POLL = 0.3
_SHOWN = 20


def run_once(
    python: Path, variables: Mapping[str, str], home: Path, name: str, file: Path, parameters: Mapping[str, Any]
) -> Iterator[LocalRun]:
    """Looks at a run of the DAG `name` until it has ended. Raises LiveError if it could not be run."""
    request, log = home / "run.json", home / "run.log"
    request.write_text(json.dumps({"dag_id": name, "file": str(file), "conf": dict(parameters)}), encoding="utf-8")
    log.write_bytes(b"")
    database = Database(home / "airflow.db", name)
    before = database.newest()
    program = Program("run", [str(python), str(_SCRIPT), str(request)], log)
    with running([program], variables, home) as processes:
        while processes.ended is None:
            if look := database.look(before, log):
                yield look
            sleep(_POLL)
        _, code = processes.ended
    last = database.look(before, log)
    if last is None or not last.run.ended:
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:])
        raise LiveError(f"Airflow did not run {name} to its end (exit code {code}); its log is {log}\n{said}")
    yield last


@dataclass(frozen=True)
class Database:
    """What an SQLite database of Airflow has of the runs of one DAG."""

    file: Path
    dag_id: str

    def newest(self) -> int:
        """The number of the newest run; 0 if there is none."""
        with self._connection() as connection:
            ((found,),) = connection.execute("select max(id) from dag_run where dag_id = ?", [self.dag_id])
        return int(found or 0)

    def look(self, after: int, log: Path) -> LocalRun | None:
        """The run that came after the run with this number; None as long as there is none."""
        run = (
            "select run_id, state, run_type, start_date, end_date from dag_run where dag_id = ? and id > ? order by id"
        )
        tasks = (
            "select t.task_id, t.map_index, t.state, t.try_number, t.start_date, t.end_date, r.rendered_fields"
            " from task_instance t left join rendered_task_instance_fields r"
            " on r.dag_id = t.dag_id and r.run_id = t.run_id and r.task_id = t.task_id and r.map_index = t.map_index"
            " where t.dag_id = ? and t.run_id = ? order by t.start_date"
        )
        with self._connection() as connection:
            found = connection.execute(run, [self.dag_id, after]).fetchone()
            if found is None:
                return None
            rows = connection.execute(tasks, [self.dag_id, found[0]]).fetchall()
        run_id, state, kind, started, ended = found
        live = LiveRun(self.dag_id, run_id, state, kind, started_at=_time(started), ended_at=_time(ended))
        return LocalRun(live, [_task(*row) for row in rows], str(log))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing and waits for whoever writes."""
        with contextlib.closing(sqlite3.connect(f"{self.file.as_uri()}?mode=ro", timeout=30, uri=True)) as connection:
            yield connection


def _task(
    step: str, index: int, state: str | None, attempt: int, started: str | None, ended: str | None, rendered: str | None
) -> LiveTask:
    fields = json.loads(rendered) if rendered else {}
    pathspec = fields.get("metaflow_pathspec") if isinstance(fields, dict) else None
    return LiveTask(step, index, state or "none", attempt, _time(started), _time(ended), pathspec or None)


def _time(text: str | None) -> str | None:
    """A time of the database, which is in UTC without saying so, as ISO 8601."""
    return f"{text.replace(' ', 'T')}+00:00" if text else None

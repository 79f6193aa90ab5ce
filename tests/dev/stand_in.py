"""What stands for the Python of a private Airflow: ``-m airflow COMMAND`` and the script that runs one DAG.

It reads no DAG. It serves what the text of the DAG files says of their versions, and writes a run into the database.
AIRFLOW_VAR_STAND_IN says what it does besides: ``die`` ends the API server when it is asked for import errors, and
``interrupt`` sends Ctrl-C to mfdeploy then.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOME = Path(os.environ["AIRFLOW_HOME"])
DAGS = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
MOOD = os.environ.get("AIRFLOW_VAR_STAND_IN", "")
TABLES = """
create table dag_run (id integer primary key, dag_id, run_id, state, run_type, start_date, end_date);
create table task_instance (dag_id, run_id, task_id, map_index, state, try_number, start_date, end_date);
create table rendered_task_instance_fields (dag_id, run_id, task_id, map_index, rendered_fields);
"""


class Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v2")
        if path == "/importErrors":
            self.misbehave()
        found = self.found(path)
        body = json.dumps(found or {"detail": "not here"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.send_response(204)
        self.end_headers()

    def found(self, path: str) -> dict[str, Any] | None:
        if path == "/version":
            return {"version": "3.3.2"}
        if path == "/importErrors":
            broken = [file.name for file in DAGS.glob("*.py") if "raise ImportError" in file.read_text()]
            return {"import_errors": [{"filename": name, "stack_trace": "ImportError: no"} for name in broken]}
        dag = re.fullmatch(r"/dags/([^/]+)/details", path)
        file = DAGS / f"{dag.group(1)}.py" if dag else DAGS
        if not file.is_file() or "raise ImportError" in file.read_text():
            return None
        version = re.search(r"Version `[0-9a-f]{12}`", file.read_text())
        return {"doc_md": version.group() if version else "", "file_token": "token"}

    def misbehave(self) -> None:
        if MOOD == "die":
            sys.stdout.write("out of luck\n")
            sys.stdout.flush()
            os._exit(3)
        if MOOD == "interrupt":
            server = json.loads((HOME.parent / "server.json").read_text())
            os.kill(server["pid"], signal.SIGINT)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def airflow(command: str, *arguments: str) -> None:
    if command == "db":
        sqlite3.connect(HOME / "airflow.db").executescript(TABLES)
    elif command == "api-server":
        port = int(arguments[arguments.index("--port") + 1])
        ThreadingHTTPServer(("127.0.0.1", port), Pages).serve_forever()
    else:
        # As Airflow's tasks do: a session of its own, and no thought of its parent.
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        time.sleep(600)


def run_dag(request: dict[str, Any]) -> None:
    dag_id = request["dag_id"]
    if MOOD == "die":
        sys.exit("no such DAG")
    state = request["conf"].get("state", "success")
    with sqlite3.connect(HOME / "airflow.db") as database:
        at = "2026-01-01 00:00:01.000000"
        ((before,),) = database.execute("select count(*) from dag_run")
        run_id = f"manual__{before + 1}"
        run = (dag_id, run_id, "running", "manual", at)
        database.execute(
            "insert into dag_run (dag_id, run_id, state, run_type, start_date) values (?, ?, ?, ?, ?)", run
        )
        for number, (task, done) in enumerate((("start", "success"), ("end", state))):
            began = f"2026-01-01 00:00:0{number}.000000"
            name = (dag_id, run_id, task, -1)
            database.execute("insert into task_instance values (?, ?, ?, ?, ?, 1, ?, ?)", (*name, done, began, at))
            fields = json.dumps({"metaflow_pathspec": f"Flow/1/{task}/2"})
            database.execute("insert into rendered_task_instance_fields values (?, ?, ?, ?, ?)", (*name, fields))
        database.execute("update dag_run set state = ?, end_date = ? where run_id = ?", (state, at, run_id))


if __name__ == "__main__":
    if sys.argv[1] == "-m":
        airflow(*sys.argv[3:])
    else:
        run_dag(json.loads(Path(sys.argv[2]).read_text()))

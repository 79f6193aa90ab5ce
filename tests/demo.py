"""`make demo`: an example flow deployed with mfdeploy, run by a real Airflow 3 on this machine, and planned again.

Everything that it makes is below build/ and .cache/. It can be run again at any time; nothing is cleaned away.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.airflow.harness import Home, installed, new_home  # noqa: E402

VERSION = "3.3.2"
BUILD = ROOT / "build"
DAGS, DATASTORE = BUILD / "dags", BUILD / "metaflow"
STEPS = ("start", "count", "collect", "end")
FLOW, DAG_ID = "WordCountFlow", "WordCountFlow.local"

READ_BACK = """
from metaflow import Run, namespace

namespace(None)
run = Run("{pathspec}")
print(run, "tags:", *sorted(run.user_tags))
for task in run["count"]:
    print(f"  {{task.data.title}}: {{task.data.words}} words")
print("counts:", run.data.counts)
print("total: ", run.data.total)
"""


def main() -> int:
    say("1. What would be deployed, and then deploying it: every example flow becomes a DAG file in build/dags.")
    mfdeploy("apply", "--env", "local", "--yes")

    say(
        f"2. A real Airflow {VERSION} with nothing of ours on it (the first time it is installed, which takes minutes)."
    )
    home = new_home(installed(VERSION), BUILD / "airflow", DAGS)
    print(f"Airflow runs {DAG_ID}. Its tasks, and what Metaflow calls them:", flush=True)
    outcome = run_dag(home)

    say("3. The run, read back with Metaflow's Client.")
    read_back(outcome)

    say("4. A plan again: what is deployed is what the manifests say, so nothing changes.")
    mfdeploy("plan", "--env", "local")
    say(f"Done. A DAG file to read: {(DAGS / DAG_ID).relative_to(ROOT)}.py")
    return 0


def say(text: str) -> None:
    print(f"\n{text}\n", flush=True)


def show(command: str) -> None:
    print(f"$ {command}", flush=True)


def mfdeploy(*arguments: str) -> None:
    show(shlex.join(["mfdeploy", *arguments]))
    done = subprocess.run([Path(sys.executable).with_name("mfdeploy"), *arguments], cwd=ROOT)
    if done.returncode:
        sys.exit(done.returncode)


def run_dag(home: Home) -> dict[str, Any]:
    """Runs the DAG to its end and prints its tasks as Airflow knows them."""
    # Metaflow's run id comes from Airflow's, and that from the date: each demo has a run of its own.
    answer = home.ask([{"dag_id": DAG_ID, "date": datetime.now(timezone.utc).isoformat()}])
    (outcome,) = answer["runs"]
    for task in sorted(outcome["tasks"], key=lambda task: STEPS.index(task["task_id"])):
        index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
        print(f"  {task['task_id'] + index:12} {task['state']:8} {task['rendered']['metaflow_pathspec']}")
    if outcome["state"] != "success":
        sys.exit(f"The run ended as {outcome['state']}; its log is {home.folder.relative_to(ROOT)}/output.log")
    return dict(outcome)


def read_back(outcome: dict[str, Any]) -> None:
    run_id = outcome["tasks"][0]["rendered"]["metaflow_run_id"]
    code = READ_BACK.format(pathspec=f"{FLOW}/{run_id}").strip()
    settings = {"METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(DATASTORE)}
    print("$ export METAFLOW_DEFAULT_METADATA=local METAFLOW_DATASTORE_SYSROOT_LOCAL=build/metaflow")
    print("$ python")
    print("".join(f">>> {line}\n" for line in code.splitlines() if line), flush=True)
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **settings}, cwd=BUILD, check=True)


if __name__ == "__main__":
    sys.exit(main())

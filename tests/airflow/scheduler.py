"""A running Airflow: scheduler, DAG processor and (Airflow 3) API server, each a process that can be killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.airflow import postgres
from tests.airflow.harness import Airflow, environment_of

CONTROL = Path(__file__).with_name("control.py")
KEEPER = Path(__file__).with_name("keeper.py")
Found = TypeVar("Found")

# Seconds after which a task or a scheduler of which nothing was heard counts as dead; a busy machine is silent long.
PATIENCE = 45
SETTINGS = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "6",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": str(PATIENCE),
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "1",
    # Airflow 2 fails a task once each time that it finds it dead, also when its next try has begun by then.
    "SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "10",
    "SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": str(PATIENCE),
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "1",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(PATIENCE),
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # The first request of all makes the API server load the rest of itself.
    "WORKERS__EXECUTION_API_TIMEOUT": "300",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
    "SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
    "SCHEDULER__STANDALONE_DAG_PROCESSOR": "True",
}


class Process:
    """One of Airflow's, under a keeper that ends whatever comes of it."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self.pid_file.unlink(missing_ok=True)
        with self.log.open("ab") as output:
            self.keeper = subprocess.Popen(
                [sys.executable, str(KEEPER), str(self.pid_file), *command],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def kill(self) -> None:
        """SIGKILL for the process alone; what it started goes on."""
        os.kill(int(self.pid_file.read_text()), signal.SIGKILL)

    def end(self) -> None:
        """SIGKILL for the process and everything below it, as when its machine is lost."""
        self.keeper.terminate()
        self.keeper.wait(timeout=60)


@dataclass
class RunningAirflow:
    """What the tests ask of a running Airflow."""

    airflow: Airflow
    folder: Path
    environment: Mapping[str, str]
    processes: dict[str, Process] = field(default_factory=dict)
    ever: list[Process] = field(default_factory=list)
    control: subprocess.Popen[str] | None = None

    def start(self, name: str, *arguments: str) -> Process:
        command = [str(self.airflow.python), "-m", "airflow", *(arguments or (name,))]
        self.processes[name] = Process(name, command, self.environment, self.folder)
        # What a killed one left behind still has its keeper.
        self.ever.append(self.processes[name])
        return self.processes[name]

    def start_scheduler(self) -> None:
        # It would serve logs at a port that others have.
        self.start("scheduler", "scheduler", "--skip-serve-logs")

    def ask(self, do: str, **given: Any) -> Any:
        assert self.control is not None and self.control.stdin is not None and self.control.stdout is not None
        print(json.dumps({"do": do, **given}), file=self.control.stdin, flush=True)
        line = self.control.stdout.readline()
        assert line, (self.folder / "control.log").read_text()
        return json.loads(line)

    def trigger(self, dag_id: str, run_id: str, **conf: Any) -> Run:
        self.until(lambda: dag_id in self.ask("known"), f"the DAG {dag_id}")
        self.ask("trigger", dag_id=dag_id, run_id=run_id, conf=conf)
        return Run(self, dag_id, run_id)

    def until(self, look: Callable[[], Found], what: str, seconds: float = 600) -> Found:
        """What `look` finds as soon as that is something. The time is a limit for a test that fails."""
        limit = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() > limit:
                raise AssertionError(f"no {what} after {seconds} s\n{self.logs()}")
            time.sleep(0.1)
        return found

    def logs(self) -> str:
        """The last words of each process, and what is wrong with DAG files."""
        said = [f"--- {name}\n{process.log.read_text()[-6000:]}" for name, process in self.processes.items()]
        return "\n".join([*said, *self.ask("errors")])


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    airflow: RunningAirflow
    dag_id: str
    run_id: str

    def seen(self) -> dict[str, Any]:
        """State, tasks and earlier tries of them, as they are in Airflow's database."""
        return dict(self.airflow.ask("run", dag_id=self.dag_id, run_id=self.run_id))

    def tasks(self, task_id: str, map_index: int | None = None) -> list[dict[str, Any]]:
        found = [task for task in self.seen()["tasks"] if task["task_id"] == task_id]
        return [task for task in found if map_index in (None, task["map_index"])]

    def until_running(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """The task once its process is known."""

        def look() -> list[dict[str, Any]]:
            found = self.tasks(task_id, map_index)
            return [task for task in found if task["state"] == "running" and task["pid"]]

        return self.airflow.until(look, f"running {task_id}[{map_index}] of {self.run_id}")[0]

    def ended(self, seconds: float = 600) -> str:
        """The state in which the run ended."""

        def look() -> str | None:
            state = self.seen()["state"]
            return state if state in ("success", "failed") else None

        return str(self.airflow.until(look, f"end of {self.dag_id}/{self.run_id}: {self.seen()}", seconds))

    def clear(self, *tasks: str) -> None:
        self.airflow.ask("clear", dag_id=self.dag_id, run_id=self.run_id, tasks=list(tasks))

    def log(self, task_id: str, map_index: int = -1, try_number: int = 1) -> str:
        """What is in the log file of one try of a task; empty as long as there is none."""
        folder = self.airflow.folder / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}" / f"task_id={task_id}"
        path = (folder if map_index < 0 else folder / f"map_index={map_index}") / f"attempt={try_number}.log"
        return path.read_text() if path.exists() else ""


@contextlib.contextmanager
def running(airflow: Airflow, folder: Path, dags: Path, **variables: str) -> Iterator[RunningAirflow]:
    """An Airflow with a LocalExecutor in `folder`, for the DAG files of another one. Nothing of it is left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    dags.mkdir(parents=True, exist_ok=True)
    base = environment_of(airflow, folder, dags)
    with postgres.running(airflow, base) as url, contextlib.ExitStack() as stack:
        port = free_port()
        environment = {
            **base,
            **{f"AIRFLOW__{name}": value for name, value in SETTINGS.items()},
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
            "no_proxy": "127.0.0.1",
            **variables,
        }
        found = RunningAirflow(airflow, folder, environment)
        stack.callback(_end_all, found.ever)
        found.start_scheduler()
        found.start("dag-processor")
        if not airflow.is_2:
            found.start("api-server", "api-server", "--port", str(port), "--host", "127.0.0.1", "--workers", "1")
        found.control = stack.enter_context(_controller(found))
        if not airflow.is_2:
            found.until(lambda: _answers(port), "answer of the API server")
        yield found


@contextlib.contextmanager
def _controller(found: RunningAirflow) -> Iterator[subprocess.Popen[str]]:
    with (found.folder / "control.log").open("w") as log:
        process = subprocess.Popen(
            [str(found.airflow.python), str(CONTROL)],
            env=dict(found.environment),
            cwd=found.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _end_all(processes: Iterable[Process]) -> None:
    for process in processes:
        process.end()


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])

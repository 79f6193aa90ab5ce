"""The private Airflow for the DAG files of one environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.models.deployment import Environment
from deployer.models.live import LiveError
from deployer.models.local_server import LocalRun
from deployer.orchestrators.airflow.server import ports, run_once, state
from deployer.orchestrators.airflow.server.folders import state_folder
from deployer.orchestrators.airflow.server.found import may_be_here
from deployer.orchestrators.airflow.server.install import InstalledAirflow, install
from deployer.orchestrators.airflow.server.processes import Program, Running, running
from deployer.orchestrators.airflow.server.settings import WEBSERVER_CONFIG, base_variables, server_variables
from deployer.orchestrators.airflow.server.versions import DEFAULT_VERSION, is_2

_SHOWN = 12


@dataclass
class LocalAirflow:
    """Airflow of the version that an environment names, for the folder that is its target."""

    environment: Environment
    environ: Mapping[str, str]
    _installed: InstalledAirflow | None = None

    @property
    def version(self) -> str:
        """The version that is installed, or will be."""
        access = self.environment.airflow
        return (access.version if access else None) or DEFAULT_VERSION

    @property
    def title(self) -> str:
        return f"Airflow {self.version}"

    @property
    def dags(self) -> Path:
        """The folder of the DAG files."""
        return Path(self.environment.target.resolved)

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME."""
        return state_folder(self.dags, self.environ) / self.version

    def install(self, notify: Callable[[str], None]) -> None:
        self._installed = install(self.version, self.environment.compute, self.environ, notify)

    @contextmanager
    def serve(self, port: int | None, *, schedules: bool) -> Iterator[Server]:
        with state.in_use(self._state, "dev"):
            base = self._prepare()
            chosen = ports.choose(port)
            variables = server_variables(base, chosen, secrets.token_hex(32), schedules=schedules)
            programs = self._programs(chosen)
            with running(programs, variables, self.home) as processes:
                server = Server(chosen, processes)
                state.write(self._state, state.Server(os.getpid(), "dev", server.url))
                yield server

    def run_once(self, name: str, file: str, parameters: Mapping[str, Any]) -> Iterator[LocalRun]:
        with state.in_use(self._state, "run"):
            base = self._prepare()
            assert self._installed is not None
            yield from run_once.run_once(self._installed.python, base, self.home, name, self.dags / file, parameters)

    @property
    def _state(self) -> Path:
        return state_folder(self.dags, self.environ)

    def _prepare(self) -> dict[str, str]:
        """Makes AIRFLOW_HOME, and gives the variables of all its processes."""
        if self._installed is None:
            raise LiveError(f"{self.title} is not installed")
        self.home.mkdir(parents=True, exist_ok=True)
        self.dags.mkdir(parents=True, exist_ok=True)
        state.prepare_home(self.home, self._installed.empty_database, WEBSERVER_CONFIG)
        return base_variables(self.version, self._installed.python, self.home, self.dags, self.environ)

    def _programs(self, port: int) -> Sequence[Program]:
        assert self._installed is not None
        at = ("--port", str(port), "--workers", "1")
        commands: Mapping[str, Sequence[str]] = {
            "api-server": ("api-server", "--host", "127.0.0.1", *at),
            "dag-processor": ("dag-processor",),
            # It would serve logs at a port that others have.
            "scheduler": ("scheduler", "--skip-serve-logs"),
        }
        if is_2(self.version):
            commands = {
                "webserver": ("webserver", "--hostname", "127.0.0.1", *at),
                "scheduler": ("scheduler", "--skip-serve-logs"),
            }
        airflow = [str(self._installed.python), "-m", "airflow"]
        return [Program(name, [*airflow, *words], self._log(name)) for name, words in commands.items()]

    def _log(self, name: str) -> Path:
        """An empty file for what a process writes."""
        path = self.home / f"{name}.log"
        path.write_bytes(b"")
        return path


@dataclass(frozen=True)
class Server:
    """A started Airflow."""

    port: int
    processes: Running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        self.check()
        return ports.is_answered(self.port)

    def check(self) -> None:
        ended = self.processes.ended
        if ended is None:
            return
        program, code = ended
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        lines = program.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:]
        raise LiveError("\n".join([f"Airflow's {program.name} {how}; its log is {program.log}", *lines]))


def local_airflow(environment: Environment, environ: Mapping[str, str]) -> LocalAirflow | None:
    """The private Airflow for an environment; None if its DAG files are not in a folder of this machine."""
    return LocalAirflow(environment, environ) if may_be_here(environment) else None

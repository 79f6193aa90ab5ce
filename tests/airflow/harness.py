"""Real Airflows for tests: virtual environments that are made once, and folders of DAG files that are run in them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.interpreters import RUNNING, find_python, uv

ROOT = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("runner.py")
# Each Airflow, and the Pythons that it runs on (the first is preferred where the running one does not do).
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "2.10.5": ("3.11", "3.12", "3.10"),
    "2.11.2": ("3.11", "3.12", "3.10"),
    "3.0.6": ("3.11", "3.12", "3.10"),
    "3.3.2": ("3.12", "3.13", "3.11", "3.10"),
}
# An Airflow that does not run with the newest of what it asks for is installed with the packages of that day.
PACKAGES_OF = {"3.0.6": "2025-09-15"}
# Those that run DAGs in `make test`, and in all tests that a run has: `make conformance` takes every version.
PLAIN_VERSIONS = ("2.11.2", "3.3.2")
RUN_VERSIONS = tuple(VERSIONS) if os.environ.get("MFDEPLOY_CONFORMANCE") else PLAIN_VERSIONS
# For pods, and for sensors that wait for an object in S3.
PROVIDERS = ("apache-airflow-providers-cncf-kubernetes", "apache-airflow-providers-amazon")


@dataclass(frozen=True)
class Airflow:
    """An installed Airflow: its version and its interpreter."""

    version: str
    python: Path

    @property
    def is_2(self) -> bool:
        return self.version.startswith("2.")


@dataclass
class Home:
    """One AIRFLOW_HOME with a database of its own, for the DAG files of one folder."""

    airflow: Airflow
    folder: Path
    dags: Path
    variables: dict[str, str] = field(default_factory=dict)

    def ask(
        self, runs: Sequence[Mapping[str, Any]] = (), timeout: float = 600, *, registered: bool = False
    ) -> dict[str, Any]:
        """Loads the DAG folder and runs DAGs one after the other, in one process. See `runner.py` for the answer.

        `registered` puts the DAGs into Airflow's database first.
        """
        request, answer = self.folder / "request.json", self.folder / "answer.json"
        request.write_text(json.dumps({"folder": str(self.dags), "runs": list(runs), "registered": registered}))
        answer.unlink(missing_ok=True)
        command = [str(self.airflow.python), str(RUNNER), str(request), str(answer)]
        result = subprocess.run(
            command,
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        (self.folder / "output.log").write_text(result.stdout + result.stderr)
        if not answer.exists():
            raise AssertionError(f"Airflow {self.airflow.version} gave no answer:\n{result.stdout}\n{result.stderr}")
        return dict(json.loads(answer.read_text()))

    @property
    def log(self) -> str:
        """What the last `ask` wrote to its output, task logs among it."""
        return (self.folder / "output.log").read_text()

    def import_errors(self) -> dict[str, str]:
        return dict(self.ask()["import_errors"])

    def environment(self) -> dict[str, str]:
        return {**environment_of(self.airflow, self.folder, self.dags), **self.variables}


def versions(plain: str) -> tuple[str, ...]:
    """The Airflows for a test that takes long: all of them in `make conformance`, and `plain` alone in `make test`."""
    return RUN_VERSIONS if os.environ.get("MFDEPLOY_CONFORMANCE") else (plain,)


def installed(version: str) -> Airflow:
    """The Airflow of that version, installed by the first who asks. Others wait, in other processes too."""
    minor, python = _interpreter(version)
    folder = cache() / f"{version}-{minor}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(folder.suffix + ".lock")):
        stamp = folder / "installed"
        requirements = [f"apache-airflow=={version}", *PROVIDERS]
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv("venv", "--quiet", "--python", python, str(folder))
        # What other tests are running from is added to, and never made anew.
        if not stamp.exists() or stamp.read_text().split() != requirements:
            day = ("--exclude-newer", PACKAGES_OF[version]) if version in PACKAGES_OF else ()
            uv("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), *day, *requirements)
            stamp.write_text("\n".join(requirements) + "\n")
    return Airflow(version, folder / "bin" / "python")


# What is needed beside an Airflow to send messages in Slack and alerts of PagerDuty. Nothing of it is part of one.
NOTIFIERS = (
    *("apache-airflow-providers-slack==9.11.1", "slack-sdk==3.48.0"),
    *("apache-airflow-providers-pagerduty==5.3.1", "pagerduty==7.2.0", "deprecation==2.1.0"),
    *("httpx2==2.16.2", "httpcore2==2.16.2", "truststore==0.10.4"),
)
# Those that came out for older ones.
OLD_NOTIFIERS = ("apache-airflow-providers-slack==9.1.4", "slack-sdk==3.48.0")


def notifiers(airflow: Airflow) -> Path:
    """A folder with more providers, for PYTHONPATH: the Airflows themselves stay as they are."""
    folder = cache() / f"notifiers-{airflow.python.parents[1].name}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    wanted = NOTIFIERS if airflow.version in PLAIN_VERSIONS else OLD_NOTIFIERS
    with locked(folder.with_suffix(folder.suffix + ".lock")):
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text().split() != [*wanted]:
            shutil.rmtree(folder, ignore_errors=True)
            python = ("--python", str(airflow.python))
            uv("pip", "install", "--quiet", "--no-deps", "--target", str(folder), *python, *wanted)
            stamp.write_text("\n".join(wanted) + "\n")
    return folder


def new_home(airflow: Airflow, folder: Path, dags: Path, **variables: str) -> Home:
    """An AIRFLOW_HOME in `folder` whose database is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    dags.mkdir(parents=True, exist_ok=True)
    shutil.copy(_migrated(airflow), folder / "airflow.db")
    return Home(airflow, folder, dags, dict(variables))


def cache() -> Path:
    """Where what the tests install is kept from one run to the next."""
    return Path(os.environ.get("MFDEPLOY_AIRFLOW_VENVS") or ROOT / ".cache" / "airflow")


def _migrated(airflow: Airflow) -> Path:
    """An empty database of that Airflow: migrating takes seconds, copying nothing."""
    database = airflow.python.parents[1] / "empty.db"
    with locked(database.with_suffix(".lock")):
        if not database.exists():
            home = database.with_name("migration")
            shutil.rmtree(home, ignore_errors=True)
            (home / "dags").mkdir(parents=True)
            command = [str(airflow.python), "-m", "airflow", "db", "migrate"]
            environment = environment_of(airflow, home, home / "dags")
            subprocess.run(command, env=environment, cwd=home, check=True, capture_output=True)
            (home / "airflow.db").rename(database)
    return database


def environment_of(airflow: Airflow, home: Path, dags: Path) -> dict[str, str]:
    """The variables of Airflow's processes, for an AIRFLOW_HOME and a folder of DAG files."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "LC_ALL", "TMPDIR", "USER") if name in os.environ}
    return {
        **kept,
        "PATH": f"{airflow.python.parent}:{os.environ['PATH']}",
        # Without it each process compiles some 1,500 files of the Kubernetes client again.
        "PYTHONPYCACHEPREFIX": str(cache() / "pycache"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for tests only, and long enough for a signature",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _interpreter(version: str) -> tuple[str, str]:
    """The minor version and the path of a Python that this Airflow runs on, the running one if it can be."""
    for minor in sorted(VERSIONS[version], key=lambda minor: minor != RUNNING):
        python = find_python(minor)
        if python is not None:
            return minor, python
    raise AssertionError(f"Airflow {version} needs one of Python {', '.join(VERSIONS[version])}, and none was found")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file that other processes of the tests wait for."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

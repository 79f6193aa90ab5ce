"""A project whose flow is deployed to a running Airflow, with a run of which one item failed."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.airflow.harness import installed
from tests.airflow.scheduler import running
from tests.e2e.project import OFFLINE, Project

FLOWS = Path(__file__).with_name("flows")
AIRFLOW = "3.3.2"
DAG, RUN = "ForecastFlow", "manual__2026-12-01"
# The merge of a pull request on GitHub, deployed by a job there.
MESSAGE = "Forecasts by shop (#128)"
JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_RUN_ID": "17",
}


@dataclass(frozen=True)
class Stage:
    """Where Airflow's pages are, and the project."""

    url: str
    project: Project


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Everything below `folder`. The run has ended: one item of its inner foreach failed."""
    project = _project(folder)
    with running(installed(AIRFLOW), folder / "airflow", project.dags) as airflow:
        project.do("apply", "--yes")
        run = airflow.trigger(DAG, RUN)
        assert run.ended() == "failed"
        yield Stage(
            f"http://{urlsplit(airflow.environment['AIRFLOW__CORE__EXECUTION_API_SERVER_URL']).netloc}", project
        )


def _project(folder: Path) -> Project:
    project = replace(Project(folder / "project", folder / "home"), variables={**OFFLINE, **JOB})
    shutil.copytree(FLOWS, project.folder / "deployments" / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    prod = {"target": "../build/dags", "compute": "local", "datastore": "../build/metaflow", "production": True}
    forecast = {"file": "flows/forecast.py", "max_workers": 4, "schedule": "0 6 1 * *", "tags": ["sales"]}
    # Started by each other and by an event.
    others = {name: {"file": f"flows/{name}.py"} for name in ("report", "order", "budget")}
    manifest = {
        "version": 1,
        "project": "sales",
        "environments": {"prod": prod},
        "flows": {"forecast": forecast, **others},
    }
    text = yaml.safe_dump(manifest, sort_keys=False)
    (project.folder / "deployments" / "mfdeploy.yaml").write_text(text)
    (project.folder / ".gitignore").write_text("build/\n")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", MESSAGE]):
        who = ("-c", "user.name=Lin Li", "-c", "user.email=lin@acme.example")
        subprocess.run(["git", *who, *arguments], cwd=project.folder, check=True, capture_output=True)
    return project

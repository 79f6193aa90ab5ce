"""Hostile texts in a manifest, a flow and a trigger form, all the way through a real Airflow: none of them is run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.airflow.harness import installed, new_home, versions
from tests.e2e.project import Project
from tests.hostile.payloads import payloads, ran

pytestmark = pytest.mark.airflow

CLIENT = Path(__file__).parents[1] / "e2e" / "client.py"
TEXTS = list(payloads().values())
# A tag of Airflow is short, and a variable of a process holds no NUL.
TAGS = [text for text in TEXTS if len(text) <= 100 and text.strip() == text]
FLOW = """
import os
from metaflow import Config, FlowSpec, Parameter, environment, step

TEXTS = {texts!r}


class HostileFlow(FlowSpec):
    {docstring!r}

    settings = Config("settings", default_value={{}})
    {parameters}

    @environment(vars={{f"TEXT_{{number}}": text for number, text in enumerate(TEXTS)}})
    @step
    def start(self):
        self.variables = [os.environ[f"TEXT_{{number}}"] for number in range(len(TEXTS))]
        self.configured = self.settings["texts"]
        self.items = TEXTS[:2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.item = self.input
        print(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.seen = [each.item for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    HostileFlow()
"""


@dataclass(frozen=True)
class Outcome:
    """The folder that all of it happened in, and Airflow's and Metaflow's account of the two runs."""

    folder: Path
    states: list[str]
    runs: list[Mapping[str, Any]]


@pytest.fixture(scope="module", params=versions("3.3.2"))
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run with the defaults that the manifest gives, and one whose values somebody typed in."""
    folder = tmp_path_factory.mktemp("hostile")
    project = Project(folder / "project", folder / "home")
    _write(project.folder / "deployments")
    project.do("apply", "--env", "local", "--yes")
    home = new_home(installed(request.param), folder / "airflow", project.dags)
    typed = {f"text_{number}": text for number, text in enumerate(reversed(TEXTS))}
    dag = {"dag_id": "HostileFlow.local"}
    answer = home.ask([dag, {**dag, "conf": typed}])
    assert (answer["import_errors"], answer["warnings"]) == ({}, [])
    reader = {**project.environ(), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(project.datastore)}
    reader |= {"METAFLOW_DEFAULT_METADATA": "local"}
    command = [sys.executable, str(CLIENT), "HostileFlow"]
    done = subprocess.run(command, env=reader, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Outcome(folder, [run["state"] for run in answer["runs"]], json.loads(done.stdout)["HostileFlow"])


def _write(manifests: Path) -> None:
    manifests.mkdir(parents=True)
    names = [f"text_{number}" for number in range(len(TEXTS))]
    declared = [
        f'{name} = Parameter("{name}", default="", help={text!r})' for name, text in zip(names, TEXTS, strict=True)
    ]
    docstring = "\n".join(TEXTS)
    source = FLOW.format(texts=TEXTS, docstring=docstring, parameters="\n    ".join(declared))
    (manifests / "flow.py").write_text(source)
    manifest = {
        "version": 1,
        "project": "hostile",
        "environments": {
            "local": {
                "target": "../build/dags",
                "compute": "local",
                "datastore": "../build/metaflow",
                "python": sys.executable,
            }
        },
        "flows": {
            "hostile": {
                "file": "flow.py",
                "description": "".join(TEXTS),
                "tags": TAGS,
                "parameters": dict(zip(names, TEXTS, strict=True)),
                "config_values": {"settings": {"texts": TEXTS}},
            }
        },
    }
    # A dollar before a brace is written twice.
    text = yaml.safe_dump(manifest, allow_unicode=True).replace("${", "$${")
    (manifests / "mfdeploy.yaml").write_text(text)


def test_nothing_was_run(outcome: Outcome) -> None:
    assert outcome.states == ["success", "success"]
    assert ran(outcome.folder) == []


def test_all_texts_arrive_as_they_are(outcome: Outcome) -> None:
    first, typed = outcome.runs
    for run, expected in ((first, TEXTS), (typed, TEXTS[::-1])):
        (start,) = run["steps"]["start"]
        artifacts = start["artifacts"]
        assert [artifacts[f"text_{number}"] for number in range(len(TEXTS))] == expected
        assert artifacts["variables"] == artifacts["configured"] == TEXTS
        (join,) = run["steps"]["join"]
        assert join["artifacts"]["seen"] == TEXTS[:2]

"""A flow is not described again only while nothing that decides its description has changed."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.compiler import compile_flows
from deployer.models.deployment import Deployment, Place

from .compiling import deployment, local

FLOW = """
import os
import json
from metaflow import Config, FlowSpec, IncludeFile, Parameter, config_expr, resources, step

import nearby

try:
    import not_installed_anywhere
except ImportError:
    not_installed_anywhere = None

SETTINGS = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../settings.json")))
CPU = 4 if os.path.exists("../big") else 1


class WatchedFlow(FlowSpec):
    alpha = Parameter("alpha", default=nearby.ALPHA)
    beta = Parameter("beta", default=SETTINGS["beta"])
    gamma = Parameter("gamma", default=os.environ.get("MFDEPLOY_TEST_GAMMA", "none"))
    notes = IncludeFile("notes", default="notes.txt")
    config = Config("config", default="config.json")

    @resources(cpu=CPU, memory=config_expr("config.memory"))
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def watched(tmp_path: Path) -> Deployment:
    folder = tmp_path / "project" / "flows"
    folder.mkdir(parents=True)
    (folder / "flow.py").write_text(FLOW)
    (folder / "nearby.py").write_text("ALPHA = 1\n")
    (folder / "notes.txt").write_text("read me\n")
    (folder / "config.json").write_text('{"memory": 1000}')
    (folder / "other.json").write_text('{"memory": 1000}')
    (folder.parent / "settings.json").write_text('{"beta": 1}')
    return deployment(folder / "flow.py", "watched")


def noted(deployment: Deployment) -> Mapping[str, Any]:
    compiled = compile_flows([deployment], note_inputs=True)
    assert compiled.diagnostics == ()
    assert deployment.address in compiled.inputs, "the inputs of the flow could not be told"
    return compiled.inputs


def is_unchanged(deployment: Deployment, known: Mapping[str, Any]) -> bool:
    compiled = compile_flows([deployment], known=known)
    assert compiled.diagnostics == ()
    # Either or: what is not described again has no description, and the other way round.
    assert (deployment.address in compiled.unchanged) != (deployment.address in compiled.flows)
    return deployment.address in compiled.unchanged


def test_nothing_changed(watched: Deployment) -> None:
    known = noted(watched)
    assert is_unchanged(watched, known)
    os.utime(Path(watched.file.resolved))
    assert is_unchanged(watched, known)


def test_another_clone_on_another_machine_knows_it_too(watched: Deployment, tmp_path: Path) -> None:
    known = noted(watched)
    shutil.copytree(tmp_path / "project", tmp_path / "clone" / "deeper")
    there = deployment(tmp_path / "clone" / "deeper" / "flows" / "flow.py", "watched")
    assert is_unchanged(there, known)


def replaced(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text) and None


CHANGES: dict[str, Callable[[Path], None]] = {
    "the flow": lambda folder: replaced("flow.py", FLOW.replace("cpu=CPU", "cpu=2"))(folder),
    "a comment in the flow": replaced("flow.py", FLOW + "# why\n"),
    "an imported module": replaced("nearby.py", "ALPHA = 2\n"),
    "a new module beside it": replaced("later.py", ""),
    "a module gone": lambda folder: (folder / "spare.py").unlink(),
    "a file read at import": replaced("../settings.json", '{"beta": 2}'),
    "a file looked for and now there": replaced("../big", ""),
    "an included file": replaced("notes.txt", "read me again\n"),
    "a config file": replaced("config.json", '{"memory": 2000}'),
    "a module that was missing": replaced("not_installed_anywhere.py", ""),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_file_is_seen(watched: Deployment, what: str) -> None:
    folder = Path(watched.file.resolved).parent
    (folder / "spare.py").write_text("")
    known = noted(watched)
    assert is_unchanged(watched, known)
    CHANGES[what](folder)
    assert not is_unchanged(watched, known)


SETTINGS: dict[str, Callable[[Deployment], Deployment]] = {
    "parameters": lambda each: replace(each, parameters={"alpha": 7}),
    "retries": lambda each: replace(each, retries=(2, 1.0)),
    "decorators": lambda each: replace(each, decorators=("card",)),
    "branch": lambda each: replace(each, branch="other"),
    "config values": lambda each: replace(each, config_values={"config": {"memory": 1}}),
    "a config file": lambda each: replace(
        each, config_files={"config": Place("other.json", str(Path(each.file.resolved).with_name("other.json")))}
    ),
    "package suffixes": lambda each: replace(each, package_suffixes=(".txt",)),
    "Metaflow's settings": lambda each: replace(
        each, environment=local(metaflow={"METAFLOW_DEFAULT_METADATA": "local"})
    ),
    "the datastore": lambda each: replace(each, environment=local("/elsewhere")),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_a_changed_setting_is_seen(watched: Deployment, what: str) -> None:
    known = noted(watched)
    assert not is_unchanged(SETTINGS[what](watched), known)


def test_a_changed_variable_is_seen(watched: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    known = noted(watched)
    monkeypatch.setenv("MFDEPLOY_TEST_GAMMA", "7")
    assert not is_unchanged(watched, known)


def test_a_variable_that_is_set_is_not_noted_since_it_may_be_a_secret(
    watched: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFDEPLOY_TEST_GAMMA", "hidden")
    assert compile_flows([watched], note_inputs=True).inputs == {}


def test_another_metaflow_is_seen(watched: Deployment, tmp_path: Path) -> None:
    """A copy of what is installed, with one byte more in Metaflow, and an interpreter that prefers it."""
    known = noted(watched)
    site = tmp_path / "site"
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "metaflow", site / "metaflow")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    other = replace(watched, python=Place(str(python), str(python)))
    with (site / "metaflow" / "flowspec.py").open("a") as source:
        source.write("\n# patched\n")
    assert not is_unchanged(other, known)


UNKNOWN = {
    "a folder's listing": "import os; NAMES = os.listdir('.')",
    "another process": "import subprocess; OUT = subprocess.run(['true'])",
    "the network": "import socket; NAME = socket.gethostbyname('localhost')",
    "all variables": "import os; ALL = dict(os.environ)",
    "a module from elsewhere": "import sys; sys.path.insert(0, '../elsewhere'); import far",
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_cannot_be_noted_is_described_each_time(tmp_path: Path, what: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.py").write_text("")
    folder = tmp_path / "flows"
    folder.mkdir()
    text = """
        from metaflow import FlowSpec, step

        class UnknownFlow(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    (folder / "flow.py").write_text(f"{UNKNOWN[what]}\n{textwrap.dedent(text)}")
    compiled = compile_flows([deployment(folder / "flow.py", "unknown")], note_inputs=True)
    assert compiled.diagnostics == ()
    assert list(compiled.flows) == ["local/unknown"]
    assert compiled.inputs == {}

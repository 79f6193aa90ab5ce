"""What mutators make of a flow is the same in the plan, in each task and in a run by Metaflow itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.compiler.client import Compiled
from deployer.models.flow import Flow, FlowSchedule, ProjectNames
from tests.compiler.by_hand import RUN, Operator
from tests.compiler.compiling import FLOWS, KUBERNETES, deployment, local
from tests.compiling import build_packages, compile_flows

MUTATORS = FLOWS / "mutators"
_READER = """
import json
from metaflow import Run, namespace
namespace(None)
run = Run(%r)

def is_own(name):
    return not name.startswith("_") and name != "name"

data = {
    step.id: [{each.id: each.data for each in task.artifacts if is_own(each.id)} for task in step] for step in run
}
print(json.dumps([run.successful, sorted(tag for tag in run.tags if tag.startswith("project")), data]))
"""


def _metaflow(store: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    settings = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(store), "METAFLOW_DEFAULT_METADATA": "local"}
    done = subprocess.run(
        [sys.executable, *command],
        env={**kept, **settings, "METAFLOW_USER": "reader"},
        cwd=store.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _read(store: Path, run: str) -> Any:
    """Whether the run succeeded, its tags of @project, and all artifacts of each step's tasks."""
    return json.loads(_metaflow(store, "-c", _READER % run).stdout)


def _run_by_metaflow(folder: Path, file: str, flow: str, *given: str) -> Any:
    store = folder / "datastore-of-metaflow"
    written = folder / "run-id"
    _metaflow(store, str(MUTATORS / file), "--no-pylint", *given, f"--run-id-file={written}")
    return _read(store, f"{flow}/{written.read_text()}")


def _run_by_hand(folder: Path, file: str, given: Mapping[str, Any], **more: Any) -> Any:
    store = folder / "datastore"
    one = deployment(MUTATORS / file, environment=local(store), **more)
    compiled = compile_flows([one])
    assert compiled.diagnostics == ()
    flow = compiled.flows[one.address]
    [package] = build_packages([one], upload=True, user="ann").values()
    operator = Operator(flow, package, folder / "work")
    # As a DAG does: it gives each of its Params.
    defaults = {each.name: each.default for each in flow.parameters}
    parameters = {**defaults, **package.parameters, **given}
    before = ""
    for step in flow.steps:
        done = operator.task(step.name, before, **({} if before else {"parameters": parameters}))
        assert (done.returncode, done.stderr) == (0, "")
        before = operator.path(step.name)
    return _read(store, f"{flow.name}/{RUN}")


@pytest.mark.slow
def test_parameters_are_added_below_a_mutator_without_brackets(tmp_path: Path) -> None:
    found = _run_by_hand(tmp_path, "bare.py", {"second": "given"})
    assert found[2]["end"][0]["got"] == ["41", "given"]
    assert found == _run_by_metaflow(tmp_path, "bare.py", "MutatedFlow", "run", "--second=given")


@pytest.mark.slow
def test_a_base_flow_has_mutators_of_another_module(tmp_path: Path) -> None:
    found = _run_by_hand(tmp_path, "inherited.py", {"columns": ["c", "d"], "flag": True, "options": {"b": [2]}})
    [start] = found[2]["start"]
    assert start["values"] == [3, 0.5, True, ["c", "d"], {"b": [2]}, "InheritedFlow", "added", 7, "of the base"]
    assert (start["missing"], start["variables"], start["level"]) == (["unwanted"], ["by a mutator", None], 1)
    assert found[2]["end"][0]["variables"] == [None, None]
    given = ("run", "--columns=c|d", "--flag=true", '--options={"b": [2]}')
    assert found == _run_by_metaflow(tmp_path, "inherited.py", "InheritedFlow", *given)


@pytest.mark.slow
def test_a_config_decides_on_parameters_variables_and_project(tmp_path: Path) -> None:
    config = {
        "parameters": [{"name": "three", "default": "43"}, {"name": "four", "default": "44"}],
        "of_the_step": {"STEP": "5"},
        "of_the_flow": {"FLOW": "7"},
        "cron": "6 5 * * *",
        "project": "other",
    }
    found = _run_by_hand(tmp_path, "configured.py", {"three": "given"}, config_values={"config": config})
    assert found[:2] == [True, ["project:other", "project_branch:test.dev"]]
    [start], [end] = found[2]["start"], found[2]["end"]
    assert (start["values"], start["variables"]) == (["given", "44"], [None, "5", "7"])
    assert end["variables"] == [None, None, "7"]
    given = ("--branch=dev", "--config-value", "config", json.dumps(config), "run", "--three=given")
    assert found == _run_by_metaflow(tmp_path, "configured.py", "ConfiguredFlow", *given)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """Flows that are only described, compiled together."""
    pod = {"kubernetes": {"image": "acme/base:1"}}
    return compile_flows(
        [
            deployment(MUTATORS / "inherited.py", "inherited"),
            deployment(MUTATORS / "configured.py", "configured"),
            _decorated("ProjectedFlow", "projected"),
            _decorated("ProjectedFlow", "production", KUBERNETES, **pod),
            _decorated("FreeFlow", "free"),
            _decorated("WaitingFlow", "waiting"),
            _decorated("BatchFlow", "batch"),
            _decorated("ReplacedFlow", "replaced", KUBERNETES, decorators=("catch:var=first",), **pod),
            _decorated("PodlessFlow", "podless", KUBERNETES, **pod),
        ]
    )


def _decorated(name: str, *place: Any, **more: Any) -> Any:
    return deployment(MUTATORS / "decorated.py", *place, class_name=name, **more)


def _flow(compiled: Compiled, name: str) -> Flow:
    return next(found for address, found in compiled.flows.items() if address.endswith(f"/{name}"))


def test_decorators_that_mutators_replace_are_described_as_they_left_them(compiled: Compiled) -> None:
    start, end = _flow(compiled, "inherited").steps
    assert (start.environment, start.retries.times, end.environment) == ({"GIVEN": "by a mutator"}, 3, {})
    configured = _flow(compiled, "configured")
    assert configured.schedule == FlowSchedule("5 4 * * *", None, 64)
    assert configured.project == ProjectNames("configured", "test.dev", "configured.test.dev.ConfiguredFlow")


def test_a_project_that_a_mutator_adds_has_the_branch_of_the_environment(compiled: Compiled) -> None:
    projected = _flow(compiled, "projected")
    assert projected.project == ProjectNames("added", "test.dev", "added.test.dev.ProjectedFlow")
    assert projected.steps[0].options == ("--branch=dev", "--environment=local")
    production = _flow(compiled, "production")
    assert production.project == ProjectNames("added", "prod", "added.prod.ProjectedFlow")
    assert production.steps[0].options == ("--with=kubernetes", "--production", "--environment=local")


@pytest.mark.slow
def test_the_task_knows_the_branch_of_a_project_that_a_mutator_adds(tmp_path: Path) -> None:
    found = _run_by_hand(tmp_path, "decorated.py", {}, class_name="ProjectedFlow")
    assert found == [True, ["project:added", "project_branch:test.dev"], {"start": [{"branch": "test.dev"}]}]


def test_what_a_mutator_removes_is_not_refused(compiled: Compiled) -> None:
    free = _flow(compiled, "free")
    assert (free.project, free.schedule, free.decorators) == (None, None, ())
    assert [each.name for each in free.steps[0].decorators] == ["__main__.NoBatch"]


def test_what_is_left_of_mutators_is_refused_as_in_the_code(compiled: Compiled) -> None:
    assert sorted(each.message for each in compiled.diagnostics) == [
        "@batch (step start) is not supported: it runs tasks on AWS Batch",
        "step start has no @kubernetes any more: a mutator removes it",
    ]


def test_a_task_gets_what_a_mutator_looks_for_and_replaces(compiled: Compiled) -> None:
    start, end = _flow(compiled, "replaced").steps
    assert (start.pod["cpu"], start.pod["memory"], end.pod["cpu"]) == ("2", "8192", "1")
    assert [each.attributes["var"] for each in start.decorators if each.name == "catch"] == ["failure"]
    options = ("--with=catch:var=first", "--with=kubernetes", "--environment=local")
    assert start.options == end.options == options

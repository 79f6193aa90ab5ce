"""Files that a flow names by a relative path, for its IncludeFiles and Configs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.compiler.client import Compiled
from deployer.errors import Severity
from deployer.manifest.load import load
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from tests.compiler.by_hand import Operator
from tests.compiling import build_packages, compile_flows

FLOW = """
from metaflow import Config, FlowSpec, IncludeFile, step

class RootedFlow(FlowSpec):
    cfg = Config("cfg", default="config/settings.json")
    words = IncludeFile("words", default="config/words.txt")

    @step
    def start(self):
        print("ALL", self.cfg.a, self.words)

class NamedFlow(FlowSpec):
    words = IncludeFile("words", default="nowhere.txt")
    needed = IncludeFile("needed", required=True)
    maybe = IncludeFile("maybe", is_text=False)

    @step
    def start(self):
        print("ALL", self.words, self.needed, self.maybe)

class CalledFlow(FlowSpec):
    cfg = Config("cfg", default=lambda context: "config/settings.json")
    words = IncludeFile("words", default=lambda context: "config/words.txt")

    @step
    def start(self):
        print("ALL", self.cfg.a, self.words)

class ThereFlow(FlowSpec):
    words = IncludeFile("words", default="part/config/words.txt")

    @step
    def start(self):
        pass

class NoneFlow(FlowSpec):
    @step
    def start(self):
        pass

class NoConfigFlow(FlowSpec):
    cfg = Config("cfg", default="config/none.json")

    @step
    def start(self):
        pass

if __name__ == "__main__":
    RootedFlow()
"""
ADDED = """
from metaflow import FlowMutator, FlowSpec, IncludeFile, step

class Add(FlowMutator):
    def pre_mutate(self, mutable_flow):
        mutable_flow.add_parameter("added", IncludeFile("added", required=True))

@Add
class AddedFlow(FlowSpec):
    @step
    def start(self):
        print("ALL", self.added)
"""
HEAD = """version: 1
project: growth
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  one: {file: ../flows/%s.py, class: %s%s}
"""
Compile = Callable[..., Compiled]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a project, which is a part of a repository."""
    found = tmp_path / "repository" / "part"
    for name, content in {
        "flows/flow.py": FLOW,
        "flows/added.py": ADDED,
        "config/settings.json": '{"a": 1}',
        "config/words.txt": "words",
        "deployments/other.txt": "other",
    }.items():
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_text(content)
    return found


def deployments(project: Path, flow: str, more: str = "") -> tuple[Deployment, ...]:
    (project / "deployments" / "m.yaml").write_text(HEAD % ("added" if flow == "AddedFlow" else "flow", flow, more))
    return load(project / "deployments", {}, {}).deployments


@pytest.fixture
def compile_in(project: Path, monkeypatch: pytest.MonkeyPatch) -> Compile:
    """Compiles a flow while the command runs in a folder, which is that of the project if none is given."""

    def compile_flow(flow: str, more: str = "", folder: Path | None = None) -> Compiled:
        monkeypatch.chdir(folder or project)
        return compile_flows(deployments(project, flow, more))

    return compile_flow


def only(compiled: Compiled) -> Flow:
    assert compiled.diagnostics == ()
    [found] = compiled.flows.values()
    return found


def included(flow: Flow) -> list[str]:
    return [path for path in flow.code.files if not path.endswith(".py")]


def problem(compiled: Compiled) -> tuple[str, str, str]:
    [found] = compiled.diagnostics
    return found.severity.value, found.message, found.hint


def run_by_hand(project: Path, flow: str, more: str = "") -> str:
    """The output of a task of a flow of one step."""
    [one] = deployments(project, flow, more)
    compiled = compile_flows([one])
    [package] = build_packages([one], upload=True, user="ann").values()
    operator = Operator(only(compiled), package, project / "work")
    done = operator.task("start", parameters=dict(package.parameters))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.mark.parametrize("folder", [".", "flows", "../.."])
def test_a_path_from_the_projects_folder_leads_to_one_file_for_everybody(
    folder: str, project: Path, compile_in: Compile
) -> None:
    flow = only(compile_in("RootedFlow", folder=project / folder))
    assert flow.configs == {"cfg": {"a": 1}}
    assert included(flow) == ["../config/words.txt"]


@pytest.mark.slow
def test_a_task_has_the_files_of_a_local_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    local = subprocess.run(
        [sys.executable, "flows/flow.py", "--no-pylint", "run"],
        env={**kept, "METAFLOW_USER": "ann", "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(project / "local")},
        capture_output=True,
        text=True,
    )
    assert local.returncode == 0, local.stderr
    assert "ALL 1 words" in local.stdout
    assert run_by_hand(project, "RootedFlow") == "ALL 1 words"
    assert run_by_hand(project, "CalledFlow") == "ALL 1 words"
    named = "include_files: {words: ../config/words.txt, needed: other.txt, maybe: other.txt}"
    assert run_by_hand(project, "NamedFlow", f", {named}") == "ALL words other b'other'"
    assert run_by_hand(project, "AddedFlow", ", include_files: {added: other.txt}") == "ALL other"


def test_a_path_may_begin_with_the_folder_of_the_project(project: Path, compile_in: Compile) -> None:
    flow = only(compile_in("ThereFlow", folder=project.parent))
    assert flow == only(compile_in("ThereFlow", folder=project / "flows"))
    assert included(flow) == ["../config/words.txt"]


def test_what_only_the_folder_of_the_command_has_is_a_warning(project: Path, compile_in: Compile) -> None:
    (project / "deep").mkdir()
    shutil.move(project / "config", project / "deep" / "config")
    compiled = compile_in("RootedFlow", ", config_files: {cfg: ../deep/config/settings.json}", project / "deep")
    assert problem(compiled) == (
        "warning",
        "words: the file 'config/words.txt' is found only from the folder where this command runs",
        "name the file in the manifest: include_files: {words: PATH}",
    )
    [found] = compiled.flows.values()
    assert "../deep/config/words.txt" in found.code.files
    elsewhere = compile_in("RootedFlow", ", config_files: {cfg: ../deep/config/settings.json}")
    assert problem(elsewhere) == (
        "error",
        "parameter words: no file 'config/words.txt'",
        "looked for in flows/, deployments/, the project and the folder where the command runs; "
        "the manifest can name it: include_files: {words: PATH}",
    )


def test_nothing_out_of_the_project_is_taken(project: Path, compile_in: Compile) -> None:
    outside = project.parent / "config"
    shutil.move(project / "config", outside)
    severity, message, hint = problem(compile_in("NamedFlow", ", include_files: {needed: other.txt}", project.parent))
    assert (severity, message) == ("error", "parameter words: no file 'nowhere.txt'")
    severity, message, hint = problem(compile_in("RootedFlow", folder=project.parent))
    assert (severity, message) == ("error", "config cfg: no file 'config/settings.json'")
    assert f"; {outside}/settings.json is out of the project; the manifest can name it: config_files: {{" in hint
    (project / "config").symlink_to(outside)
    linked = compile_in("RootedFlow")
    assert problem(linked)[1] == "config cfg: no file 'config/settings.json'"


def test_the_flows_own_folder_comes_first_and_another_content_is_a_warning(project: Path, compile_in: Compile) -> None:
    shutil.copytree(project / "config", project / "flows" / "config")
    assert included(only(compile_in("RootedFlow"))) == ["config/words.txt"]
    (project / "flows" / "config" / "words.txt").write_text("others")
    assert problem(compile_in("RootedFlow")) == (
        "warning",
        "words: 'config/words.txt' is config/words.txt here, and ../config/words.txt has another content",
        "name the file in the manifest: include_files: {words: PATH}",
    )
    named = ", include_files: {words: ../flows/config/words.txt}"
    assert included(only(compile_in("RootedFlow", named))) == ["config/words.txt"]


def test_a_nearer_file_is_seen_by_the_next_plan(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    [one] = deployments(project, "RootedFlow")
    known = compile_flows([one], note_inputs=True).inputs
    assert set(known) == {one.address}
    monkeypatch.chdir("/")
    assert compile_flows([one], known=known).unchanged == {one.address}
    (project / "flows" / "config").mkdir()
    (project / "flows" / "config" / "words.txt").write_text("words")
    assert included(only(compile_flows([one], known=known))) == ["config/words.txt"]


def test_a_missing_config_is_told_with_its_line_and_the_key_that_names_one(compile_in: Compile) -> None:
    [found] = compile_in("NoConfigFlow").diagnostics
    assert (found.code, found.message) == ("no-file", "config cfg: no file 'config/none.json'")
    assert found.location is not None
    assert FLOW.splitlines()[found.location.line - 1].strip().startswith("cfg = Config")
    assert "config_files: {cfg: PATH}" in found.hint


def test_a_path_that_no_file_can_have_is_told_as_one_that_is_nowhere(project: Path, compile_in: Compile) -> None:
    flow = project / "flows" / "flow.py"
    flow.write_text(FLOW.replace('"config/words.txt"', '"w" * 5000'))
    severity, message, _ = problem(compile_in("RootedFlow"))
    assert (severity, message[:34]) == ("error", "parameter words: no file 'wwwwwwww")


def test_the_manifest_names_the_files_of_includefiles(project: Path, compile_in: Compile) -> None:
    named = ", include_files: {words: ../config/words.txt, needed: other.txt}"
    flow = only(compile_in("NamedFlow", named))
    assert [(each.name, each.required, each.deploy_time) for each in flow.parameters] == [
        ("words", False, True),
        ("needed", False, True),
        ("maybe", False, False),
    ]
    assert included(flow) == ["../config/words.txt", "../deployments/other.txt"]
    (project / "deployments" / "other.txt").write_text("changed")
    assert only(compile_in("NamedFlow", named)).code.files != flow.code.files


def test_a_name_that_is_of_no_includefile_is_refused(compile_in: Compile) -> None:
    wrong = problem(compile_in("NamedFlow", ", include_files: {word: other.txt}"))
    assert wrong == ("error", "the flow has no IncludeFile 'word'", "did you mean 'words'?")
    none = problem(compile_in("NoneFlow", ", include_files: {word: other.txt}"))
    assert none == ("error", "the flow has no IncludeFile 'word'", "it defines none")
    value = problem(compile_in("NamedFlow", ", parameters: {words: other.txt}"))
    assert value == (
        "error",
        "parameter words is an IncludeFile, whose value is a file",
        "name the file with include_files: {words: PATH}",
    )


def test_a_named_file_must_be_there(project: Path) -> None:
    with pytest.raises(Exception, match=r"no file 'others\.txt'") as raised:
        deployments(project, "NamedFlow", ", include_files: {words: others.txt}")
    [found] = raised.value.diagnostics  # type: ignore[attr-defined]
    assert (found.severity, found.path) == (Severity.ERROR, "flows.one.include_files.words")
    assert found.hint == "did you mean 'other.txt'?"

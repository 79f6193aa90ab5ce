"""The first manifest: what is found below a folder, and that the other commands take what was written."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from deployer.commands.init import InitResult, init
from deployer.commands.validate import validate
from deployer.errors import DeployError
from deployer.models.selection import Selection
from tests.contexts import context
from tests.sources import two_steps


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def flows(result: InitResult) -> str:
    return result.manifest.read_text().partition("\nflows:\n")[2]


def test_each_flow_has_an_entry_in_order_of_their_paths(tmp_path: Path) -> None:
    files = {
        "train/flow.py": two_steps("TrainFlow"),
        "load.py": two_steps("LoadFlow"),
        "no_flow.py": "class Plain:\n    pass\n",
        "broken.py": "class Broken(FlowSpec:\n",
        ".hidden/flow.py": two_steps("HiddenFlow"),
        "node_modules/flow.py": two_steps("OthersFlow"),
    }
    result = init(write(tmp_path / "growth team", files), context())
    assert result.flows == ["LoadFlow", "TrainFlow"]
    assert flows(result) == "  LoadFlow:\n    file: ../load.py\n  TrainFlow:\n    file: ../train/flow.py\n"
    assert "\nproject: growth-team\n" in result.manifest.read_text()


def test_of_a_file_with_several_flows_each_names_its_class(tmp_path: Path) -> None:
    text = two_steps("A") + two_steps("B").partition("\n\n\n")[2]
    result = init(write(tmp_path, {"both.py": text}), context())
    assert flows(result) == "  A:\n    file: ../both.py\n    class: A\n  B:\n    file: ../both.py\n    class: B\n"


def test_a_path_that_yaml_would_read_otherwise_is_quoted(tmp_path: Path) -> None:
    result = init(write(tmp_path, {"a: b #c.py": two_steps("A")}), context())
    assert flows(result) == '  A:\n    file: "../a: b #c.py"\n'


def test_two_flows_of_one_class_name_are_two_dags(tmp_path: Path) -> None:
    files = {"asia/flow.py": two_steps("TrainFlow"), "europe/flow.py": two_steps("TrainFlow")}
    result = init(write(tmp_path, files), context())
    assert flows(result) == (
        "  TrainFlow:\n    file: ../asia/flow.py\n"
        "  TrainFlow-2:\n    file: ../europe/flow.py\n    dag_id: TrainFlow-2\n"
    )
    found = validate(Selection(result.manifest.parent), context())
    assert (found.deployments, list(found.diagnostics)) == (2, [])


def test_a_manifest_that_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"flow.py": two_steps("A"), "deployments/mfdeploy.yaml": "mine"})
    with pytest.raises(DeployError, match="expected a map"):
        init(tmp_path, context())
    assert (tmp_path / "deployments" / "mfdeploy.yaml").read_text() == "mine"
    assert [path.name for path in (tmp_path / "deployments").iterdir()] == ["mfdeploy.yaml"]


def test_without_a_flow_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no flow was found"):
        init(write(tmp_path, {"a.py": "x = 1\n"}), context())
    assert not (tmp_path / "deployments").exists()


MINE = """\
# Ours.
version: 1
project: growth   # the team
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
flows:
  # By night.
  train:
    file: ../train.py
    tags:   [a,
             b]   # two

# The end.
defaults: {retries: 2}
"""
BASE = """\
from metaflow import FlowSpec, step


class Base(FlowSpec):
    @step
    def start(self):
        pass
"""
MORE = """\
variables: {where: asia}
flows:
  x: {file: "../../${var.where}/flow.py"}
  a: {file: ../../both.py, class: A}
"""


def test_flows_that_are_not_listed_are_added_and_nothing_else_changes(tmp_path: Path) -> None:
    files = {name: two_steps(f"{name.removesuffix('.py').title()}Flow") for name in ("train.py", "load.py", "tidy.py")}
    write(tmp_path, {**files, "base.py": BASE, "deployments/mfdeploy.yaml": MINE})
    result = init(tmp_path, context())
    assert (result.is_new, result.flows) == (False, ["LoadFlow", "TidyFlow"])
    added = "  LoadFlow:\n    file: ../load.py\n  TidyFlow:\n    file: ../tidy.py\n"
    expected = MINE.replace("b]   # two\n", f"b]   # two\n{added}")
    assert result.manifest.read_text() == f"# yaml-language-server: $schema=mfdeploy.schema.json\n{expected}"
    assert validate(Selection(tmp_path / "deployments"), context()).diagnostics == []
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = init(tmp_path, context())
    assert (again.flows, again.schema, again.gitignore) == ([], None, None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_flows_are_known_in_every_file_and_by_variables(tmp_path: Path) -> None:
    files = {
        "both.py": two_steps("A") + two_steps("B").partition("\n\n\n")[2],
        "asia/flow.py": two_steps("AsiaFlow"),
        "train.py": two_steps("TrainFlow"),
        "deployments/mfdeploy.yaml": MINE,
        "deployments/team/more.yaml": MORE,
    }
    result = init(write(tmp_path, files), context())
    assert result.flows == ["B"]
    assert "  B:\n    file: ../both.py\n    class: B\n" in result.manifest.read_text()


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    text = MINE.replace("  train:", "  TrainFlow:")
    files = {"train.py": two_steps("TrainFlow"), "b/train.py": two_steps("TrainFlow"), "deployments/a.yaml": text}
    result = init(write(tmp_path, files), context())
    assert result.flows == ["TrainFlow-2"]
    assert "dag_id: TrainFlow-2\n" in result.manifest.read_text()


def test_the_schema_is_written_beside_the_manifest_and_never_over_another(tmp_path: Path) -> None:
    result = init(write(tmp_path, {"flow.py": two_steps("A")}), context())
    schema = tmp_path / "deployments" / "mfdeploy.schema.json"
    assert result.schema == schema
    assert "flows" in json.loads(schema.read_text())["properties"]
    first = result.manifest.read_text().splitlines()[0]
    assert first == f"# yaml-language-server: $schema={schema.name}"
    schema.write_text("{}")
    again = init(tmp_path, context())
    assert (again.schema, again.old_schema, schema.read_text()) == (None, schema, "{}")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "build/\n"),
        ("*.pyc", "*.pyc\nbuild/\n"),
        ("*.pyc\n", "*.pyc\nbuild/\n"),
        ("/build\n", "/build\n"),
        ("b*\n", "b*\n"),
    ],
)
def test_git_ignores_what_is_built(before: str | None, after: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    write(tmp_path, {"flow.py": two_steps("A")} | ({".gitignore": before} if before else {}))
    result = init(tmp_path, context())
    assert (tmp_path / ".gitignore").read_text() == after
    assert (result.gitignore is None) == (before == after)
    assert init(tmp_path, context()).gitignore is None
    assert (tmp_path / ".gitignore").read_text() == after


def test_what_a_repository_above_ignores_is_left_out(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    flows = {"team/flow.py": two_steps("A"), "team/scratch/f.py": two_steps("B")}
    write(tmp_path, {".gitignore": "build/\nscratch/\n", **flows})
    result = init(tmp_path / "team", context())
    assert (result.flows, result.gitignore) == (["A"], None)
    assert not (tmp_path / "team" / ".gitignore").exists()


def test_without_git_there_is_no_gitignore(tmp_path: Path) -> None:
    assert init(write(tmp_path, {"flow.py": two_steps("A")}), context()).gitignore is None
    assert not (tmp_path / ".gitignore").exists()


def test_a_manifest_to_which_nothing_can_be_added_keeps_its_text(tmp_path: Path) -> None:
    text = f"{MINE.partition('flows:')[0]}...\n"
    result = init(write(tmp_path, {"flow.py": two_steps("A"), "deployments/m.yaml": text}), context())
    assert (tmp_path / "deployments" / "m.yaml").read_text() == text
    assert result.manifest == tmp_path / "deployments" / "flows.yaml"
    assert validate(Selection(tmp_path / "deployments"), context()).deployments == 1

"""Which environment and which manifests a command is about when nobody says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer import cli

from .conftest import edit_manifest

Output = pytest.CaptureFixture[str]
COMMANDS = (["show", "train"], ["render", "train"], ["history"], ["destroy", "--out", "plan.json"], ["rollback", "2"])


def keep_one_environment(project: Path) -> None:
    text = (project / "deployments" / "mfdeploy.yaml").read_text()
    (line,) = (line for line in text.splitlines(keepends=True) if line.startswith("  guarded:"))
    edit_manifest(project, line, "")


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_the_only_environment_needs_no_name(arguments: list[str], deployed: Path, capsys: Output) -> None:
    keep_one_environment(deployed)
    code = cli.run(arguments)
    out, err = capsys.readouterr()
    if arguments[0] == "rollback":
        assert (code, "several entries" in err or "entr" in err) == (1, True)
        assert "--env" not in err
    else:
        assert (code, bool(out)) == (0, True)


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_one_of_several_environments_must_be_named(arguments: list[str], deployed: Path, capsys: Output) -> None:
    assert cli.run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: --env is missing: the environments are guarded, local; for example --env guarded\n")


def test_without_manifests_that_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["show", "train"]) == 1
    assert "the manifest folder 'deployments' does not exist" in capsys.readouterr().err


def test_manifests_without_an_environment_say_what_is_wrong(project: Path, capsys: Output) -> None:
    (project / "deployments" / "mfdeploy.yaml").write_text("version: 1\nproject: a\nflows: [\n")
    assert cli.run(["show", "train"]) == 1
    assert "deployments/mfdeploy.yaml:" in capsys.readouterr().err


def listed(capsys: Output) -> list[str]:
    assert cli.run(["list", "--format", "json", "--no-flows"]) == 0
    return [each["address"] for each in json.loads(capsys.readouterr().out)["deployments"]]


def in_the_manifests(project: Path) -> Path:
    return project / "deployments"


def in_a_folder_of_the_manifests(project: Path) -> Path:
    return project / "deployments" / "teams"


def in_the_repository(project: Path) -> Path:
    (project / ".git").mkdir()
    return project / "flows" / "deep"


@pytest.mark.parametrize("where", [in_the_manifests, in_a_folder_of_the_manifests, in_the_repository])
def test_the_manifests_are_found_from_below(
    where: Callable[[Path], Path], project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    here = where(project)
    here.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(here)
    assert cli.run(["list", "--no-flows"]) == 0
    out, err = capsys.readouterr()
    assert "train" in out
    assert err.startswith("Manifests: .")
    assert listed(capsys) == ["local/train"]


def outside_of_a_repository(project: Path) -> Path:
    return project / "flows"


def above_the_root_of_the_repository(project: Path) -> Path:
    (project / "flows" / ".git").write_text("gitdir: elsewhere")  # as in a worktree or a submodule
    (project / "flows" / "deep").mkdir()
    return project / "flows" / "deep"


@pytest.mark.parametrize("where", [outside_of_a_repository, above_the_root_of_the_repository])
def test_manifests_elsewhere_are_not_taken(
    where: Callable[[Path], Path], project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(where(project))
    assert cli.run(["list"]) == 1
    assert "the manifest folder 'deployments' does not exist" in capsys.readouterr().err


def test_a_folder_that_is_named_is_not_looked_for(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(in_the_repository(project).parent)
    assert cli.run(["list", "--manifests", "deployments"]) == 1
    assert "the manifest folder 'deployments' does not exist" in capsys.readouterr().err


def test_the_list_shows_a_broken_flow_too(project: Path, capsys: Output) -> None:
    (project / "flows" / "broken.py").write_text("import no_such_module\n")
    edit_manifest(project, "flows:\n", "flows:\n  broken: {file: ../flows/broken.py, environments: [local]}\n")
    assert cli.run(["show", "--env", "local", "--format", "json"]) == 1
    out, err = capsys.readouterr()
    found = {each["flow"]: (each["dag_id"], each["compiled"]) for each in json.loads(out)["deployments"]}
    assert found == {"broken": (None, False), "train": ("TrainFlow.local", True)}
    assert "flows/broken.py:1: error:" in err

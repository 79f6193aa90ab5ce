"""What a shell is offered, and how the completion is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.cli.app import build_command
from deployer.cli.completion import complete_address, complete_environment, complete_flow
from deployer.cli.help import AnyContext

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")
MANIFEST = """\
variables: {where: null}
environments:
  local: {}
  prod: {}
flows:
  train: {environments: [prod]}
  tune: {}
  report: {environments: "${var.where}"}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "a.yaml").write_text(MANIFEST)
    return tmp_path


def context(folder: Path) -> AnyContext:
    """What Typer hands to a completion of `plan`."""
    arguments = ["--manifests", str(folder / "deployments")]
    return build_command("plan").make_context("plan", arguments, resilient_parsing=True)


def test_environments(folder: Path) -> None:
    assert complete_environment(context(folder), "") == ["local", "prod"]
    assert complete_environment(context(folder), "p") == ["prod"]


def test_flows_and_after_a_slash_addresses(folder: Path) -> None:
    assert complete_flow(context(folder), "t") == ["train", "tune"]
    assert complete_flow(context(folder), "local/") == ["local/report", "local/tune"]


def test_addresses_are_those_of_each_flow_s_environments(folder: Path) -> None:
    everything = ["local/report", "local/tune", "prod/report", "prod/train", "prod/tune"]
    assert complete_address(context(folder), "") == everything


@pytest.mark.parametrize("text", [None, "a: [", "- 1\n", "flows: 3\n", "flows: {a: 3}\n"])
def test_of_manifests_that_cannot_be_read_nothing_is_offered(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "deployments").mkdir()
        (tmp_path / "deployments" / "a.yaml").write_text(text)
    assert complete_environment(context(tmp_path), "") == []
    assert complete_address(context(tmp_path), "") == []


def complete(folder: Path, words: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "_MFDEPLOY_COMPLETE": "complete_bash"}
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [MFDEPLOY], cwd=folder, env={**environ, **asked}, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_is_offered_commands_options_and_names(folder: Path) -> None:
    assert complete(folder, "mfdeploy pl") == ["plan"]
    permissions = ["--allow-delete", "--allow-mass-change", "--allow-branch"]
    of_saved_plans = ["--allow-rollback", "--allow-destroy", "--allow-adopt"]
    assert complete(folder, "mfdeploy apply --allow-") == [*permissions, *of_saved_plans]
    assert complete(folder, "mfdeploy plan --format m") == ["markdown"]
    assert complete(folder, "mfdeploy plan --env ") == ["local", "prod"]
    assert complete(folder, "mfdeploy show t") == ["train", "tune"]
    assert complete(folder, "mfdeploy env t") == ["train", "tune"]
    assert complete(folder, "mfdeploy list --exclude prod/t") == ["prod/train", "prod/tune"]
    assert complete(folder, "mfdeploy plan --var ") == ["where="]


def test_names_come_from_the_manifests_of_the_repository(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "flows").mkdir()
    assert complete(folder / "flows", "mfdeploy plan --env ") == ["local", "prod"]
    (folder / "deployments" / "a.yaml").write_text("environments: [")
    assert complete(folder / "flows", "mfdeploy plan --env ") == []


def test_completion_is_shown_and_installed(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for option, code in (("--show-completion", 0), ("--install-completion", 0)):
        # Typer looks for the shell among the parents of the process; `true` keeps bash from replacing itself.
        command = ["bash", "-c", f'"{MFDEPLOY}" {option}; code=$?; true; exit $code']
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (code, "")
        assert "_MFDEPLOY_COMPLETE=complete_bash" in done.stdout or "completion installed" in done.stdout
    assert "mfdeploy" in (tmp_path / ".bashrc").read_text()

"""A tiny project on this machine: one flow, applied twice, so that there is something to plan, restore and delete."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import two_steps

MANIFEST = """\
version: 1
project: growth
environments:
  local: {target: ../build/dags, compute: local, datastore: ../build/metaflow}
  guarded: {target: ../build/guarded, compute: local, datastore: ../build/metaflow, protect: true}
flows:
  train: {file: ../flows/train.py, environments: [local]}
"""


def write_project(folder: Path) -> Path:
    """The project before its first apply."""
    (folder / "deployments").mkdir(parents=True)
    (folder / "deployments" / "mfdeploy.yaml").write_text(MANIFEST)
    (folder / "flows").mkdir()
    (folder / "flows" / "train.py").write_text(two_steps("TrainFlow"), encoding="utf-8")
    return folder


def edit_manifest(folder: Path, old: str, new: str) -> None:
    """Replace text that must be in the manifest once."""
    path = folder / "deployments" / "mfdeploy.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def applied_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The deployed project: do not change it."""
    folder = write_project(tmp_path_factory.mktemp("cli") / "project")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "USER": "ada"}
    apply = [sys.executable, "-m", "deployer.cli", "apply", "--yes"]
    subprocess.run(apply, cwd=folder, env=environ, check=True, capture_output=True)
    edit_manifest(folder, "environments: [local]", "environments: [local], tags: [nightly]")
    subprocess.run(apply, cwd=folder, env=environ, check=True, capture_output=True)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project before its first apply, as working directory."""
    folder = write_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def deployed(applied_twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the deployed project, as working directory."""
    shutil.copytree(applied_twice, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"

"""The pre-commit hook, run as pre-commit does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.action.repository import Repository, load
from tests.e2e.project import ROOT


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path).make()


@pytest.mark.slow
def test_the_pre_commit_hook_refuses_a_bad_manifest(repository: Repository) -> None:
    (hook,) = load(ROOT / ".pre-commit-hooks.yaml")
    assert shlex.split(hook["entry"])[0] == "mfdeploy"
    assert re.search(hook["files"], "deployments/mfdeploy.yaml")
    assert repository.bash(hook["entry"]).returncode == 0
    repository.manifest.write_text(repository.manifest.read_text().replace("hourly:", "hourly: {fil: x}\n  b:"))
    refused = repository.bash(hook["entry"])
    assert refused.returncode == 1
    assert "unknown key 'fil'; did you mean 'file'?" in refused.stderr

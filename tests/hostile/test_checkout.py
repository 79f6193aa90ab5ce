"""What is checked in may look like a repository, or lead out of one: nothing of it runs, or is written there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployer.vcs.git import Git
from deployer.vcs.repository import check_out, commit_of, find_revision
from tests.hostile.payloads import CANARY, ran
from tests.targets.repositories import WHO


@pytest.fixture(autouse=True)
def identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name, value in WHO.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], capture_output=True, check=True, text=True).stdout.strip()


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force", ".")
    git(folder, "commit", "-q", "-m", "x")


def test_a_folder_that_looks_like_a_repository_is_none(tmp_path: Path) -> None:
    project = repository(tmp_path / "project")
    inside = repository(tmp_path / "inside")
    (inside / "file").write_text("x")
    commit(inside)
    for name, value in (("fsmonitor", f"touch {tmp_path / CANARY}; :"), ("worktree", "/"), ("pager", "touch x")):
        git(inside, "config", f"core.{name}", value)
    (inside / ".git").rename(project / "deployments")
    (project / "deployments" / "m.yaml").write_text("version: 1\n")
    commit(project)
    found = commit_of(Git(os.environ), project / "deployments", {project / "deployments" / "m.yaml"})
    assert found in (None, git(project, "rev-parse", "HEAD"))
    assert ran(tmp_path) == []


def test_a_link_of_the_revision_leads_nothing_out(tmp_path: Path) -> None:
    project = repository(tmp_path / "project")
    outside = tmp_path / "outside"
    outside.mkdir()
    (project / "pkg").symlink_to(outside)
    commit(project)
    (project / "pkg").unlink()
    (project / "pkg").mkdir()
    (project / "pkg" / "a.py").write_text("x = 1\n")
    (project / ".gitignore").write_text("*.local\n")
    commit(project)
    (project / "pkg" / "settings.local").write_text("of this machine")
    tree = tmp_path / "tmp" / "tree"
    tree.parent.mkdir()
    runner = Git(os.environ)
    check_out(runner, find_revision(runner, project, "HEAD^"), tree)
    assert (tree / "pkg").is_symlink()
    assert list(outside.iterdir()) == []

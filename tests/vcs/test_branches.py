"""Which branches exist, and which one is being deployed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.vcs.git import Git
from deployer.vcs.repository import branches_at_origin, local_branches, source_branch_of

GIT = Git(os.environ)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of `main`; at origin there is `feature/x`, too, and here `local`."""
    folder = tmp_path / "here"
    folder.mkdir()
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "origin.git")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "remote", "add", "origin", "../origin.git")
    git(folder, "push", "-q", "origin", "main", "main:feature/x", "main:refs/tags/v1")
    git(folder, "branch", "local")
    return folder


def test_branches_here_and_at_origin(checkout: Path) -> None:
    assert branches_at_origin(GIT, checkout) == {"main", "feature/x"}
    assert local_branches(GIT, checkout) == {"main", "local"}


def test_an_origin_that_cannot_be_asked_is_an_error(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "remote", "set-url", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(DeployError, match="the branches at origin are not known"):
        branches_at_origin(GIT, checkout)
    git(checkout, "remote", "remove", "origin")
    with pytest.raises(DeployError, match="--existing") as caught:
        branches_at_origin(GIT, checkout)
    # The reason, and not the last line of git's advice.
    assert "'origin' does not appear to be a git repository" in str(caught.value)
    assert "and the repository exists" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "main"),
        ({"GITHUB_HEAD_REF": ""}, "main"),
        ({"GITHUB_HEAD_REF": "feature/\udcff"}, "main"),  # no text, and a record holds text
        ({"GITHUB_HEAD_REF": "feature/x", "GITHUB_REF": "refs/pull/12/merge"}, "feature/x"),
        ({"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/x"}, "feature/x"),
        ({"SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x"}, "feature/x"),
        ({"CHANGE_BRANCH": "feature/x", "BRANCH_NAME": "PR-12"}, "feature/x"),
    ],
)
def test_the_branch_that_a_pull_request_asks_to_merge_is_deployed(
    checkout: Path, environ: dict[str, str], expected: str
) -> None:
    assert source_branch_of(GIT, checkout, environ) == expected

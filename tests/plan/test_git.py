"""Which commit and branch an apply is from, on real repositories and with the variables of CI services."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions, other_branch
from deployer.vcs.git import Git
from deployer.vcs.repository import branch_of, check_out, commit_of, find_revision
from tests.contexts import refuse_unguarded
from tests.history.applying import AppliedFolder

GIT = Git(os.environ)


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init")
    (folder / "a.txt").write_text("a")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "a")
    return folder


@pytest.fixture
def commit(repository: Path) -> str:
    """The commit of a repository that has no branch checked out, as CI services leave it."""
    git(repository, "checkout", "--detach")
    return git(repository, "rev-parse", "HEAD")


def test_a_commit_is_dirty_when_files_that_count_differ(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    counted, other = repository / "a.txt", repository / "flows" / "b.py"
    assert commit_of(GIT, repository, {counted}) == head
    other.parent.mkdir()
    other.write_text("b")
    assert commit_of(GIT, repository, {counted}) == head
    assert commit_of(GIT, repository, {counted, other}) == f"{head}-dirty"
    git(repository, "add", ".")
    assert commit_of(GIT, repository, {counted, other}) == f"{head}-dirty"
    counted.write_text("changed")
    assert commit_of(GIT, repository, {counted}) == f"{head}-dirty"


def test_files_beside_the_folder_count_too(repository: Path) -> None:
    (repository / "flows").mkdir()
    flow = repository / "flows" / "b.py"
    flow.write_text("b")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "b")
    (repository / "deployments").mkdir()
    head = git(repository, "rev-parse", "HEAD")
    assert commit_of(GIT, repository / "deployments", {flow}) == head
    flow.write_text("changed")
    assert commit_of(GIT, repository / "deployments", {flow}) == f"{head}-dirty"


def test_a_deleted_file_beside_those_that_count_is_a_difference(repository: Path) -> None:
    (repository / "gone.txt").write_text("b")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "b")
    (repository / "gone.txt").unlink()
    assert commit_of(GIT, repository, {repository / "a.txt"}) == f"{git(repository, 'rev-parse', 'HEAD')}-dirty"


def test_a_file_outside_of_the_repository_is_of_no_commit(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("")
    head = git(repository, "rev-parse", "HEAD")
    assert commit_of(GIT, repository, {repository / "a.txt", tmp_path / "outside.py"}) == f"{head}-dirty"


def test_files_that_git_cannot_compare_are_not_called_clean(repository: Path) -> None:
    (repository / ".git" / "index").write_bytes(b"damaged")
    assert commit_of(GIT, repository, {repository / "a.txt"}) == f"{git(repository, 'rev-parse', 'HEAD')}-dirty"


def test_there_is_no_commit_or_branch_without_a_repository(tmp_path: Path) -> None:
    assert (commit_of(GIT, tmp_path, ()), branch_of(GIT, tmp_path, {})) == (None, None)


def test_there_is_no_commit_or_branch_without_git(tmp_path: Path, repository: Path) -> None:
    missing = Git({"PATH": str(tmp_path)})
    assert (commit_of(missing, repository, ()), branch_of(missing, repository, {})) == (None, None)
    assert branch_of(missing, repository, {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": "0" * 40}) == "main"
    with pytest.raises(DeployError, match="git is not installed"):
        find_revision(missing, repository, "HEAD")


def test_git_knows_best(repository: Path) -> None:
    git(repository, "checkout", "-b", "release/1.0")
    head = git(repository, "rev-parse", "HEAD")
    assert branch_of(GIT, repository, {"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": head}) == "release/1.0"


def test_in_a_git_hook_the_repository_of_the_manifests_is_read(repository: Path, tmp_path: Path) -> None:
    """A hook of another repository runs with variables that lead git there, whatever the working directory is."""
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-b", "hooked")
    git(other, "commit", "--allow-empty", "-m", "b")
    git(repository, "checkout", "-b", "release/1.0")
    head = git(repository, "rev-parse", "HEAD")
    hook = {
        "GIT_DIR": str(other / ".git"),
        "GIT_WORK_TREE": str(other),
        "GIT_INDEX_FILE": str(other / ".git" / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / ".git" / "objects"),
        "GIT_COMMON_DIR": str(other / ".git"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_PREFIX": "below/",
        "GIT_CONFIG_PARAMETERS": "'status.showUntrackedFiles'='no'",
    }
    index = (other / ".git" / "index").read_bytes()
    hooked = Git({**os.environ, **hook})
    counted = {repository / "a.txt", repository / "b.txt"}
    assert commit_of(hooked, repository, counted) == head
    assert branch_of(hooked, repository, {}) == "release/1.0"
    revision = find_revision(hooked, repository, "HEAD")
    assert (revision.top, revision.commit) == (repository, head)
    check_out(hooked, revision, tmp_path / "tree")
    assert (tmp_path / "tree" / "a.txt").read_text() == "a"
    (repository / "b.txt").write_text("b")
    assert commit_of(hooked, repository, counted) == f"{head}-dirty"
    assert (other / ".git" / "index").read_bytes() == index


@pytest.mark.parametrize(
    ("variables", "branch"),
    [
        ({}, None),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "HEAD"}, "main"),
        ({"GITHUB_REF": "refs/heads/release/1", "GITHUB_SHA": "HEAD"}, "release/1"),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_SHA": "0" * 40}, None),  # something else was checked out since
        ({"GITHUB_REF": "refs/heads/main"}, None),
        ({"GITHUB_REF": "refs/tags/main", "GITHUB_SHA": "HEAD"}, None),
        (
            {
                "GITHUB_REF": "refs/pull/12/merge",
                "GITHUB_REF_NAME": "12/merge",
                "GITHUB_HEAD_REF": "main",
                "GITHUB_SHA": "HEAD",
            },
            None,
        ),
        ({"CI_COMMIT_BRANCH": "main", "CI_COMMIT_SHA": "HEAD"}, "main"),
        ({"CI_COMMIT_TAG": "main", "CI_COMMIT_REF_NAME": "main", "CI_COMMIT_SHA": "HEAD"}, None),
        ({"CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main", "CI_COMMIT_SHA": "HEAD"}, None),
        ({"BUILD_SOURCEBRANCH": "refs/heads/main", "BUILD_SOURCEVERSION": "HEAD"}, "main"),
        ({"BUILD_SOURCEBRANCH": "refs/pull/1/merge", "BUILD_SOURCEVERSION": "HEAD"}, None),
        ({"BITBUCKET_BRANCH": "main", "BITBUCKET_COMMIT": "HEAD"}, "main"),
        ({"BITBUCKET_BRANCH": "main", "BITBUCKET_COMMIT": "HEAD", "BITBUCKET_PR_ID": "7"}, None),
        ({"CIRCLE_BRANCH": "main", "CIRCLE_SHA1": "HEAD"}, "main"),
        ({"CIRCLE_BRANCH": "main", "CIRCLE_SHA1": "HEAD", "CIRCLE_PULL_REQUEST": "https://x/1"}, None),
        ({"BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_PULL_REQUEST": "false"}, "main"),
        ({"BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_PULL_REQUEST": "3"}, None),
        ({"BRANCH_NAME": "main", "GIT_COMMIT": "HEAD"}, "main"),
    ],
    ids=str,
)
def test_without_a_branch_the_ci_service_says_it(
    variables: Mapping[str, str], branch: str | None, repository: Path, commit: str
) -> None:
    environ = {name: commit if value == "HEAD" else value for name, value in variables.items()}
    assert branch_of(GIT, repository, environ) == branch


def planning_of(site: AppliedFolder, folder: Path, *branches: str) -> PlanContext:
    """A plan with one change, whose manifests are in that folder, for an environment of these branches."""
    made = site.plan({"train": "0 1 * * *"})
    guarded = {"prod": site.environment.model_copy(update={"branches": branches})}
    manifests = replace(made.desired.manifests, environments=guarded)
    return replace(made, folder=folder, desired=replace(made.desired, manifests=manifests))


@pytest.mark.parametrize(
    ("branch", "patterns", "allowed"),
    [
        ("main", ("main",), True),
        ("release/1.0", ("main", "release/*"), True),
        ("mainline", ("main",), False),
        ("Main", ("main",), False),
        ("feature", (), True),
    ],
)
def test_an_environment_is_applied_from_its_branches_only(
    branch: str, patterns: tuple[str, ...], allowed: bool, repository: Path, tmp_path: Path
) -> None:
    git(repository, "checkout", "-B", branch)
    planning = planning_of(AppliedFolder(tmp_path), repository, *patterns)
    found = [each.code for each in other_branch(planning.plan, planning.environments, branch)]
    assert found == ([] if allowed else ["other-branch"])


def test_an_apply_from_another_branch_is_refused_unless_allowed(repository: Path, tmp_path: Path) -> None:
    git(repository, "checkout", "-b", "fix")
    planning = planning_of(AppliedFolder(tmp_path), repository, "main", "release/*")
    with pytest.raises(DeployError) as raised:
        refuse_unguarded(planning, Permissions())
    (problem,) = raised.value.diagnostics
    assert problem.message == "prod can be applied only from main or release/*, but the current branch is fix"
    assert problem.path == "environments.prod.branches"
    assert "--allow-branch" in problem.hint
    refuse_unguarded(planning, Permissions(branch=True))


def test_where_no_branch_is_known_none_is_right(repository: Path, commit: str, tmp_path: Path) -> None:
    planning = planning_of(AppliedFolder(tmp_path), repository, "*")
    (problem,) = other_branch(planning.plan, planning.environments, None)
    assert problem.message == "prod can be applied only from *, but no branch is checked out"

"""The repository of the manifests: its commit and branch, and the files of another revision."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployError, Diagnostic
from deployer.vcs.git import Git

_NOT_SHARED = {"__pycache__", ".git"}


@dataclass(frozen=True)
class Revision:
    """A commit of the repository at `top`: as it was asked for, and its full id."""

    top: Path
    name: str
    commit: str


# Where CI services say which branch they checked out, with what stands before its name, and which commit that is. What
# a pull request's pipeline runs on is no branch of the repository: anybody may call theirs "main".
_SERVICES = (
    ("GITHUB_REF", "refs/heads/", "GITHUB_SHA"),
    ("CI_COMMIT_BRANCH", "", "CI_COMMIT_SHA"),  # GitLab; not set in a merge request's pipeline
    ("BUILD_SOURCEBRANCH", "refs/heads/", "BUILD_SOURCEVERSION"),  # Azure Pipelines
    ("BITBUCKET_BRANCH", "", "BITBUCKET_COMMIT"),
    ("CIRCLE_BRANCH", "", "CIRCLE_SHA1"),
    ("BUILDKITE_BRANCH", "", "BUILDKITE_COMMIT"),
    ("BRANCH_NAME", "", "GIT_COMMIT"),  # Jenkins; PR-12 for a pull request
)
# Set, and not "false", where the pipeline is one of a pull request.
_PULL_REQUESTS = ("BITBUCKET_PR_ID", "CIRCLE_PULL_REQUEST", "BUILDKITE_PULL_REQUEST")


def commit_of(git: Git, folder: Path) -> str | None:
    """The checked-out commit of the folder's repository, ``-dirty`` after it when files below the folder differ.

    None outside a repository, or where there is no git.
    """
    commit = _git(git, folder, "rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}-dirty" if _git(git, folder, "status", "--porcelain", "--", ".") else commit


def find_revision(git: Git, folder: Path, name: str) -> Revision:
    """The commit that `name` is in the repository of a folder. Raises DeployError."""
    top = _git(git, folder, "rev-parse", "--show-toplevel")
    if not top:
        message = f"{folder} is in no git repository, so that there is nothing to plan against"
        raise DeployError(Diagnostic("no-repository", message, hint="plan without --against"))
    commit = _git(git, folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if not commit:
        hint = "fetch it first (git fetch origin main, then origin/main): a CI service often clones one branch alone"
        raise DeployError(Diagnostic("unknown-revision", f"git knows no revision {name!r} here", hint=hint))
    return Revision(Path(top).resolve(), name, commit)


def check_out(git: Git, revision: Revision, tree: Path) -> None:
    """Write the revision's files into a folder that does not exist yet; the repository and its index stay as they are.

    What git ignores in the working tree (a virtual environment, a local file) is linked there: it belongs to the
    machine and to no revision. Raises DeployError.
    """
    index = {"GIT_INDEX_FILE": str(tree.with_name("index"))}
    tree.mkdir()
    _must(git, revision.top, index, "read-tree", revision.commit)
    _must(git, revision.top, index, "checkout-index", "--all", f"--prefix={tree}/")
    for name in _ignored(git, revision.top):
        link = tree / name
        # A folder of the working tree may be a link in the revision, to anywhere.
        inside = link.parent.is_dir() and link.parent.resolve().is_relative_to(tree.resolve())
        if inside and not os.path.lexists(link):
            link.symlink_to(revision.top / name)


def _ignored(git: Git, top: Path) -> list[str]:
    listed = _git(git, top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    names = [name.rstrip("/") for name in listed.split("\0") if name]
    return [name for name in names if not _NOT_SHARED & set(Path(name).parts)]


def branch_of(git: Git, folder: Path, environ: Mapping[str, str]) -> str | None:
    """The branch that the folder's repository is on; None where that is not known.

    CI services check out a commit and no branch, so that git does not know: then the variables of the service say it,
    as long as that commit is still the one checked out.
    """
    branch = _git(git, folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if branch:
        return branch
    commit = _git(git, folder, "rev-parse", "HEAD")
    for variable, prefix, of_commit in _SERVICES:
        value = environ.get(variable, "")
        if not value.startswith(prefix) or value == prefix:
            continue
        # Without git there is nothing to hold the commit against.
        if not commit or environ.get(of_commit) == commit:
            return None if _is_pull_request(environ) else value[len(prefix) :]
    return None


def _is_pull_request(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name, "") not in ("", "false") for name in _PULL_REQUESTS)


def _git(git: Git, folder: Path, *words: str) -> str:
    done = git.run(folder, words, {})
    return done.stdout.strip() if done is not None and done.returncode == 0 else ""


def _must(git: Git, folder: Path, variables: Mapping[str, str], *words: str) -> None:
    done = git.run(folder, words, variables)
    if done is None or done.returncode != 0:
        said = done.stderr.strip().splitlines() if done is not None else []
        raise DeployError(Diagnostic("git", f"git {words[0]} failed: {said[-1] if said else 'it cannot be started'}"))

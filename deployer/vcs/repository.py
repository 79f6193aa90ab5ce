"""The git repository of the manifests: commit, branch, and the files of another revision."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployError, Diagnostic
from deployer.vcs.git import Git, GitError

_NOT_SHARED = {"__pycache__", ".git"}


@dataclass(frozen=True)
class Revision:
    """A commit of the repository at `top`: the name that the user gave, and the full id."""

    top: Path
    name: str
    commit: str


# For each CI service: the variable with the checked-out branch, the prefix of its value, and the variable with the
# commit. The branch of a pull request does not count: it may be in another repository and also be named "main".
_SERVICES = (
    ("GITHUB_REF", "refs/heads/", "GITHUB_SHA"),
    ("CI_COMMIT_BRANCH", "", "CI_COMMIT_SHA"),  # GitLab; not set in a merge request's pipeline
    ("BUILD_SOURCEBRANCH", "refs/heads/", "BUILD_SOURCEVERSION"),  # Azure Pipelines
    ("BITBUCKET_BRANCH", "", "BITBUCKET_COMMIT"),
    ("CIRCLE_BRANCH", "", "CIRCLE_SHA1"),
    ("BUILDKITE_BRANCH", "", "BUILDKITE_COMMIT"),
    ("BRANCH_NAME", "", "GIT_COMMIT"),  # Jenkins; PR-12 for a pull request
)
# The branch that a pull request asks to merge, which is of interest for its own preview only.
_SOURCES = (
    ("GITHUB_HEAD_REF", ""),
    ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", ""),
    ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/"),
    ("CHANGE_BRANCH", ""),  # Jenkins
    ("BITBUCKET_BRANCH", ""),
    ("CIRCLE_BRANCH", ""),
    ("BUILDKITE_BRANCH", ""),
)
_HEADS = "refs/heads/"
# Set, and not "false", in the pipeline of a pull request.
_PULL_REQUESTS = ("BITBUCKET_PR_ID", "CIRCLE_PULL_REQUEST", "BUILDKITE_PULL_REQUEST")


def commit_of(git: Git, folder: Path, files: Collection[Path]) -> str | None:
    """The checked-out commit of the folder's repository, with ``-dirty`` if one of these files is not as in the commit.

    Also if git cannot tell, as for a file outside of the repository, and if a file of the same kind was deleted beside
    one of them. None outside of a repository, or if git is not installed.
    """
    commit = _query(git, folder, "rev-parse", "HEAD")
    if not commit:
        return None
    try:
        clean = not _is_dirty(git, folder, {Path(os.path.realpath(file)) for file in files})
    except GitError:
        clean = False  # it is unknown whether the files are those of the commit
    return commit if clean else f"{commit}-dirty"


def _is_dirty(git: Git, folder: Path, files: Collection[Path]) -> bool:
    """Raises GitError."""
    top = Path(git.run(folder, "rev-parse", "--show-toplevel").text)
    if any(not file.is_relative_to(top) for file in files):
        return True
    folders = {os.path.relpath(file.parent, top) for file in files}
    if not folders:
        return False
    options = ("--porcelain", "-z", "--untracked-files=all", "--no-renames", "--")
    status = git.run(top, "status", *options, *sorted(folders))
    kinds = {file.suffix for file in files}
    for line in filter(None, os.fsdecode(status.stdout).split("\0")):
        states, path = line[:2], top / line[3:]
        if path in files or ("D" in states and path.suffix in kinds):
            return True
    return False


def branch_of(git: Git, folder: Path, environ: Mapping[str, str]) -> str | None:
    """The checked-out branch of the folder's repository; None if unknown.

    CI services check out a commit without a branch. The branch is then taken from the variables of the service, if
    the commit in these variables is the checked-out one.
    """
    branch = _query(git, folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if branch:
        return branch
    commit = _query(git, folder, "rev-parse", "HEAD")
    for variable, prefix, of_commit in _SERVICES:
        value = environ.get(variable, "")
        if not value.startswith(prefix) or value == prefix:
            continue
        # Without git there is no commit to compare.
        if not commit or environ.get(of_commit) == commit:
            return None if _is_pull_request(environ) else value[len(prefix) :]
    return None


def source_branch_of(git: Git, folder: Path, environ: Mapping[str, str]) -> str | None:
    """The branch that is being deployed, also in the pipeline of a pull request: the one that it asks to merge."""
    for variable, prefix in _SOURCES:
        value = environ.get(variable, "")
        if value.startswith(prefix) and value != prefix and value.isprintable():
            return value[len(prefix) :]
    return branch_of(git, folder, environ)


def branches_at_origin(git: Git, folder: Path) -> frozenset[str]:
    """The branches of the remote ``origin``, which is asked. Raises DeployError if it cannot be."""
    try:
        listed = git.run(folder, "ls-remote", "--heads", "--", "origin")
    except GitError as error:
        hint = "say which branches there are with --existing"
        raise DeployError(Diagnostic("git", f"the branches at origin are not known: {error}", hint=hint)) from error
    names = (line.partition("\t")[2] for line in os.fsdecode(listed.stdout).splitlines())
    return frozenset(name.removeprefix(_HEADS) for name in names if name.startswith(_HEADS))


def local_branches(git: Git, folder: Path) -> frozenset[str]:
    """The branches of the repository of a folder; none outside of a repository."""
    listed = _query(git, folder, "for-each-ref", "--format=%(refname)", _HEADS)
    return frozenset(name.removeprefix(_HEADS) for name in listed.splitlines())


def find_revision(git: Git, folder: Path, name: str) -> Revision:
    """The commit that `name` means in the repository of a folder. Raises DeployError."""
    hint = "plan without --against"
    try:
        top = git.run(folder, "rev-parse", "--show-toplevel").text
    except GitError as error:
        if error.result is None:
            raise DeployError(Diagnostic("git", str(error), hint=hint)) from error
        message = f"{folder} is not in a git repository, so there is no revision to compare with"
        raise DeployError(Diagnostic("no-repository", message, hint=hint)) from error
    commit = _query(git, folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if not commit:
        hint = "fetch it first (git fetch origin main, then origin/main): CI services often clone a single branch"
        raise DeployError(Diagnostic("unknown-revision", f"unknown git revision {name!r}", hint=hint))
    return Revision(Path(top).resolve(), name, commit)


def check_out(git: Git, revision: Revision, tree: Path) -> None:
    """Write the files of a revision to a new folder. The repository and its index are not changed.

    Files that git ignores in the working tree (such as a virtual environment) are linked into the new folder, because
    they belong to the machine and not to a revision. Raises DeployError.
    """
    index = {"GIT_INDEX_FILE": str(tree.with_name("index"))}
    tree.mkdir()
    try:
        git.run(revision.top, "read-tree", revision.commit, variables=index)
        git.run(revision.top, "checkout-index", "--all", f"--prefix={tree}/", variables=index)
    except GitError as error:
        raise DeployError(Diagnostic("git", str(error))) from error
    for name in _ignored(git, revision.top):
        link = tree / name
        # A folder of the working tree may be a symbolic link to anywhere in the revision.
        inside = link.parent.is_dir() and link.parent.resolve().is_relative_to(tree.resolve())
        if inside and not os.path.lexists(link):
            link.symlink_to(revision.top / name)


def ignored_files(git: Git, folder: Path, files: Collection[Path]) -> set[Path] | None:
    """Which of some files git ignores, all relative to the folder; None outside of a repository, or without git."""
    # With ./ in front no name has a meaning of its own; git refuses to take them literally here.
    names = b"".join(b"./" + os.fsencode(file) + b"\0" for file in files)
    try:
        literal = {"GIT_LITERAL_PATHSPECS": "0"}
        found = git.run(folder, "check-ignore", "-z", "--stdin", stdin=names, variables=literal).stdout
    except GitError as error:
        # 1 is its answer for "none of them".
        return set() if error.result is not None and error.result.code == 1 else None
    return {Path(os.fsdecode(name)) for name in found.split(b"\0") if name}


def _ignored(git: Git, top: Path) -> list[str]:
    listed = _query(git, top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    names = [name.rstrip("/") for name in listed.split("\0") if name]
    return [name for name in names if not _NOT_SHARED & set(Path(name).parts)]


def _is_pull_request(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name, "") not in ("", "false") for name in _PULL_REQUESTS)


def _query(git: Git, folder: Path, *arguments: str) -> str:
    """The output of git; empty if git fails or is not installed, as if there were no repository."""
    try:
        return git.run(folder, *arguments).text
    except GitError:
        return ""

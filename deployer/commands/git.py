"""The repository of the manifests: which commit is being applied, and the files of another revision."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import DeployError, Diagnostic

_NOT_SHARED = {"__pycache__", ".git"}


@dataclass(frozen=True)
class Revision:
    """A commit of the repository at `top`: as it was asked for, and its full id."""

    top: Path
    name: str
    commit: str


def commit_of(folder: Path) -> str | None:
    """The checked-out commit of the folder's repository, ``-dirty`` after it when files below the folder differ.

    None outside a repository, or where there is no git.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--", ".") else commit


def find_revision(folder: Path, name: str) -> Revision:
    """The commit that `name` is in the repository of a folder. Raises DeployError."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if not top:
        message = f"{folder} is in no git repository, so that there is nothing to plan against"
        raise DeployError(Diagnostic("no-repository", message, hint="plan without --against"))
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if not commit:
        hint = "fetch it first (git fetch origin main, then origin/main): a CI service often clones one branch alone"
        raise DeployError(Diagnostic("unknown-revision", f"git knows no revision {name!r} here", hint=hint))
    return Revision(Path(top).resolve(), name, commit)


def check_out(revision: Revision, tree: Path) -> None:
    """Write the revision's files into a folder that does not exist yet; the repository and its index stay as they are.

    What git ignores in the working tree (a virtual environment, a local file) is linked there: it belongs to the
    machine and to no revision. Raises DeployError.
    """
    index = {"GIT_INDEX_FILE": str(tree.with_name("index"))}
    tree.mkdir()
    _must(revision.top, index, "read-tree", revision.commit)
    _must(revision.top, index, "checkout-index", "--all", f"--prefix={tree}/")
    for name in _ignored(revision.top):
        link = tree / name
        if link.parent.is_dir() and not os.path.lexists(link):
            link.symlink_to(revision.top / name)


def _ignored(top: Path) -> list[str]:
    listed = _git(top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    names = [name.rstrip("/") for name in listed.split("\0") if name]
    return [name for name in names if not _NOT_SHARED & set(Path(name).parts)]


def _git(folder: Path, *words: str) -> str:
    done = _run(folder, words, {})
    return done.stdout.strip() if done is not None and done.returncode == 0 else ""


def _must(folder: Path, variables: Mapping[str, str], *words: str) -> None:
    done = _run(folder, words, variables)
    if done is None or done.returncode != 0:
        said = done.stderr.strip().splitlines() if done is not None else []
        raise DeployError(Diagnostic("git", f"git {words[0]} failed: {said[-1] if said else 'it cannot be started'}"))


def _run(folder: Path, words: tuple[str, ...], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str] | None:
    # Without optional locks `status` does not refresh the index on disk: nothing of the user's is touched.
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    environment = {**os.environ, **variables}
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, errors="replace", env=environment)
    except OSError:
        return None

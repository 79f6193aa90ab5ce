"""Which commit is being applied, for the record, and from which branch, for environments that name theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

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


def commit_of(folder: Path) -> str | None:
    """The checked-out commit of the folder's repository, ``-dirty`` after it when files below the folder differ.

    None outside a repository, or where there is no git.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return None
    return f"{commit}-dirty" if _git(folder, "status", "--porcelain", "--", ".") else commit


def branch_of(folder: Path, environ: Mapping[str, str]) -> str | None:
    """The branch that the folder's repository is on; None where that is not known.

    CI services check out a commit and no branch, so that git does not know: then the variables of the service say it,
    as long as that commit is still the one checked out.
    """
    branch = _git(folder, "symbolic-ref", "--quiet", "--short", "HEAD")
    if branch:
        return branch
    commit = _git(folder, "rev-parse", "HEAD")
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


def _git(folder: Path, *words: str) -> str:
    # Without optional locks `status` does not refresh the index on disk: nothing of the user's is touched.
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

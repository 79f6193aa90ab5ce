"""The pages of a commit and of a pull request, as the services that keep git repositories have them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from deployer.vcs.git import Git, GitError

# The last part of a commit's id where files differ from it.
_DIRTY: Final = "-dirty"
# Of a repository's address: `git@host:path`, `ssh://git@host/path`, `https://user:password@host/path`.
_ADDRESS: Final = re.compile(
    r"(?:(?:https?|ssh|git)://(?:[^@/]*@)?|[\w.-]+@)(?P<host>[A-Za-z0-9.-]+)(?::\d+(?=/))?[:/](?P<path>[\w./~%-]+?)(?:\.git)?/?"
)
# For each kind of service, known by its host: what is between the repository's page and the id of a commit, or the
# number of a pull request.
_COMMITS: Final = {"github": "commit", "gitlab": "-/commit", "bitbucket": "commits", "dev.azure": "commit"}
_REQUESTS: Final = {
    "github": "pull",
    "gitlab": "-/merge_requests",
    "bitbucket": "pull-requests",
    "dev.azure": "pullrequest",
}
# The page of a file's line at a commit, below the repository's page.
_FILES: Final = {
    "github": "/blob/{commit}/{path}#L{line}",
    "gitlab": "/-/blob/{commit}/{path}#L{line}",
    "bitbucket": "/src/{commit}/{path}#lines-{line}",
    "dev.azure": "?path=/{path}&version=GC{commit}&line={line}",
}
# Where a job says the page of the repository, its address, the page of a pull request, and its number.
_REPOSITORIES: Final = ("CI_PROJECT_URL", "BITBUCKET_GIT_HTTP_ORIGIN", "BUILD_REPOSITORY_URI", "GIT_URL")
_REQUEST_PAGES: Final = ("CIRCLE_PULL_REQUEST", "CHANGE_URL")
_REQUEST_NUMBERS: Final = (
    *("CI_MERGE_REQUEST_IID", "BITBUCKET_PR_ID", "SYSTEM_PULLREQUEST_PULLREQUESTID", "BUILDKITE_PULL_REQUEST"),
)
# What services write into the message of a commit that merges a pull request.
_MERGES: Final = (
    re.compile(r"\AMerge pull request #(\d+) "),
    re.compile(r"\A[^\n]*\(#(\d+)\)\s*$", re.MULTILINE),
    re.compile(r"^See merge request \S*!(\d+)\s*\Z", re.MULTILINE),
    re.compile(r"\AMerged in \S+ \(pull request #(\d+)\)"),
    re.compile(r"\AMerged PR (\d+):"),
)


def commit_author(git: Git, folder: Path, commit: str) -> str:
    """The name of a commit's author; empty if git does not know it."""
    return _query(git, folder, "show", "--no-patch", "--format=%an", commit.removesuffix(_DIRTY))


def commit_page(git: Git, folder: Path, environ: Mapping[str, str], commit: str) -> str:
    """The URL of a commit's page; empty where the service is not known. It never has a name or a password in it."""
    repository, kind = _repository(git, folder, environ)
    return f"{repository}/{_COMMITS[kind]}/{commit.removesuffix(_DIRTY)}" if kind else ""


def request_page(git: Git, folder: Path, environ: Mapping[str, str], commit: str) -> str:
    """The URL of the pull request that is deployed, or that a commit merged; empty where there is none.

    What merged it is known by its message, as the services write it.
    """
    page = next((environ[name] for name in _REQUEST_PAGES if environ.get(name)), "")
    if page.startswith("https://") and "@" not in page:
        return page
    repository, kind = _repository(git, folder, environ)
    number = _number(environ) or (_merged(git, folder, commit) if kind else "")
    return f"{repository}/{_REQUESTS[kind]}/{number}" if kind and number else ""


@dataclass(frozen=True)
class FilePages:
    """The pages of files at the checked-out commit; `top` is the root of the repository, links resolved."""

    repository: str
    kind: str
    commit: str
    top: Path

    def page(self, file: Path, line: int = 1) -> str:
        """The URL of a line of a file (absolute); empty for a file outside of the repository."""
        # Links are resolved in the folder only: a file that is one has a page of its own.
        path = Path(os.path.realpath(file.parent)) / file.name
        if not path.is_relative_to(self.top):
            return ""
        quoted = quote(path.relative_to(self.top).as_posix())
        return f"{self.repository}{_FILES[self.kind].format(commit=self.commit, path=quoted, line=line)}"


def file_pages(git: Git, folder: Path, environ: Mapping[str, str]) -> FilePages | None:
    """The pages of the files in the repository of a folder; None where the service is not known."""
    repository, kind = _repository(git, folder, environ)
    known = _query(git, folder, "rev-parse", "HEAD", "--show-toplevel") if kind else ""
    commit, _, top = known.partition("\n")
    return FilePages(repository, kind, commit, Path(os.path.realpath(top))) if top else None


def _number(environ: Mapping[str, str]) -> str:
    in_ref = re.fullmatch(r"refs/pull/(\d+)/\w+", environ.get("GITHUB_REF", ""))
    found = [in_ref.group(1) if in_ref else "", *(environ.get(name, "") for name in _REQUEST_NUMBERS)]
    return next((number for number in found if number.isdecimal()), "")


def _merged(git: Git, folder: Path, commit: str) -> str:
    message = _query(git, folder, "show", "--no-patch", "--format=%B", commit.removesuffix(_DIRTY))
    return next((found.group(1) for each in _MERGES if (found := each.search(message))), "")


def _repository(git: Git, folder: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """The page of the repository, and the kind of its service; empty where that is not known."""
    server, name = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    named = f"{server}/{name}" if environ.get("GITHUB_ACTIONS") and server and name else ""
    addresses = [named, *(environ.get(each, "") for each in _REPOSITORIES)]
    address = next(filter(None, addresses), "") or _query(git, folder, "remote", "get-url", "origin")
    found = _ADDRESS.fullmatch(address)
    if not found:
        return "", ""
    host, path = found.group("host"), found.group("path").strip("/")
    known = next((kind for kind in _COMMITS if kind in host), "")
    # A job says by its variables which service it belongs to, whatever the host is called.
    kind = "github" if named else "gitlab" if environ.get("GITLAB_CI") else known
    return (f"https://{host}/{path}", kind) if kind else ("", "")


def _query(git: Git, folder: Path, *arguments: str) -> str:
    """The output of git; empty if git fails or is not installed."""
    try:
        return git.run(folder, *arguments).text
    except GitError:
        return ""

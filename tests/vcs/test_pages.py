"""The pages of a commit and of its pull request, for each service that is known."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployer.vcs.git import Git
from deployer.vcs.pages import commit_author, commit_page, file_pages, request_page

PAGE = "https://github.com/acme/flows"
GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://ghe.acme.example", "GITHUB_REPOSITORY": "ml/flows"}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_URL": "https://code.acme.example/ml/flows"}
AZURE = {"TF_BUILD": "True", "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/ml/_git/flows"}


MESSAGES = {
    "Trains weekly": "",
    "Merge pull request #12 from acme/weekly\n\nTrains weekly": "12",
    "Trains weekly (#13)\n\nAs asked.": "13",
    "Merge branch 'x' into 'main'\n\nTrains weekly\n\nSee merge request ml/flows!14": "14",
    "Mends what #15 broke": "",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a commit of each message, and a remote."""
    found = tmp_path_factory.mktemp("repository")
    _git(found, "init", "--quiet")
    for message in MESSAGES:
        _git(found, "commit", "--quiet", "--allow-empty", "-m", message)
    _git(found, "remote", "add", "origin", "git@github.com:acme/flows.git")
    return found


@pytest.fixture(scope="module")
def commits(folder: Path) -> Mapping[str, str]:
    """The ids of the commits, by message."""
    return dict(zip(MESSAGES, _git(folder, "log", "--reverse", "--format=%H").split(), strict=True))


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada `L`", "-c", "user.email=ada@acme.example")
    return subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:acme/flows.git", f"{PAGE}/commit/"),
        ("https://ada:password@github.com/acme/flows", f"{PAGE}/commit/"),
        (
            "ssh://git@gitlab.acme.example:2222/ml/group/flows.git",
            "https://gitlab.acme.example/ml/group/flows/-/commit/",
        ),
        ("https://bitbucket.org/acme/flows.git", "https://bitbucket.org/acme/flows/commits/"),
        ("https://code.acme.example/acme/flows.git", ""),
        ("/srv/git/flows.git", ""),
    ],
)
def test_the_page_of_a_commit_by_the_address_of_its_repository(remote: str, page: str, folder: Path) -> None:
    for commit in ("abc", "abc-dirty"):
        assert commit_page(Git({}), folder, {"GIT_URL": remote}, commit) == (f"{page}abc" if page else "")


def test_the_page_of_a_commit_by_the_remote(folder: Path, tmp_path: Path) -> None:
    assert commit_page(Git({}), folder, {}, "abc") == f"{PAGE}/commit/abc"
    assert commit_page(Git({}), tmp_path, {}, "abc") == ""


@pytest.mark.parametrize(
    ("job", "page"),
    [
        (GITHUB, "https://ghe.acme.example/ml/flows/commit/abc"),
        (GITLAB, "https://code.acme.example/ml/flows/-/commit/abc"),
        (AZURE, "https://dev.azure.com/acme/ml/_git/flows/commit/abc"),
    ],
)
def test_the_page_of_a_commit_by_the_job(job: Mapping[str, str], page: str, folder: Path) -> None:
    assert commit_page(Git({}), folder, job, "abc") == page


@pytest.mark.parametrize(
    ("job", "page"),
    [
        ({**GITHUB, "GITHUB_REF": "refs/pull/12/merge"}, "https://ghe.acme.example/ml/flows/pull/12"),
        ({**GITHUB, "GITHUB_REF": "refs/heads/main"}, ""),
        ({**GITLAB, "CI_MERGE_REQUEST_IID": "7"}, "https://code.acme.example/ml/flows/-/merge_requests/7"),
        ({**AZURE, "SYSTEM_PULLREQUEST_PULLREQUESTID": "3"}, "https://dev.azure.com/acme/ml/_git/flows/pullrequest/3"),
        ({"CIRCLE_PULL_REQUEST": f"{PAGE}/pull/4"}, f"{PAGE}/pull/4"),
        ({"CIRCLE_PULL_REQUEST": "javascript:alert(1)"}, ""),
        ({}, ""),
    ],
)
def test_the_page_of_a_pull_request_by_the_job(
    job: Mapping[str, str], page: str, folder: Path, commits: Mapping[str, str]
) -> None:
    assert request_page(Git({}), folder, job, commits["Trains weekly"]) == page


@pytest.mark.parametrize("message", MESSAGES)
def test_the_page_of_a_pull_request_by_the_message(message: str, folder: Path, commits: Mapping[str, str]) -> None:
    number = MESSAGES[message]
    assert request_page(Git({}), folder, {}, commits[message]) == (f"{PAGE}/pull/{number}" if number else "")


def test_the_author_of_a_commit(folder: Path, commits: Mapping[str, str]) -> None:
    assert commit_author(Git({}), folder, f"{commits['Trains weekly']}-dirty") == "Ada `L`"
    assert commit_author(Git({}), folder, "0" * 40) == ""


@pytest.mark.parametrize(
    ("environ", "page"),
    [
        ({}, f"{PAGE}/blob/COMMIT/a%20b/f.py#L3"),
        (GITHUB, "https://ghe.acme.example/ml/flows/blob/COMMIT/a%20b/f.py#L3"),
        (GITLAB, "https://code.acme.example/ml/flows/-/blob/COMMIT/a%20b/f.py#L3"),
        (AZURE, "https://dev.azure.com/acme/ml/_git/flows?path=/a%20b/f.py&version=GCCOMMIT&line=3"),
        (
            {"BITBUCKET_GIT_HTTP_ORIGIN": "https://bitbucket.org/acme/flows"},
            "https://bitbucket.org/acme/flows/src/COMMIT/a%20b/f.py#lines-3",
        ),
    ],
)
def test_a_line_of_a_file_has_a_page(
    folder: Path, commits: Mapping[str, str], environ: Mapping[str, str], page: str
) -> None:
    pages = file_pages(Git({}), folder, environ)
    assert pages is not None
    newest = [*commits.values()][-1]
    assert pages.page(folder / "a b" / "f.py", 3) == page.replace("COMMIT", newest)
    assert pages.page(folder.parent / "f.py") == ""


def test_files_of_an_unknown_service_have_none(tmp_path: Path) -> None:
    assert file_pages(Git({}), tmp_path, {}) is None

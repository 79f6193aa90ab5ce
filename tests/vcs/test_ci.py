"""Who applies in a CI job, and the page of the job."""

from __future__ import annotations

import pytest

from deployer.cli.context import user_name
from deployer.vcs.ci import page_of_job

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_RUN_ID": "17",
    "USER": "runner",
}
GITLAB = {
    "GITLAB_CI": "true",
    "GITLAB_USER_LOGIN": "bob",
    "CI_JOB_URL": "https://gitlab.com/acme/flows/-/jobs/17",
    "USER": "root",
}
AZURE = {
    "TF_BUILD": "True",
    "BUILD_REQUESTEDFOR": "Eve",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "flows",
    "BUILD_BUILDID": "17",
}
JENKINS = {"BUILD_URL": "https://jenkins.acme.test/job/flows/17/", "USER": "jenkins"}


@pytest.mark.parametrize(
    ("environ", "user", "page"),
    [
        (GITHUB, "ada", "https://github.com/acme/flows/actions/runs/17"),
        (GITLAB, "bob", "https://gitlab.com/acme/flows/-/jobs/17"),
        (AZURE, "Eve", "https://dev.azure.com/acme/flows/_build/results?buildId=17"),
        (JENKINS, "jenkins", "https://jenkins.acme.test/job/flows/17/"),
        ({**GITHUB, "METAFLOW_USER": "scheduler"}, "scheduler", "https://github.com/acme/flows/actions/runs/17"),
        ({"GITHUB_ACTIONS": "true", "USER": "runner"}, "runner", ""),
        ({"GITHUB_ACTOR": "ada", "USER": "bob"}, "bob", ""),
        ({"USER": "bob"}, "bob", ""),
    ],
)
def test_who_applies_and_where(environ: dict[str, str], user: str, page: str) -> None:
    assert (user_name(environ), page_of_job(environ)) == (user, page)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a b", "https://a\x1b[0m", "file:///etc/passwd"])
def test_what_is_no_page_is_not_recorded(url: str) -> None:
    assert page_of_job({"CI_JOB_URL": url}) == ""

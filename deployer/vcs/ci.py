"""What CI services say of a job in its variables: who started it, and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping

# The variable by which a job knows its service, and the one with the account that started it.
_ACTORS = (
    ("GITHUB_ACTIONS", "GITHUB_ACTOR"),
    ("GITLAB_CI", "GITLAB_USER_LOGIN"),
    ("TF_BUILD", "BUILD_REQUESTEDFOR"),  # Azure Pipelines
    ("CIRCLECI", "CIRCLE_USERNAME"),
    ("BUILDKITE", "BUILDKITE_BUILD_CREATOR"),
)
_PAGES = ("CI_JOB_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "BUILD_URL")  # the last one is that of Jenkins


def actor(environ: Mapping[str, str]) -> str:
    """The account that started the job; empty outside of CI, or if the service does not say."""
    return next((environ[name] for service, name in _ACTORS if environ.get(service) and environ.get(name)), "")


def page_of_job(environ: Mapping[str, str]) -> str:
    """The URL of the job's page; empty outside of CI. Only ``https://`` and ``http://``: it is shown as a link."""
    url = _page(environ)
    return url if url.startswith(("https://", "http://")) and url.isprintable() and " " not in url else ""


def _page(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_ACTIONS"):
        parts = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
        return "{}/{}/actions/runs/{}".format(*parts) if all(parts) else ""
    if environ.get("TF_BUILD"):
        parts = [environ.get(name, "") for name in ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")]
        return "{}{}/_build/results?buildId={}".format(*parts) if all(parts) else ""
    return next((environ[name] for name in _PAGES if environ.get(name)), "")

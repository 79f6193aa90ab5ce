"""The example that deploys each pull request beside what staging runs, and removes that when it is closed."""

from __future__ import annotations

import pytest

from tests.action.project import Project
from tests.action.repository import EXAMPLES
from tests.action.runner import Runner, succeeded

pytestmark = pytest.mark.slow

PREVIEW = EXAMPLES / "github-preview.yml"


def on(project: Project, action: str) -> Runner:
    runner = project.on_pull()
    runner.event = {**runner.event, "action": action}
    return runner


def test_a_preview_lives_as_long_as_its_pull_request(project: Project) -> None:
    manifest = project.repository.manifest
    text = manifest.read_text().replace("  staging:\n", "  staging:\n    branch: ${var.branch}\n")
    manifest.write_text(text.replace("flows:\n", "variables: {branch: main}\nflows:\n"))
    staging = project.repository.home / "airflow" / "staging"
    project.repository.commit()
    project.open()
    assert project.repository.bash("mfdeploy apply --env staging --yes").returncode == 0
    opened = on(project, "opened")
    succeeded(opened.job(PREVIEW, "deploy"))
    assert opened.job(PREVIEW, "remove").result == "skipped"
    assert len(list(staging.glob("*.py"))) == 2
    assert len(list(staging.glob("*pr_12*.py"))) == 1
    closed = on(project, "closed")
    assert closed.job(PREVIEW, "deploy").result == "skipped"
    succeeded(closed.job(PREVIEW, "remove"))
    assert [path.name for path in staging.glob("*.py") if "pr_12" in path.name] == []
    assert len(list(staging.glob("*.py"))) == 1


def test_a_manifest_without_previews_loses_nothing_of_staging(project: Project) -> None:
    """There `--var branch` is no variable that anything uses."""
    assert project.repository.bash("mfdeploy apply --env staging --yes").returncode == 0
    project.open()
    assert on(project, "closed").job(PREVIEW, "remove").result == "failure"
    assert len(list((project.repository.home / "airflow" / "staging").glob("*.py"))) == 1


def test_a_pull_request_from_a_fork_has_none_and_is_green(project: Project) -> None:
    project.open(source="mallory/flows")
    for action in ("opened", "closed"):
        runner = on(project, action)
        assert [runner.job(PREVIEW, name).result for name in ("deploy", "remove")] == ["skipped", "skipped"]

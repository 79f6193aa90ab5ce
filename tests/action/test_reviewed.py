"""Which plan counts as reviewed: what GitHub says of the merged pull request and of the run must fit what was kept."""

from __future__ import annotations

import hashlib
import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.action.project import Project


@pytest.fixture
def merged(project: Project, plans: Path) -> Project:
    """A pull request that was commented and then merged."""
    project.open()
    keep(project, (plans / "prod.json").read_text())
    project.merge()
    return project


def keep(project: Project, plan: str) -> None:
    """One more run for the pull request, in which the comment showed this plan and ended well."""
    runner = project.on_pull()
    folder = project.repository.folder / "mfdeploy-reviewed"
    folder.mkdir()
    (folder / "prod.json").write_text(plan)
    about = {"environment": "prod", "number": 12, "head": runner.event["pull_request"]["head"]["sha"]}
    about |= {"base": project.base, "base_ref": "main", "sha256": hashlib.sha256(plan.encode()).hexdigest()}
    (folder / "prod.review.json").write_text(json.dumps(about))
    project.keep(runner)


def get(project: Project) -> str:
    """What the step says that gets the plan; the plan itself where it was found."""
    runner = project.on_main()
    job = runner.use(command="apply", environment="prod")
    found = runner.folder / "mfdeploy-reviewed" / "prod.json"
    assert found.exists() == (len(job.steps) == 3)
    return found.read_text() if found.exists() else job.output


def repack(project: Project, change: dict[str, Any] | None = None, plan: str | None = None) -> None:
    """Change what the artifact holds."""
    (artifact,) = project.state.artifacts
    with zipfile.ZipFile(BytesIO(artifact["content"])) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    about = {**json.loads(files["prod.review.json"]), **(change or {})}
    files["prod.review.json"] = json.dumps(about).encode()
    if plan is not None:
        files["prod.json"] = plan.encode()
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    artifact["content"] = packed.getvalue()


def test_the_plan_of_the_merged_pull_request_is_found(merged: Project, plans: Path) -> None:
    assert get(merged) == (plans / "prod.json").read_text()


def test_the_newest_run_of_its_last_commit_counts(merged: Project) -> None:
    keep(merged, "{}")
    assert get(merged) == "{}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 13}, "its number is 13, not 12"),
        ({"head": "0" * 40}, f"its head is '{'0' * 40}'"),
        ({"base_ref": "other"}, "its base_ref is 'other', not 'main'"),
        ({"base": "f" * 40}, f"its base {'f' * 40} is not before"),
        ({"environment": "staging"}, "its environment is 'staging', not 'prod'"),
    ],
    ids=str,
)
def test_a_plan_of_another_pull_request_is_refused(change: dict[str, Any], said: str, merged: Project) -> None:
    repack(merged, change)
    output = get(merged)
    assert f"::error::the plan of pull request 12 is not what was reviewed: {said}" in output
    assert "start the workflow by hand" in output


def test_another_plan_than_the_comment_showed_is_refused(merged: Project) -> None:
    repack(merged, plan="{}")
    assert "its sha256 is" in get(merged)


@pytest.mark.parametrize(
    "change",
    [
        {"event": "workflow_dispatch"},
        {"conclusion": "failure"},
        {"path": ".github/workflows/other.yml"},
        {"head_sha": "0" * 40},
        {"head_repository": {"full_name": "mallory/flows"}},
        {"head_repository": None},
    ],
    ids=str,
)
def test_a_run_of_something_else_does_not_count(change: dict[str, Any], merged: Project) -> None:
    merged.state.runs[0].update(change)
    head = merged.state.pulls[12]["head"]["sha"]
    assert f"::error::the last commit of pull request 12, {head}, has no reviewed plan" in get(merged)


def test_a_commit_after_the_plan_leaves_none(merged: Project) -> None:
    merged.state.pulls[12]["head"]["sha"] = "a" * 40
    assert f"the last commit of pull request 12, {'a' * 40}, has no reviewed plan" in get(merged)


def test_an_expired_plan_does_not_count(merged: Project) -> None:
    merged.state.artifacts[0]["expired"] = True
    assert "has no reviewed plan" in get(merged)


def test_a_damaged_artifact_is_told(merged: Project) -> None:
    merged.state.artifacts[0]["content"] = b"not an archive"
    assert "::error::the reviewed plan cannot be read (BadZipFile" in get(merged)


@pytest.mark.parametrize(
    "change",
    [{"merged_at": None}, {"merge_commit_sha": "0" * 40}, {"base": {"sha": "0" * 40, "ref": "other"}}],
    ids=str,
)
def test_a_commit_that_is_no_merge_is_not_reviewed(change: dict[str, Any], merged: Project) -> None:
    merged.state.pulls[12].update(change)
    assert "is not the merge of a pull request into main" in get(merged)


def test_a_pull_request_from_a_fork_is_planned_by_hand(merged: Project) -> None:
    merged.state.pulls[12]["head"]["repo"] = {"full_name": "mallory/flows"}
    output = get(merged)
    assert "pull request 12 came from a fork, of which no plan is made; start the workflow by hand" in output


def test_github_out_of_order_is_told(merged: Project) -> None:
    merged.state.failing = True
    assert "GitHub answered 502 Server Error" in get(merged)


def test_the_store_of_artifacts_does_not_get_the_token(merged: Project) -> None:
    """The stand-in refuses a token there, as the real one does."""
    get(merged)
    assert [each for each in merged.state.requests if each.startswith("GET /store/")]

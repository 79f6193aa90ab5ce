"""What the workflow files and the action may hold: the rules that no linter of theirs knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.action.repository import ACTION, EXAMPLES, load
from tests.action.runner import OURS
from tests.e2e.project import ROOT

WORKFLOWS = [ROOT / ".github" / "workflows" / "ci.yml", *sorted(EXAMPLES.glob("github-*.yml"))]
EXAMPLE = EXAMPLES / "github-workflow.yml"


def jobs(path: Path) -> dict[str, Any]:
    return dict(load(path)["jobs"])


def steps(path: Path) -> Iterator[dict[str, Any]]:
    document = load(path)
    for holder in [document["runs"]] if path == ACTION else document["jobs"].values():
        yield from holder["steps"]


@pytest.mark.parametrize("path", [ACTION, *WORKFLOWS], ids=lambda path: path.name)
def test_no_expression_is_pasted_into_a_script(path: Path) -> None:
    scripts = [step["run"] for step in steps(path) if "run" in step]
    assert scripts
    assert [text for text in scripts if "${{" in text] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_are_given_to_jobs_one_by_one(path: Path) -> None:
    assert load(path)["permissions"] == {}
    assert all("permissions" in job for job in jobs(path).values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_checkout_keeps_its_token(path: Path) -> None:
    found = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert found
    assert all(step["with"]["persist-credentials"] is False for step in found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_queue_of_a_concurrency_group_has_a_value_that_github_knows(path: Path) -> None:
    """`make lint` has actionlint pass over the key, which it does not know yet."""
    document = load(path)
    for holder in [document, *document["jobs"].values()]:
        group = holder.get("concurrency", {"group": ""})
        assert group.keys() <= {"group", "queue", "cancel-in-progress"}
        assert group.get("queue", "single") in ("single", "max")
        assert group.get("queue") != "max" or not group.get("cancel-in-progress")


def test_only_the_job_that_loads_no_flow_may_write() -> None:
    writing = {
        name
        for name, job in jobs(EXAMPLE).items()
        if {key for key, value in job["permissions"].items() if value == "write"} - {"id-token"}
    }
    assert writing == {"comment"}
    comment = jobs(EXAMPLE)["comment"]
    assert comment["permissions"] == {"pull-requests": "write"}
    used = [step.get("uses", "").partition("@")[0] for step in comment["steps"]]
    assert "actions/checkout" not in used
    assert "requirements.txt" not in str([step.get("run") for step in comment["steps"]])


def test_each_apply_waits_for_its_turn() -> None:
    groups = [jobs(EXAMPLE)[name]["concurrency"] for name in ("apply", "apply-replan")]
    assert groups == [{"group": "mfdeploy-apply-${{ matrix.environment }}", "queue": "max"}] * 2


@pytest.mark.parametrize("name", ["plan", "deploy", "remove"])
def test_forks_get_no_job_with_credentials(name: str) -> None:
    path = EXAMPLE if name == "plan" else EXAMPLES / "github-preview.yml"
    job = jobs(path)[name]
    assert job["permissions"]["id-token"] == "write"
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_each_use_of_the_action_gives_inputs_that_it_has() -> None:
    known = load(ACTION)["inputs"]
    uses = [step["with"] for step in steps(EXAMPLE) if step.get("uses", "").startswith(OURS)]
    commands = [given["command"] for given in uses]
    assert commands == ["validate", "plan", "plan", "comment", "comment", "apply", "plan", "plan", "apply"]
    assert all(given.keys() <= known.keys() for given in uses)


def test_each_input_and_output_is_in_the_docs() -> None:
    page = (ROOT / "docs" / "pull-requests.md").read_text()
    action = load(ACTION)
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE)) == set(action["inputs"])
    assert all(f"`{name}`" in page for name in action["outputs"])


def test_the_preview_is_called_after_the_pull_request() -> None:
    scripts = [step["run"] for step in steps(EXAMPLES / "github-preview.yml") if "mfdeploy" in step.get("run", "")]
    runs = [text.strip() for text in scripts if text.startswith("mfdeploy ")]
    assert [text.split()[1] for text in runs] == ["apply", "destroy"]
    assert all('--env staging --var "branch=pr_$NUMBER"' in text for text in runs)

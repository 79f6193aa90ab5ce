"""The example workflow from the pull request to the apply, its jobs run with the tokens that their permissions give."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.action.project import Project
from tests.action.runner import succeeded

pytestmark = pytest.mark.slow


class TestPullRequest:
    def test_a_pull_request_from_a_fork_is_validated_only_and_is_green(self, project: Project) -> None:
        project.open(source="mallory/flows")
        done = project.review(project.on_pull())
        assert {name: job.result for name, job in done.items()} == {
            "validate": "success",
            "plan": "skipped",
            "comment": "skipped",
        }
        assert project.state.comments == []

    def test_a_flow_that_fails_is_told_for_each_environment(self, project: Project) -> None:
        project.repository.flow.write_text("import no_such_module\n")
        project.open()
        done = project.review(project.on_pull())
        assert done["plan"].result == "failure"
        assert done["comment"].result == "success", done["comment"].output
        assert ["failed: there is nothing to review" in each["body"] for each in project.state.comments] == [True, True]
        assert [each["name"] for each in project.state.artifacts] == ["mfdeploy-plan"]

    def test_the_code_of_the_pull_request_cannot_reach_the_output_of_its_step(self, project: Project) -> None:
        seen = project.repository.home / "seen"
        project.edit(
            "from metaflow", f"import os\nopen({str(seen)!r}, 'w').write(repr(dict(os.environ)))\nfrom metaflow"
        )
        project.open()
        runner = project.on_pull()
        project.state.tokens["a secret"] = {"pull-requests: write"}
        done = succeeded(runner.use(command="plan", environment="prod", token="a secret"))
        assert "a secret" not in done.output
        assert not re.search("GITHUB_(OUTPUT|ENV|STEP_SUMMARY)|a secret", seen.read_text())


def test_what_is_kept_names_the_pull_request(project: Project, planned: Callable[[], Path]) -> None:
    pull = project.open()
    planned()
    succeeded(project.on_pull().use(command="comment", environment="prod"))
    about: dict[str, Any] = json.loads((project.repository.folder / "mfdeploy-reviewed/prod.review.json").read_text())
    assert (about["number"], about["head"], about["base"]) == (12, pull["head"]["sha"], project.base)

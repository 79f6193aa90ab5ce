"""Applying by the action and the examples: on merge, by hand after a refusal, and on GitLab."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.action.project import EXAMPLE, Project
from tests.action.repository import EXAMPLES, load
from tests.action.runner import succeeded

pytestmark = pytest.mark.slow

GITLAB = EXAMPLES / "gitlab-ci.yml"


class TestApply:
    def test_what_was_reviewed_is_applied_on_merge(self, project: Project) -> None:
        project.reviewed()
        assert project.repository.dags == []
        first, second = (each["body"] for each in project.state.comments)
        assert first.startswith("<!-- mfdeploy plan of staging;")
        assert second.startswith("<!-- mfdeploy plan of prod;")
        assert [each["name"] for each in project.state.artifacts] == [
            *("mfdeploy-plan", "mfdeploy-page-staging", "mfdeploy-page-prod", "mfdeploy-reviewed"),
        ]
        project.merge()
        runner = project.on_main()
        for environment in ("staging", "prod"):
            assert "Apply complete: 1 created" in succeeded(project.apply(runner, environment)).output
        assert project.repository.dags == ["HourlyFlow.py"]
        assert "### mfdeploy apply of prod" in runner.summary
        assert "Apply complete: 1 created" in runner.summary

    def test_a_merge_that_is_not_what_was_reviewed_is_refused_then_planned_and_applied_by_hand(
        self, project: Project
    ) -> None:
        self.reviewed(project, 12)
        project.edit()  # merged meanwhile
        project.merge()
        runner = project.on_main()
        refused = project.apply(runner, "prod")
        assert refused.result == "failure"
        assert project.repository.dags == []
        assert "start the workflow by hand" in refused.output
        assert "### mfdeploy apply of prod failed" in runner.summary
        by_hand = project.on_main("workflow_dispatch")
        project.clean()
        succeeded(by_hand.job(EXAMPLE, "replan"))
        assert by_hand.summary.count("**Plan: 1 to create") == 2
        succeeded(project.apply(by_hand, "prod", "apply-replan"))
        assert project.repository.dags == ["HourlyFlow.py"]

    def test_two_pull_requests_that_were_planned_side_by_side_are_both_applied(self, project: Project) -> None:
        repository, manifest = project.repository, project.repository.manifest
        assert repository.bash("mfdeploy apply --env prod --yes --allow-branch").returncode == 0
        project.edit()
        repository.commit()
        self.reviewed(project, 12)
        repository.git("checkout", "--quiet", project.base)
        again = repository.folder / "more" / "again.py"  # in the same folder it would be packaged with the other one
        again.parent.mkdir()
        shutil.copy(repository.flow, again)
        manifest.write_text(f"{manifest.read_text()}  again: {{file: ../more/again.py, dag_id: again}}\n")
        other = repository.commit()
        self.reviewed(project, 13)
        repository.git("checkout", "--quiet", project.state.pulls[12]["head"]["sha"])
        project.merge(12)
        done = succeeded(project.on_main().use(command="apply", environment="prod"))
        assert "0 created, 1 updated, 0 deleted" in done.output
        repository.git("merge", "--quiet", "--no-edit", other)
        project.merge(13)
        done = succeeded(project.on_main().use(command="apply", environment="prod"))
        assert "1 created" in done.output

    @staticmethod
    def reviewed(project: Project, number: int) -> None:
        """Of prod alone, which is quicker."""
        project.open(number)
        runner = project.on_pull(number)
        succeeded(runner.use(command="plan", environment="prod"))
        succeeded(runner.use(command="comment", environment="prod"))
        project.keep(runner)
        project.clean()

    def test_a_plan_made_by_hand_is_compared_too(self, project: Project) -> None:
        """Between the plan and its approval days may pass."""
        by_hand = project.on_main("workflow_dispatch")
        succeeded(by_hand.use(command="plan", environment="prod"))
        project.edit()
        project.repository.commit()
        assert by_hand.use(command="apply", environment="prod", plan="mfdeploy-plan/prod.json").result == "failure"
        assert project.repository.dags == []

    def test_a_plan_by_hand_of_another_branch_is_skipped(self, project: Project) -> None:
        by_hand = project.on_main("workflow_dispatch")
        by_hand.ref = "refs/heads/other"
        assert by_hand.job(EXAMPLE, "replan").result == "skipped"
        assert project.apply(by_hand, "prod", "apply-replan").result == "skipped"

    def test_deletes_that_the_one_who_starts_it_allows(self, project: Project) -> None:
        manifest = project.repository.manifest
        text = manifest.read_text()
        manifest.write_text(text.replace("production: true", "production: true\n    protect: true"))
        project.repository.commit()
        runner = project.on_main()
        plan, apply = {"environment": "prod", "command": "plan"}, {"environment": "prod", "command": "apply"}
        saved = "mfdeploy-plan/prod.json"
        succeeded(runner.use(**plan))
        succeeded(runner.use(**apply, plan=saved))
        manifest.write_text(manifest.read_text().partition("flows:")[0] + "flows: {}\n")
        project.repository.commit()
        allowed = {"allow-delete": "prod/hourly\n", "allow-mass-change": "true"}
        by_hand = project.on_main("workflow_dispatch", **allowed)
        succeeded(by_hand.job(EXAMPLE, "replan"))
        assert by_hand.use(**apply, plan=saved).result == "failure"
        succeeded(project.apply(by_hand, "prod", "apply-replan"))
        assert project.repository.dags == []

    def test_a_forged_plan_is_what_the_comment_shows_and_is_not_applied(self, project: Project) -> None:
        """The job that plans runs the pull request's code, which can write what it likes in place of the plan."""
        project.open()
        runner = project.on_pull()
        succeeded(runner.use(command="plan", environment="prod"))
        saved = project.repository.folder / "mfdeploy-plan" / "prod.json"
        plan = json.loads(saved.read_text())
        plan.update(changes=[], summary=dict.fromkeys(plan["summary"], 0))
        saved.write_text(json.dumps(plan))
        succeeded(runner.use(command="comment", environment="prod"))
        assert "**No changes." in project.state.comments[0]["body"]
        project.keep(runner)
        project.merge()
        refused = project.on_main().use(command="apply", environment="prod")
        assert refused.result == "failure"
        assert "reviewed  not in the plan" in refused.output, refused.output
        assert project.repository.dags == []

    def test_an_exact_plan_is_of_its_environment_and_the_branch_may_be_allowed(self, project: Project) -> None:
        runner = project.on_main()
        runner.ref = "refs/heads/other"
        for environment in ("staging", "prod"):
            succeeded(runner.use(command="plan", environment=environment))
        exact = {"command": "apply", "environment": "prod", "exact": "true"}
        refused = runner.use(**exact, plan="mfdeploy-plan/staging.json", allow_branch="true")
        assert refused.result == "failure"
        assert "staging" in refused.output
        assert "prod can be applied only from main" in runner.use(**exact, plan="mfdeploy-plan/prod.json").output
        succeeded(runner.use(**exact, plan="mfdeploy-plan/prod.json", allow_branch="true"))
        assert project.repository.dags == ["HourlyFlow.py"]


def test_gitlab_plans_a_merge_request_and_applies_on_main(project: Project) -> None:
    jobs, repository = load(GITLAB), project.repository
    head = repository.git("rev-parse", "HEAD")
    base = {"CI_COMMIT_SHA": head, "CI_DEFAULT_BRANCH": "main", **jobs[".mfdeploy"]["variables"]}

    def job(name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        assert jobs[name]["extends"] == ".mfdeploy"
        repository.variables = {**base, **variables}
        return repository.bash("\n".join([*jobs[".mfdeploy"]["before_script"], *jobs[name]["script"]]))

    merge_request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "main"}
    assert job("plan", **merge_request).returncode == 0
    assert "Plan: 1 to create" in (repository.folder / "plan.md").read_text()
    assert all((repository.folder / path).exists() for path in jobs["plan"]["artifacts"]["paths"])
    assert job("apply", **merge_request).returncode == 1
    assert repository.dags == []
    done = job("apply", CI_COMMIT_BRANCH="main")
    assert done.returncode == 0, done.stderr
    assert repository.dags == ["HourlyFlow.py"]

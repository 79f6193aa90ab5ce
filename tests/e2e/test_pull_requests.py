"""The GitHub action, the examples for GitHub and GitLab, and the pre-commit hook: every script of theirs is run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.ci import ACTION, EXAMPLES, GitHub, Repository, load
from tests.e2e.project import ROOT

WORKFLOW = EXAMPLES / "github-workflow.yml"
GITLAB = EXAMPLES / "gitlab-ci.yml"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path).make()


@pytest.fixture
def github(repository: Repository) -> GitHub:
    return GitHub(repository, repository.home / "github.json")


def on_pull_request(github: GitHub) -> None:
    github.on(GITHUB_REF="refs/pull/12/merge", GITHUB_HEAD_REF="main", GITHUB_EVENT_NAME="pull_request")


def on_main(github: GitHub) -> None:
    github.on(GITHUB_REF="refs/heads/main", GITHUB_EVENT_NAME="push")


def steps(job: str) -> list[dict[str, Any]]:
    return list(load(WORKFLOW)["jobs"][job]["steps"])


def ours(job: str) -> list[dict[str, str]]:
    """What each use of our action in a job of the example is given."""
    return [step["with"] for step in steps(job) if "mfdeploy" in step.get("uses", "")]


def script(name: str) -> str:
    return next(str(step["run"]) for step in steps("apply") if step.get("name") == name)


def succeeded(done: list[subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    assert not done[-1].returncode, done[-1].stdout + done[-1].stderr
    return done[-1]


class TestAction:
    def test_validate_puts_each_problem_at_its_line(self, github: GitHub) -> None:
        on_pull_request(github)
        assert succeeded(github.use({"command": "validate"})).stdout == "Valid: 1 deployment.\n"
        manifest = github.repository.manifest
        manifest.write_text(manifest.read_text().replace("compute:", "computer:"))
        refused = github.use({"command": "validate"})[-1]
        assert refused.returncode == 1
        assert (
            "::error file=deployments/mfdeploy.yaml,line=8,col=5,title=environments.prod.computer::" in refused.stdout
        )

    def test_plan_comments_once_and_then_updates_its_comment(self, github: GitHub) -> None:
        on_pull_request(github)
        inputs = {"command": "plan", "environment": "prod", "pull-request": "12"}
        succeeded(github.use(inputs))
        (comment,) = github.comments()
        assert comment["body"].startswith("<!-- mfdeploy plan of prod -->\n### mfdeploy plan\n\n**Plan: 1 to create")
        flow = github.repository.flow
        flow.write_text(flow.read_text().replace("time is", "the time is"))
        succeeded(github.use(inputs))
        assert len(github.comments()) == 1
        succeeded(github.use({**inputs, "pull-request": ""}))
        home = github.repository.home
        assert (home / "output").read_text() == "changes=true\n" * 3
        assert (home / "summary").read_text().count("### mfdeploy plan") == 3
        assert github.repository.dags == []

    def test_a_plan_against_a_revision_is_a_comment_of_its_own(self, github: GitHub) -> None:
        on_pull_request(github)
        inputs = {"command": "plan", "environment": "prod", "pull-request": "12"}
        succeeded(github.use(inputs))
        succeeded(github.use({**inputs, "against": "HEAD", "plan": "other.json"}))
        first, second = (each["body"] for each in github.comments())
        assert "**Plan: 1 to create" in first
        assert "**No changes." in second
        assert not (github.repository.folder / "other.json").exists()

    def test_apply_deletes_in_a_protected_environment_what_it_was_told(self, github: GitHub) -> None:
        """As a run that somebody started by hand, with the addresses as its inputs."""
        on_main(github)
        manifest = github.repository.manifest
        text = manifest.read_text().replace("production: true", "production: true\n    protect: true")
        manifest.write_text(f"{text}  again: {{file: ../flows/hourly.py, dag_id: again}}\n")
        plan = {"command": "plan", "environment": "prod", "pull-request": ""}
        succeeded(github.use(plan))
        succeeded(github.use({"command": "apply"}))
        assert github.repository.dags == ["HourlyFlow.py", "again.py"]
        manifest.write_text(re.sub("(?s)flows:.*", "flows: {}\n", text))
        succeeded(github.use(plan))
        assert github.use({"command": "apply", "allow-delete": "prod/hourly"})[-1].returncode == 1
        allowed = {"allow-delete": "prod/hourly\n prod/again", "allow-mass-change": "true"}
        succeeded(github.use({"command": "apply", **allowed}))
        assert github.repository.dags == []

    def test_another_persons_comment_is_left_alone(self, github: GitHub) -> None:
        on_pull_request(github)
        theirs = {"id": 1, "type": "User", "body": "<!-- mfdeploy plan of prod --> mine"}
        github.state.write_text(json.dumps({"comments": [theirs], "pulls": {}, "plans": {}}))
        succeeded(github.use({"command": "plan", "environment": "prod", "pull-request": "12"}))
        assert [each["type"] for each in github.comments()] == ["User", "Bot"]
        assert github.comments()[0] == theirs

    def test_a_token_that_may_not_comment_is_a_warning(self, github: GitHub) -> None:
        on_pull_request(github)
        github.state.write_text(json.dumps({"comments": [], "pulls": {}, "plans": {}, "forbidden": True}))
        done = succeeded(github.use({"command": "plan", "environment": "prod", "pull-request": "12"}))
        assert "::warning::the plan could not be written to the pull request" in done.stdout

    def test_a_plan_that_is_refused_fails_the_step(self, github: GitHub) -> None:
        on_pull_request(github)
        github.repository.flow.write_text("raise ValueError('''x\n::set-output name=changes::false\n''')\n")
        done = github.use({"command": "plan", "environment": "prod"})[-1]
        assert done.returncode == 1
        stop = re.match(r"::stop-commands::([0-9a-f]{32})\n", done.stdout)
        assert stop
        assert done.stdout.endswith(f"::{stop[1]}::\n")
        assert not (github.repository.home / "output").exists()

    @pytest.mark.parametrize("inputs", [{"command": "destroy"}, {"command": "plan"}])
    def test_wrong_inputs_are_told(self, inputs: dict[str, str], github: GitHub) -> None:
        on_main(github)
        (done,) = github.use(inputs)
        assert (done.returncode, done.stdout.startswith("::error::")) == (1, True)


class TestWorkflow:
    """From a pull request to its merge, with the steps of the example."""

    def merged(self, github: GitHub) -> None:
        """The pull request's job has run, and it was merged as it is."""
        on_pull_request(github)
        for inputs in ours("plan"):
            succeeded(github.use({**inputs, "pull-request": "12"}))
        plan = github.repository.folder / "mfdeploy-plan.json"
        kept = plan.rename(github.repository.home / "artifact.json")
        head = github.repository.git("rev-parse", "HEAD")
        state = json.loads(github.state.read_text())
        merge = {"pulls": {head: head}, "plans": {head: str(kept)}}
        github.state.write_text(json.dumps({**state, **merge}))
        on_main(github)

    def run(self, github: GitHub) -> subprocess.CompletedProcess[str]:
        got = github.repository.bash(script("Get the plan that was reviewed"), GH_TOKEN="a token")
        if got.returncode:
            return got
        (inputs,) = ours("apply")
        return github.use(inputs)[-1]

    def test_the_reviewed_plan_is_applied_on_merge(self, github: GitHub) -> None:
        self.merged(github)
        assert github.repository.bash(script("Install mfdeploy and what the flows import")).returncode == 0
        done = self.run(github)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Apply complete: 1 created" in done.stdout
        assert github.repository.dags == ["HourlyFlow.py"]

    def test_a_stale_plan_is_refused(self, github: GitHub) -> None:
        self.merged(github)
        flow = github.repository.flow
        flow.write_text(flow.read_text().replace("time is", "the time is"))
        done = self.run(github)
        assert done.returncode == 1
        assert "the manifests or the code no longer give the planned result" in done.stderr
        assert github.repository.dags == []

    def test_a_pull_request_applies_nothing_even_if_its_branch_is_called_main(self, github: GitHub) -> None:
        self.merged(github)
        on_pull_request(github)
        done = self.run(github)
        assert done.returncode == 1
        assert "prod can be applied only from main, but no branch is checked out" in done.stderr

    def test_a_commit_without_a_pull_request_is_refused(self, github: GitHub) -> None:
        on_main(github)
        done = self.run(github)
        assert (done.returncode, "came with no pull request" in done.stdout) == (1, True)


def test_gitlab_plans_a_merge_request_and_applies_on_main(repository: Repository) -> None:
    jobs = load(GITLAB)
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
    assert job("apply", CI_COMMIT_BRANCH="main").returncode == 1  # the plan has been applied


def test_the_pre_commit_hook_refuses_a_bad_manifest(repository: Repository) -> None:
    (hook,) = load(ROOT / ".pre-commit-hooks.yaml")
    assert shlex.split(hook["entry"])[0] == "mfdeploy"
    assert re.search(hook["files"], "deployments/mfdeploy.yaml")
    assert repository.bash(hook["entry"]).returncode == 0
    repository.manifest.write_text(repository.manifest.read_text().replace("hourly:", "hourly: {fil: x}\n  b:"))
    refused = repository.bash(hook["entry"])
    assert refused.returncode == 1
    assert "unknown key 'fil'; did you mean 'file'?" in refused.stderr


@pytest.mark.parametrize("path", [ACTION, WORKFLOW], ids=lambda path: path.name)
def test_no_expression_is_pasted_into_a_script(path: Path) -> None:
    document = load(path)
    found = document["runs"]["steps"] if path == ACTION else [*steps("plan"), *steps("apply")]
    scripts = [step["run"] for step in found if "run" in step]
    assert scripts
    assert [text for text in scripts if "${{" in text] == []


def test_each_use_of_the_action_gives_inputs_that_it_has() -> None:
    known = load(ACTION)["inputs"]
    uses = [*ours("plan"), *ours("apply")]
    assert [given["command"] for given in uses] == ["validate", "plan", "apply"]
    assert all(given.keys() <= known.keys() for given in uses)

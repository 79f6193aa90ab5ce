"""The action's commands for pull requests: validate, plan and comment."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.action.api import REPOSITORY
from tests.action.project import Project
from tests.action.runner import Job, Runner, succeeded

FORK = "mallory/flows"
Planned = Callable[[], Path]


def plan(runner: Runner, **inputs: str) -> Job:
    return runner.use(command="plan", **{"environment": "prod", **inputs})


def comment(runner: Runner, **inputs: str) -> Job:
    return runner.use(command="comment", **{"environment": "prod", **inputs})


@pytest.mark.slow
def test_validate_puts_each_problem_at_its_line(project: Project) -> None:
    project.open()
    assert succeeded(project.on_pull().use(command="validate")).output == "Valid: 2 deployments.\n"
    manifest = project.repository.manifest
    manifest.write_text(manifest.read_text().replace("production:", "productive:"))
    refused = project.on_pull().use(command="validate")
    assert refused.result == "failure"
    assert "::error file=deployments/mfdeploy.yaml,line=9,col=5,title=environments.prod.productive::" in refused.output


@pytest.mark.slow
def test_the_comment_names_the_commit_and_is_updated(project: Project, planned: Planned) -> None:
    pull = project.open()
    first = project.on_pull()
    assert succeeded(plan(first)).outputs == {"changes": "true"}
    assert succeeded(comment(first, page="")).outputs == {"posted": "true"}
    (written,) = project.state.comments
    head = pull["head"]["sha"]
    assert written["body"].startswith(f"<!-- mfdeploy plan of prod; head={head} run=1 attempt=1 -->\n### mfdeploy plan")
    assert "**Plan: 1 to create" in written["body"]
    assert f"Commit {head}, merged into {project.base[:12]}" in written["body"]
    assert f"[run 1, attempt 1](https://github.example/{REPOSITORY}/actions/runs/1)" in written["body"]
    project.push()
    second = project.on_pull()
    planned()
    succeeded(comment(second))
    (written,) = project.state.comments
    assert written["body"].startswith(f"<!-- mfdeploy plan of prod; head={pull['head']['sha']} run=2 ")
    assert first.summary.count("### mfdeploy plan") == 2  # of the plan, and of the comment
    assert project.repository.dags == []


def test_the_comment_links_a_page_of_the_plan(project: Project, planned: Planned) -> None:
    project.open()
    runner = project.on_pull()
    planned()
    done = succeeded(comment(runner))
    (page,) = project.state.artifacts
    assert page["name"] == "mfdeploy-page-prod"
    with zipfile.ZipFile(BytesIO(page["content"])) as archive:
        assert archive.namelist() == ["prod.html"]
        assert b"<h1>Plan for prod</h1>" in archive.read("prod.html")
    assert done.outputs["page"] == f"https://github.example/{REPOSITORY}/actions/runs/1/artifacts/{page['id']}"
    assert f"**[The plan as a page]({done.outputs['page']})**" in project.state.comments[0]["body"]


def test_an_older_commits_plan_does_not_replace_the_comment(project: Project, planned: Planned) -> None:
    project.open()
    old = project.on_pull()
    planned()
    project.push()
    new = project.on_pull()
    planned()
    succeeded(comment(new))
    body = project.state.comments[0]["body"]
    late = succeeded(comment(old))
    assert late.outputs["posted"] == "false"
    assert "its comment is not replaced" in late.output
    assert [each["body"] for each in project.state.comments] == [body]
    assert not list((project.repository.folder / "mfdeploy-reviewed").glob(f"*{old.run}*"))


@pytest.mark.parametrize(
    ("run", "attempt", "posted"), [(6, 9, "false"), (7, 1, "false"), (7, 2, "true"), (8, 1, "true")]
)
def test_of_two_runs_for_one_commit_the_later_one_is_shown(
    run: int, attempt: int, posted: str, project: Project, planned: Planned
) -> None:
    head = project.open()["head"]["sha"]
    project.state.add_comment(12, f"<!-- mfdeploy plan of prod; head={head} run=7 attempt=2 -->\nearlier")
    runner = project.on_pull(run=run, attempt=attempt)
    planned()
    assert succeeded(comment(runner)).outputs["posted"] == posted
    (written,) = project.state.comments
    assert written["body"].endswith("earlier") == (posted == "false")


@pytest.mark.slow
def test_a_plan_that_is_refused_says_so_in_the_comment(project: Project) -> None:
    flow = "raise ValueError('''```\n::set-output name=changes::false\n@acme/everybody\n''')\n"
    project.repository.flow.write_text(flow)
    project.open()
    runner = project.on_pull()
    done = plan(runner)
    assert done.result == "failure"
    stop = re.search(r"::stop-commands::([0-9a-f]{32})\n", done.output)
    assert stop
    assert f"::{stop[1]}::\n" in done.output
    assert done.outputs == {}
    succeeded(comment(runner))
    (written,) = project.state.comments
    assert "**The plan of prod failed: there is nothing to review.**" in written["body"]
    fence = re.search("^(`{4,})text$", written["body"], re.MULTILINE)
    assert fence, written["body"]
    inside = written["body"].split(fence[0])[1].rpartition(fence[1])[0]
    assert "@acme/everybody" in inside
    assert fence[1] not in inside
    assert "The plan failed" in runner.summary
    assert not (project.repository.folder / "mfdeploy-reviewed").exists()


def test_a_job_that_ended_before_its_plan_is_told(project: Project) -> None:
    project.open()
    done = comment(project.on_pull())
    assert done.result == "failure"
    assert "The job ended before there was one." in project.state.comments[0]["body"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"targets": {"staging": "dags"}}, "a plan of staging as that of prod"),
        ({"rollback": "20260101T000000Z-1"}, "a rollback or a destroy"),
        ({"destroy": True}, "a rollback or a destroy"),
        ({"format": "@acme/everybody"}, "cannot be read"),
    ],
    ids=str,
)
def test_another_plan_than_that_of_the_environment_is_not_shown(
    change: dict[str, object], said: str, project: Project, planned: Planned
) -> None:
    """The job that planned ran the pull request's code, which could write anything into the folder."""
    project.open()
    runner = project.on_pull()
    path = planned() / "prod.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert comment(runner).result == "failure"
    assert said in project.state.comments[0]["body"]
    assert project.state.artifacts == []
    assert not (project.repository.folder / "mfdeploy-reviewed").exists()


def test_each_environment_has_its_comment(project: Project, planned: Planned) -> None:
    project.open()
    runner = project.on_pull()
    planned()
    for environment in ("staging", "prod"):
        succeeded(comment(runner, environment=environment))
    first, second = (each["body"] for each in project.state.comments)
    assert first.startswith("<!-- mfdeploy plan of staging;")
    assert second.startswith("<!-- mfdeploy plan of prod;")
    reviewed = project.repository.folder / "mfdeploy-reviewed"
    assert {path.name for path in reviewed.iterdir()} == {
        *("staging.json", "staging.review.json"),
        *("prod.json", "prod.review.json"),
    }


@pytest.mark.slow
def test_a_plan_against_a_revision_is_a_comment_of_its_own(project: Project) -> None:
    project.open()
    runner = project.on_pull()
    plan(runner)
    succeeded(comment(runner))
    assert succeeded(plan(runner, against="HEAD")).outputs == {"changes": "false"}
    succeeded(comment(runner, against="HEAD"))
    first, second = (each["body"] for each in project.state.comments)
    assert "**Plan: 1 to create" in first
    assert "**No changes." in second


@pytest.mark.slow
def test_variables_and_flows_are_handed_on(project: Project) -> None:
    manifest = project.repository.manifest
    manifest.write_text(
        manifest.read_text().replace("flows:\n", "variables: {word: none, other: none}\nflows:\n")
        + "  again: {file: ../flows/hourly.py, dag_id: again, tags: ['${var.word}', '${var.other}']}\n"
    )
    project.open()
    runner = project.on_pull()
    succeeded(plan(runner, variables="word=a b $(touch x)\n\nother=`c`\n", flows="aga*\n again"))
    saved = json.loads((project.repository.folder / "mfdeploy-plan" / "prod.json").read_text())
    assert [change["address"] for change in saved["changes"]] == ["prod/again"]
    assert "a b $(touch x)" in json.dumps(saved)
    assert "`c`" in json.dumps(saved)


def test_another_persons_comment_is_left_alone(project: Project, planned: Planned) -> None:
    head = project.open()["head"]["sha"]
    mine = f"<!-- mfdeploy plan of prod; head={head} run=99 attempt=1 --> mine"
    theirs = dict(project.state.add_comment(12, mine, user="User"))
    runner = project.on_pull()
    planned()
    succeeded(comment(runner))
    assert [each["user"]["type"] for each in project.state.comments] == ["User", "Bot"]
    assert project.state.comments[0] == theirs


def test_the_comment_is_found_on_a_later_page(project: Project, planned: Planned) -> None:
    project.open()
    for count in range(130):
        project.state.add_comment(12, f"remark {count}", user="User")
    for _ in range(2):
        runner = project.on_pull()
        planned()
        succeeded(comment(runner))
    assert len(project.state.comments) == 131


@pytest.mark.parametrize(("source", "result"), [(REPOSITORY, "failure"), (FORK, "success")])
def test_a_token_that_may_not_comment_fails_but_for_a_fork(
    source: str, result: str, project: Project, planned: Planned
) -> None:
    project.open(source=source)
    runner = project.on_pull()
    planned()
    project.state.tokens["weak"] = {"contents: read", "pull-requests: read"}
    done = comment(runner, token="weak")
    assert done.result == result
    assert "the plan could not be written to the pull request" in done.output
    assert "GitHub answered 403 Resource not accessible by integration" in done.output


def test_github_out_of_order_fails_the_comment(project: Project, planned: Planned) -> None:
    project.open()
    runner = project.on_pull()
    planned()
    project.state.failing = True
    done = comment(runner)
    assert done.result == "failure"
    assert "GitHub answered 502 Server Error" in done.output
    assert "**Plan: 1 to create" in runner.summary


def test_a_module_of_the_checkout_is_not_run_by_the_comment(project: Project, planned: Planned) -> None:
    for name in ("json.py", "github.py", "sitecustomize.py"):
        (project.repository.folder / name).write_text("open('ran', 'w')\n")
    project.open()
    runner = project.on_pull()
    planned()
    succeeded(comment(runner))
    assert not (project.repository.folder / "ran").exists()


@pytest.mark.parametrize(
    "inputs",
    [
        {"command": "destroy"},
        {"command": "plan"},
        {"command": "apply"},
        {"command": "comment", "environment": "../prod"},
        {"command": "plan", "environment": "--env"},
    ],
    ids=str,
)
def test_wrong_inputs_are_told(inputs: dict[str, str], project: Project) -> None:
    done = project.on_main().use(**inputs)
    assert done.result == "failure"
    assert done.output.startswith("::error::")
    assert len(done.steps) == 1


@pytest.mark.slow
@pytest.mark.parametrize("against", ["", "HEAD"])
def test_a_plan_that_violates_a_policy_fails_its_job_and_is_commented(against: str, project: Project) -> None:
    manifest = project.repository.manifest
    rule = "policies:\n  owner:\n    rule: after.settings.owner != project\n    message: a flow names its owner\n"
    project.open()
    runner = project.on_pull()
    manifest.write_text(manifest.read_text() + rule)
    project.repository.flow.write_text(project.repository.flow.read_text() + "# more\n")
    done = plan(runner, against=against)
    assert done.result == "failure"
    assert "1 policy violation: an apply is refused." in runner.summary
    assert "::error file=deployments/mfdeploy.yaml,line=15,col=3,title=policy::prod/hourly: owner: " in done.output
    succeeded(comment(runner, against=against))
    (written,) = project.state.comments
    assert "`prod/hourly`: owner: a flow names its owner" in written["body"]

"""A plan that is made now is applied if it changes what the reviewed plan changes, and the difference shown if not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deployer import cli
from deployer.commands.schema import schema
from deployer.models.plan import Edit, Effect, FieldChange, Plan, Reason, Replaced
from deployer.planning.reviewed import differences, refusals
from tests.sources import two_steps
from tests.views import samples
from tests.views.samples import change, described

CRON = Reason("schedule", (FieldChange("schedule.cron", "0 3 * * *", "0 4 * * *"),))
DRIFT = Reason("drifted", note="the DAG file was edited by hand")
ADOPTED = Reason("adopted", note="Metaflow's airflow create wrote dag.py")


def changed(**values: Any) -> Plan:
    return Plan((replace(change("train", "update", CRON), **values),), {"prod": "dags"})


EQUAL: dict[str, Callable[[], tuple[Plan, Plan]]] = {
    "the same": lambda: (changed(), changed()),
    "when and by whom the file was written": lambda: (changed(version="v1"), changed(version="v2")),
    "the tool": lambda: (replace(changed(), tool_version="0.1"), replace(changed(), tool_version="0.2")),
    "effects": lambda: (changed(effects=(Effect("code"),)), changed()),
    "where a value was written": lambda: (
        changed(reasons=(replace(CRON, fields=(replace(CRON.fields[0], origin="a.yaml:7"),)),)),
        changed(),
    ),
    "the history": lambda: (changed(reasons=(Reason("restored", note="rolled back"), CRON)), changed()),
    "what neither changes": lambda: (
        Plan((change("train", "none", after=described(samples.LINE)),), {"prod": "dags"}),
        Plan((change("train", "none"), change("other", "none")), {"prod": "dags"}),
    ),
}
DIFFERENT: dict[str, Callable[[], tuple[Plan, Plan]]] = {
    "only reviewed": lambda: (changed(), Plan((), {"prod": "dags"})),
    "only now": lambda: (Plan((), {"prod": "dags"}), changed()),
    "no change now": lambda: (changed(), changed(action="none", reasons=())),
    "no change then": lambda: (changed(action="none", reasons=()), changed()),
    "the action": lambda: (changed(action="delete"), changed()),
    "the file": lambda: (changed(), changed(file="other.py")),
    "the DAG id": lambda: (changed(), changed(name="other")),
    "the reasons": lambda: (changed(), changed(reasons=(Reason("code"), CRON))),
    "the result": lambda: (changed(), changed(after=described(samples.LINE))),
    "what is deployed": lambda: (changed(), changed(before=described())),
    "an edit by hand": lambda: (
        changed(reasons=(DRIFT,), version="v1"),
        changed(reasons=(replace(DRIFT, edit=Edit("x")),), version="v2"),
    ),
    "the file that is taken over": lambda: (
        changed(reasons=(ADOPTED,), replaces=(Replaced("dag.py", "v1"),)),
        changed(reasons=(ADOPTED,), replaces=(Replaced("dag.py", "v2"),)),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name: str) -> None:
    reviewed, now = EQUAL[name]()
    assert differences(reviewed, now) == differences(now, reviewed) == ()
    assert list(refusals(reviewed, now)) == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name: str) -> None:
    reviewed, now = DIFFERENT[name]()
    assert differences(reviewed, now)


@pytest.mark.parametrize(
    ("reviewed", "told"),
    [
        (replace(changed(), rollback="20260101"), "the reviewed plan is one of rollback, and not of the manifests"),
        (replace(changed(), destroy=True), "the reviewed plan is one of destroy"),
        (replace(changed(), against=samples.AGAINST.against), "the reviewed plan is against a revision (origin/main)"),
        (replace(changed(), targets={"staging": "dags"}), "the reviewed plan is for staging, and this apply for prod"),
        (replace(changed(), targets={}), "the reviewed plan is for no environment, and this apply for prod"),
        (replace(changed(), targets={"prod": "other"}), "prod: the target is 'other' in the reviewed plan"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_cannot_be_compared(reviewed: Plan, told: str) -> None:
    (problem,) = refusals(reviewed, changed())
    assert problem.message.startswith(told)


MANIFEST = """\
version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../data, production: true}
defaults: {schedule: "0 3 * * *"}
flows:
  a: {file: a/a.py}
  b: {file: b/b.py}
"""
APPLY = ["apply", "--env", "prod", "--reviewed", "plan.json"]
Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two deployments, of which a new schedule of one was planned in a branch."""
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        (tmp_path / "deployments" / name).mkdir(parents=True)
        (tmp_path / "deployments" / name / f"{name}.py").write_text(two_steps(f"{name.upper()}Flow"))
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    assert cli.run(["apply", "--env", "prod", "--yes"]) == 0
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    edit(tmp_path, "a/a.py}", "a/a.py, schedule: 0 4 * * *}")
    commit(tmp_path)
    assert cli.run(["plan", "--env", "prod", "--out", "plan.json"]) == 0
    return tmp_path


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "deployments")
    git(folder, "commit", "--quiet", "--message", "a change")


def edit(folder: Path, before: str, after: str) -> None:
    path = folder / "deployments" / "m.yaml"
    path.write_text(path.read_text().replace(before, after))


def crons(folder: Path) -> dict[str, bool]:
    """Which of the deployed DAGs have the new schedule."""
    return {name: "0 4 * * *" in (folder / "dags" / f"{name}Flow.py").read_text() for name in "AB"}


def test_an_equal_plan_of_a_merge_commit_is_applied(folder: Path, capsys: Output) -> None:
    git(folder, "checkout", "--quiet", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message", "merged", "change")
    # Somebody else applied the other flow meanwhile.
    (folder / "deployments" / "b" / "b.py").write_text(two_steps("BFlow") + "# merged first\n")
    assert cli.run(["apply", "--env", "prod", "--flow", "b", "--yes"]) == 0
    capsys.readouterr()
    assert cli.run([*APPLY, "--format", "markdown"]) == 0
    title, total, line = capsys.readouterr().out.split("\n\n")
    assert (title, total) == ("### mfdeploy apply", "**Apply complete: 0 created, 1 updated, 0 deleted.**")
    assert line.startswith("- updated `prod/a` as `AFlow`, namespace `production:")
    assert crons(folder) == {"A": True, "B": False}


def test_what_was_not_reviewed_is_shown_and_nothing_applied(folder: Path, capsys: Output) -> None:
    edit(folder, "b/b.py}", "b/b.py, schedule: 0 4 * * *}")
    capsys.readouterr()
    assert cli.run(APPLY) == 1
    out, err = capsys.readouterr()
    assert out.endswith(
        "The plan differs from the reviewed one:\n\n"
        "  prod/b\n"
        "    reviewed  no change\n"
        '    now       update (schedule: cron: "0 3 * * *" -> "0 4 * * *")\n\n'
        "Nothing was applied. Review the plan as it is now.\n"
    )
    assert "error: the plan differs from the reviewed one in 1 place: nothing was applied" in err
    assert cli.run([*APPLY, "--format", "json"]) == 1
    result = json.loads(capsys.readouterr().out)
    jsonschema.validate(result, schema("result"))
    (found,) = result["differences"]
    assert (found["address"], found["reviewed"]["action"], found["now"]["reasons"]) == ("prod/b", "none", ["schedule"])
    assert (result["done"], [left["address"] for left in result["not_done"]]) == ([], ["prod/a", "prod/b"])
    assert cli.run([*APPLY, "--format", "markdown"]) == 1
    shown = capsys.readouterr().out
    assert '- `prod/b`\n  - reviewed: no change\n  - now: update (schedule: cron: "0 3 \\* \\* \\*" -\\>' in shown
    assert crons(folder) == {"A": False, "B": False}


def test_each_flow_is_compiled_again(folder: Path, capsys: Output) -> None:
    """A description that is kept beside the deployed files is not taken: it may be another job's."""
    path = folder / "dags" / ".mfdeploy.growth.prod.json"
    index = json.loads(path.read_text())
    assert index["dags"]["BFlow.py"]["made_from"]
    (folder / "deployments" / "b" / "b.py").write_text("raise SystemExit('loaded')\n")
    capsys.readouterr()
    assert cli.run(APPLY) == 1
    assert "b.py:1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["plan.json", "--reviewed", "plan.json"], "--reviewed does not go with it"),
        (["--reviewed", "plan.json", "--allow-rollback"], "with --reviewed, write --env and --adopt"),
        (["--reviewed", "no-such-plan.json"], "cannot read no-such-plan.json"),
        (["--format", "markdown"], "--format markdown cannot ask: the plan is not printed"),
    ],
)
def test_bad_usage(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["apply", *options]) == 1
    assert told in capsys.readouterr().err

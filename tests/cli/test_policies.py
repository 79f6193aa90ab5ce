"""Policies on the command line: what a plan shows and returns, what an apply refuses, exemptions, and `policy`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.models.description import Description
from tests.sources import two_steps

from .conftest import edit_manifest

Output = pytest.CaptureFixture[str]
OWNER = """\
policies:
  owner:
    rule: after.settings.owner != project
    message: a flow names its owner
    field: settings.owner
"""
BROKEN = """\
policies:
  owner:
    rule: |
      environment == 'elsewhere' ||
        has(after.settings.ownr)
    message: a flow names its owner
  kind:
    rule: "after.schedule.kind == 'crn'"
    message: it has a cron
  result:
    rule: after.settings.owner
    message: it has an owner
    message_expression: size(flow)
"""


def add(project: Path, text: str) -> None:
    path = project / "deployments" / "mfdeploy.yaml"
    path.write_text(path.read_text() + text)


def platform(project: Path, text: str = OWNER) -> str:
    folder = project / "platform"
    folder.mkdir(exist_ok=True)
    (folder / "rules.yaml").write_text(text)
    return str(folder)


def run(capsys: Output, *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments)
    return (code, *capsys.readouterr())


def plan(capsys: Output, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code and the violations of a plan."""
    code, out, _ = run(capsys, "plan", "--env", "local", "--format", "json", *options)
    return code, json.loads(out)["violations"]


def violation(**other: Any) -> dict[str, Any]:
    return {
        "policy": "owner",
        "address": "local/train",
        "severity": "error",
        "message": "a flow names its owner",
        "hint": "",
        "field": "",
        "origin": "deployments/mfdeploy.yaml:7:3",
        "failed": False,
        "exempted": "",
        "until": "",
        **other,
    }


def test_a_plan_shows_everything_and_its_violations_and_is_refused(project: Path, capsys: Output) -> None:
    add(project, OWNER)
    assert plan(capsys) == (1, [violation()])
    code, out, _ = run(capsys, "plan", "--env", "local", "--detailed-exitcode")
    assert code == 1
    assert "+ local/train  TrainFlow.local" in out
    assert "- deployments/mfdeploy.yaml:7:3: error local/train: owner: a flow names its owner" in " ".join(out.split())
    assert out.endswith("1 policy violation: an apply is refused.\n")
    code, out, _ = run(capsys, "plan", "--env", "local", "--format", "github")
    where = "file=deployments/mfdeploy.yaml,line=7,col=3,title=policy"
    assert (code, out) == (1, f"::error {where}::local/train: owner: a flow names its owner\n")
    code, out, _ = run(capsys, "plan", "--env", "local", "--format", "markdown")
    assert code == 1
    assert "- **error** `deployments/mfdeploy.yaml:7:3`: `local/train`: owner: a flow names its owner\n" in out


def test_an_apply_stops_before_anything_is_touched(project: Path, capsys: Output) -> None:
    add(project, OWNER)
    code, _, err = run(capsys, "apply", "--env", "local", "--yes")
    assert code == 1
    assert "deployments/mfdeploy.yaml:7:3: error: local/train: violates owner: a flow names its owner" in err
    assert not (project / "build").exists()
    edit_manifest(project, "environments: [local]}", "environments: [local], owner: ada}")
    assert run(capsys, "apply", "--env", "local", "--yes")[0] == 0


def test_a_violation_points_to_the_setting(project: Path, capsys: Output) -> None:
    add(project, OWNER)
    edit_manifest(project, "environments: [local]}", "environments: [local], owner: growth}")
    found = violation(field="settings.owner", origin="deployments/mfdeploy.yaml:7:66")
    assert plan(capsys) == (1, [found])
    code, out, _ = run(capsys, "validate", "--format", "github")
    assert code == 1
    where = "file=deployments/mfdeploy.yaml,line=7,col=66,title=settings.owner"
    assert out == f"::error {where}::local/train: a flow names its owner (policy owner)\n"


def test_a_field_may_be_of_any_step(project: Path, capsys: Output) -> None:
    rule = "    rule: after.retries.all(step, after.retries[step].times > 2) && minutes_between_runs == null\n"
    add(project, f"policies:\n  owner:\n{rule}    message: it is retried\n    field: retries.*.times\n")
    edit_manifest(project, "environments: [local]}", "environments: [local], retries: 2}")
    found = violation(message="it is retried", field="retries.start.times", origin="deployments/mfdeploy.yaml:7:68")
    assert plan(capsys) == (1, [found])


def test_a_warning_stops_nothing(project: Path, capsys: Output) -> None:
    add(project, OWNER + "    severity: warning\n")
    assert plan(capsys) == (0, [violation(severity="warning")])
    code, out, _ = run(capsys, "apply", "--env", "local", "--yes")
    assert code == 0
    assert "warning local/train: owner" in out


def test_what_does_not_change_is_asked_only_where_a_policy_says_so(deployed: Path, capsys: Output) -> None:
    add(deployed, OWNER)
    assert plan(capsys) == (0, [])
    assert run(capsys, "validate")[0] == 1
    add(deployed, "    applies_to: {actions: [create, update, none]}\n")
    assert plan(capsys) == (0, [violation(severity="warning")])


def test_a_policy_of_deletes_holds_for_destroy(deployed: Path, capsys: Output) -> None:
    rule = "    applies_to: {actions: [delete]}\n    rule: before.settings.tags != ['nightly']\n"
    add(deployed, f"policies:\n  keep:\n{rule}    message: it is kept\n")
    code, out, err = run(capsys, "destroy", "--env", "local", "--yes")
    assert code == 1
    assert "error local/train: keep: it is kept" in out
    assert "local/train: violates keep: it is kept" in err
    assert run(capsys, "destroy", "--env", "local", "--out", "plan.json")[0] == 1
    assert run(capsys, "apply", "plan.json", "--allow-destroy")[0] == 1
    assert [path.name for path in (deployed / "build" / "dags").glob("*.py")] == ["TrainFlow.local.py"]


def test_a_policy_holds_for_a_rollback(deployed: Path, capsys: Output) -> None:
    add(deployed, "policies:\n  tags:\n    rule: size(after.settings.tags) > 0\n    message: it has tags\n")
    _, out, _ = run(capsys, "history", "--env", "local", "--format", "json")
    first = json.loads(out)["entries"][-1]["id"]
    code, out, err = run(capsys, "rollback", first, "--env", "local", "--yes")
    assert code == 1
    assert "error local/train: tags: it has tags" in out
    assert "deployments/mfdeploy.yaml:7:3: error: local/train: violates tags: it has tags" in err


def test_what_is_wrong_with_a_rule_has_its_place_in_the_manifest(project: Path, capsys: Output) -> None:
    add(project, BROKEN)
    code, out, err = run(capsys, "plan", "--env", "local")
    lines = (project / "deployments" / "mfdeploy.yaml").read_text().splitlines()
    assert (code, out) == (1, "")
    found = re.findall(r"mfdeploy.yaml:(\d+):(\d+): error: (\S+) ([^(;]+) \(", err)
    assert [(lines[int(line) - 1][int(column) - 1 :], path, message) for line, column, path, message in found] == [
        ("ownr)", "policies.owner.rule:", "unknown field 'ownr'"),
        ("'crn'\"", "policies.kind.rule:", "it is never 'crn'"),
        ("owner", "policies.result.rule:", "expected a bool as the result, found a string"),
        ("size(flow)", "policies.result.message_expression:", "expected a string as the result, found a whole number"),
    ]
    assert "line 2, column 22 of the expression); did you mean 'owner'?" in err
    assert run(capsys, "validate", "--no-flows")[0] == 1


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("settings.ownr", "unknown field 'ownr'; did you mean 'owner'?"),
        ("after.settings.owner", "unknown field 'after'; the fields are code, graph, schedule, "),
        ("resources.*.imag", "unknown field 'imag'; did you mean 'image'?"),
        ("settings.owner.x", "unknown field 'x'; leave it out"),
    ],
)
def test_a_field_that_nothing_has_is_refused(field: str, message: str, project: Path, capsys: Output) -> None:
    add(project, OWNER.replace("settings.owner\n", f"{field}\n"))
    code, out, err = run(capsys, "plan", "--env", "local")
    line = (project / "deployments" / "mfdeploy.yaml").read_text().count("\n")
    assert (code, out) == (1, "")
    assert f"deployments/mfdeploy.yaml:{line}:12: error: policies.owner.field: {message}" in err


@pytest.mark.parametrize("field", [*Description.model_fields, "'*'", "parameters.*", "retries.*", "resources.*.image"])
def test_a_policy_may_be_about_a_section_as_a_whole(field: str, project: Path, capsys: Output) -> None:
    add(project, OWNER.replace("settings.owner\n", f"{field}\n"))
    code, [found] = plan(capsys)
    assert (code, found["message"]) == (1, "a flow names its owner")
    assert found["origin"]


def test_a_rule_that_fails_stops_an_apply_as_a_violation_does(project: Path, capsys: Output) -> None:
    rule = "    severity: warning\n    rule: after.schedule.cron != ''\n"
    add(project, f"policies:\n  owner:\n{rule}    message: it has a cron\n")
    code, [found] = plan(capsys)
    assert code == 1
    assert found == violation(
        message="after.schedule has no 'cron' here (column 16 of the expression)",
        hint="ask has(after.schedule.cron) first",
        origin="deployments/mfdeploy.yaml:11:26",
        failed=True,
    )
    code, _, err = run(capsys, "apply", "--env", "local", "--yes")
    assert code == 1
    assert "local/train: the policy owner could not be evaluated: after.schedule has no 'cron' here" in err
    assert run(capsys, "validate", "--env", "local")[0] == 1


def test_a_rule_that_does_not_end_is_given_up_once(project: Path, capsys: Output) -> None:
    (project / "flows" / "report.py").write_text(two_steps("ReportFlow"))
    edit_manifest(project, "flows:\n", "flows:\n  report: {file: ../flows/report.py, environments: [local]}\n")
    digits = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    rule = "true"
    for number in range(9):
        rule = f"{digits}.all(v{number}, {rule})"
    add(project, f'policies:\n  owner:\n    rule: "{rule}"\n    message: it ends\n')
    code, found = plan(capsys)
    assert code == 1
    assert [(each["address"], each["failed"]) for each in found] == [("local/report", True)]
    assert found[0]["message"].startswith("the evaluation takes more than 1,000,000 steps")


def test_a_message_may_be_an_expression(project: Path, capsys: Output) -> None:
    add(project, OWNER + "    message_expression: \"flow + ' belongs to ' + after.settings.owner\"\n")
    assert plan(capsys) == (1, [violation(message="train belongs to growth")])
    edit_manifest(project, "flow + ' belongs to ' + after.settings.owner", "'' + after.schedule.cron")
    _, [found] = plan(capsys)
    assert found["message"] == "a flow names its owner"
    assert found["hint"].startswith("its message_expression failed: after.schedule has no 'cron' here")
    edit_manifest(project, "'' + after.schedule.cron", "' '")
    _, [found] = plan(capsys)
    assert found["hint"] == "its message_expression gave no text"


@pytest.mark.parametrize(
    "exemption",
    [
        "exemptions:\n  migration: {policy: owner, flows: ['local/tr*'], reason: a ticket, until: 2999-12-31}\n",
        "exemptions:\n  migration: {policy: owner, environments: [lo*], reason: a ticket, until: 2999-12-31}\n",
    ],
)
def test_an_exemption_is_shown_and_stops_nothing(exemption: str, project: Path, capsys: Output) -> None:
    add(project, OWNER + exemption)
    assert plan(capsys) == (0, [violation(exempted="a ticket", until="2999-12-31")])
    code, out, _ = run(capsys, "apply", "--env", "local", "--yes")
    assert code == 0
    assert "exempted local/train: owner: a flow names its owner (until 2999-12-31: a ticket)" in re.sub(
        r"\s+", " ", out
    )
    assert run(capsys, "validate", "--env", "local")[0] == 0


def test_a_flow_has_exemptions_of_its_own(project: Path, capsys: Output) -> None:
    add(project, OWNER)
    more = "exemptions: {owner: {reason: a ticket, until: 2999-12-31, environments: [local]}}"
    edit_manifest(project, "environments: [local]}", f"environments: [local], {more}}}")
    assert plan(capsys) == (0, [violation(exempted="a ticket", until="2999-12-31")])
    edit_manifest(project, "environments: [local]}}", "environments: [guarded]}}")
    assert plan(capsys) == (1, [violation()])


@pytest.mark.parametrize("section", [True, False], ids=["exemptions", "flow"])
def test_variables_are_replaced_in_an_exemption(section: bool, project: Path, capsys: Output) -> None:
    values = 'reason: "${var.ticket}", until: "${var.until}", environments: ["${var.place}"]'
    add(project, OWNER + 'variables: {ticket: GROWTH-1, until: "2999-12-31", place: local, policy: owner}\n')
    if section:
        add(
            project,
            f'exemptions:\n  migration: {{policy: "${{var.policy}}", flows: ["tr${{var.missing}}"], {values}}}\n',
        )
        code, _, err = run(capsys, "plan", "--env", "local")
        assert (code, "exemptions.migration.flows[0]: no variable 'missing' is declared" in err) == (1, True)
        edit_manifest(project, "tr${var.missing}", "train")
    else:
        edit_manifest(
            project, "environments: [local]}", f"environments: [local], exemptions: {{owner: {{{values}}}}}}}"
        )
    assert plan(capsys) == (0, [violation(exempted="GROWTH-1", until="2999-12-31")])
    edit_manifest(project, "${var.ticket}", "${env.TICKET}")
    code, _, err = run(capsys, "plan", "--env", "local")
    assert code == 1
    assert re.search(r"exemptions.*reason: \$\{env.TICKET\} is treated as a secret", err)


def test_an_exemption_ends(project: Path, capsys: Output) -> None:
    add(project, OWNER + "exemptions:\n  migration: {policy: owner, reason: a ticket, until: 2020-01-31}\n")
    assert plan(capsys) == (1, [violation()])
    _, _, err = run(capsys, "validate")
    assert "warning: exemptions.migration: the exemption from owner ended on 2020-01-31" in err


def test_policies_of_a_platform(project: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = platform(project)
    assert plan(capsys) == (0, [])
    assert plan(capsys, "--policies", folder) == (1, [violation()])
    monkeypatch.setenv("MFDEPLOY_POLICIES", folder)
    assert plan(capsys) == (1, [violation()])
    assert run(capsys, "apply", "--env", "local", "--yes")[0] == 1
    assert run(capsys, "validate")[0] == 1


def test_the_manifests_change_nothing_of_a_platform_s_policies(project: Path, capsys: Output) -> None:
    folder = platform(project)
    add(project, OWNER + "exemptions:\n  migration: {policy: owner, reason: a ticket, until: 2999-12-31}\n")
    code, _, err = run(capsys, "plan", "--policies", folder)
    assert code == 1
    assert "policies.owner: the policy 'owner' is already defined at platform/rules.yaml:2:3" in err
    assert "the policy 'owner' allows no exemptions; ask the owner of the policy" in err
    edit_manifest(project, OWNER, "")
    platform(project, OWNER + "    exemptions: allowed\n")
    assert plan(capsys, "--policies", folder) == (0, [violation(exempted="a ticket", until="2999-12-31")])


def test_an_exemption_from_an_unknown_policy(project: Path, capsys: Output) -> None:
    add(project, "exemptions:\n  migration: {policy: ownr, reason: a ticket, until: 2999-12-31}\n")
    code, _, err = run(capsys, "validate")
    assert code == 0
    assert "warning: exemptions.migration: the manifests have no policy 'ownr'; name those of a platform" in err
    code, _, err = run(capsys, "validate", "--policies", platform(project))
    assert code == 1
    assert "error: exemptions.migration: no policy 'ownr'; did you mean 'owner'?" in err
    code, _, err = run(capsys, "validate", "--policies", platform(project, "policies: {}"))
    assert "no policy 'ownr'; the policies are none" in err


def test_a_policy_that_is_about_no_environment_is_a_warning(project: Path, capsys: Output) -> None:
    add(project, OWNER + "    applies_to: {environments: [lcal, guard*]}\n")
    code, _, err = run(capsys, "validate", "--no-flows")
    assert code == 0
    assert "policies.owner.applies_to.environments[0]: no environment matches 'lcal'; did you mean 'local'?" in err
    assert "guard" not in err


def test_a_folder_of_policies_holds_nothing_else(project: Path, capsys: Output) -> None:
    code, _, err = run(capsys, "plan", "--policies", platform(project, "version: 1\npolicy: {}\nflows: {}\n"))
    assert code == 1
    assert "unknown key 'policy' in a file of policies; did you mean 'policies'?" in err
    assert "unknown key 'flows' in a file of policies" in err
    code, _, err = run(capsys, "plan", "--policies", "nowhere")
    assert code == 1
    assert "the folder of policies 'nowhere' does not exist; name it with --policies DIR" in err


def test_a_saved_plan_needs_the_policies_that_it_was_made_with(project: Path, capsys: Output) -> None:
    folder = platform(project)
    edit_manifest(project, "environments: [local]}", "environments: [local], owner: ada}")
    saved = ("--out", "plan.json", "--policies", folder)
    assert run(capsys, "plan", "--env", "local", *saved)[0] == 0
    for option in ([], ["--reviewed"]):
        arguments = ["apply", *option, "plan.json", *(["--env", "local"] if option else [])]
        code, _, err = run(capsys, *arguments)
        assert code == 1
        assert "the saved plan was made with policies of a platform, and this apply has none; name their folder" in err
        platform(project, OWNER.replace("!= project", "!= ''"))
        code, _, err = run(capsys, *arguments, "--policies", folder)
        assert code == 1
        assert "the saved plan was made with other policies than those that this apply has" in err
        platform(project)
    # A description or an example is no other policy.
    platform(project, f"{OWNER}    description: who is called\n    examples: []\n")
    assert run(capsys, "apply", "plan.json", "--policies", folder)[0] == 0


def test_an_apply_evaluates_anew(project: Path, capsys: Output) -> None:
    """Also for a plan that was made without any policies, or whose file says that there are no violations."""
    assert run(capsys, "plan", "--env", "local", "--out", "plan.json")[0] == 0
    code, _, err = run(capsys, "apply", "plan.json", "--policies", platform(project))
    assert code == 1
    assert "violates owner" in err
    code, _, err = run(capsys, "plan", "--env", "local", "--out", "plan.json", "--policies", platform(project))
    assert (code, "No apply takes it: it violates policies." in err) == (1, True)
    text = json.loads((project / "plan.json").read_text())
    (project / "plan.json").write_text(json.dumps({**text, "violations": []}))
    assert run(capsys, "apply", "plan.json", "--policies", platform(project))[0] == 1
    assert not (project / "build").exists()


def test_a_saved_plan_shows_its_violations_again(project: Path, capsys: Output) -> None:
    add(project, OWNER)
    run(capsys, "plan", "--env", "local", "--out", "plan.json")
    code, out, _ = run(capsys, "plan", "--from", "plan.json")
    assert code == 0
    assert "error local/train: owner: a flow names its owner" in " ".join(out.split())


EXAMPLES = """\
    examples:
      - {name: nobody, input: {project: growth, after: {settings: {owner: growth}}}, expect: violation}
      - {input: {project: growth, after: {settings: {owner: ada}}}, expect: pass}
      - {name: turned around, input: {project: growth, after: {settings: {owner: ada}}}, expect: violation}
      - {name: no owner, input: {project: growth, after: {settings: {}}}, expect: pass}
  other:
    rule: "true"
    message: nothing
"""


def test_the_examples_of_policies_are_run(project: Path, capsys: Output) -> None:
    add(project, OWNER + EXAMPLES)
    code, out, _ = run(capsys, "policy", "test")
    assert (code, " ".join(out.split())) == (
        1,
        "ok owner nobody ok owner example 2 "
        "FAILED owner turned around expected violation, found pass deployments/mfdeploy.yaml:16:9 "
        "FAILED owner no owner expected pass, found failed: after.settings has no 'owner' here (column 16 of the "
        "expression) deployments/mfdeploy.yaml:17:9 "
        "none other no examples 4 examples, 2 failed.",
    )
    code, out, _ = run(capsys, "policy", "test", "--format", "json")
    found = json.loads(out)
    assert (code, found["passed"], found["without_examples"]) == (1, False, ["other"])
    assert [each["found"] for each in found["examples"]] == ["violation", "pass", "pass", "failed"]


def test_an_example_with_another_input_than_policies_have_is_an_error(project: Path, capsys: Output) -> None:
    inputs = ("{after: {settings: {ownr: a}}}", "{now: Friday}", "{after: {settings: {tags: [1]}}}", "{flw: a}")
    lines = "".join(f"      - {{input: {each}, expect: pass}}\n" for each in inputs)
    add(project, f"{OWNER}    examples:\n{lines}")
    code, _, err = run(capsys, "policy", "test")
    assert code == 1
    for message in (
        "policies.owner.examples[0].input.after.settings.ownr: unknown field 'ownr'; did you mean 'owner'?",
        "policies.owner.examples[1].input.now: expected a timestamp, found a string",
        "policies.owner.examples[2].input.after.settings.tags[0]: expected a string, found a whole number",
        "policies.owner.examples[3].input.flw: unknown field 'flw'; did you mean 'flow'?",
    ):
        assert message in err


def test_the_ready_policies_say_what_their_examples_do(project: Path, capsys: Output) -> None:
    ready = Path(__file__).parents[2] / "docs" / "examples" / "policies"
    code, out, _ = run(capsys, "policy", "test", "--policies", str(ready), "--format", "json")
    found = json.loads(out)
    assert [each for each in found["examples"] if not each["passed"]] == []
    assert (code, found["without_examples"]) == (0, [])
    outcomes = {(each["policy"], each["expected"]) for each in found["examples"]}
    assert len(outcomes) == 2 * len({policy for policy, _ in outcomes}) == 20


def test_policies_are_listed(project: Path, capsys: Output) -> None:
    add(project, OWNER.replace("owner:", "own:", 1) + "    severity: warning\n    applies_to: {flows: [train]}\n")
    code, out, _ = run(capsys, "policy", "list", "--policies", platform(project))
    assert (code, out) == (
        0,
        "error owner  create and update, of the platform\n"
        "      a flow names its owner\n"
        "      platform/rules.yaml:2:3\n"
        "warning own  create and update, of train\n"
        "      a flow names its owner\n"
        "      deployments/mfdeploy.yaml:9:3\n"
        "2 policies.\n",
    )
    assert json.loads(run(capsys, "policy", "list", "--format", "json")[1])["policies"][0]["name"] == "own"

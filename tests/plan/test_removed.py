"""What an apply would refuse is in the plan, and a delete can be allowed in the manifest, where it is reviewed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from deployer import cli
from deployer.commands.schema import schema
from deployer.errors import DeployError, Location
from deployer.manifest.load import load
from deployer.models.manifests import Manifests, Removed
from deployer.models.plan import Plan, PlanWarning, Reason
from deployer.planning import guards, removed
from deployer.planning.guards import GuardFacts, Permissions
from deployer.planning.reviewed import differences
from tests.plan import made
from tests.sources import two_steps
from tests.views.samples import change

HEAD = """\
version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../data, production: true, protect: true}
  staging: {target: ../staging, compute: local, datastore: ../data}
"""
BOTH = "flows:\n  train: {file: flow.py}\n  grid: {file: flow.py, dag_id: grid, environments: [prod]}\n"
ONE = "flows:\n  train: {file: flow.py}\n"
REMOVED = "removed:\n  grid: {environments: [prod], reason: 'replaced by train'}\n"
Output = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "flow.py").write_text(two_steps("TrainFlow"))
    monkeypatch.chdir(tmp_path)
    declare(BOTH)
    return tmp_path


def declare(text: str) -> None:
    Path("deployments/m.yaml").write_text(HEAD + text)


def shown(capsys: Output, format: str = "json") -> str:
    capsys.readouterr()
    assert cli.run(["plan", "--env", "prod", "--format", format]) == 0
    return capsys.readouterr().out


def warnings(capsys: Output) -> list[dict[str, Any]]:
    plan = json.loads(shown(capsys))
    jsonschema.validate(plan, schema("plan"))
    return list(plan["warnings"])


def test_from_a_warning_to_an_entry_that_has_done_its_work(folder: Path, capsys: Output) -> None:
    assert cli.run(["apply", "--env", "prod", "--yes"]) == 0
    declare(ONE)
    (warning,) = warnings(capsys)
    told = "prod/grid: prod is protected, and an apply would delete grid"
    hint = "allow it with --allow-delete prod/grid, or below `removed:` in the manifest"
    assert warning == {"code": "protected", "message": told, "hint": hint, "path": "", "origin": ""}
    assert f"- **warning** {told}; allow it with --allow-delete prod/grid" in shown(capsys, "markdown")
    assert "Warnings\n  - prod/grid: prod is protected" in shown(capsys, "text")
    assert cli.run(["apply", "--env", "prod", "--yes"]) == 1

    declare(ONE + REMOVED)
    assert warnings(capsys) == []
    assert "- **delete** `prod/grid` as `grid`: removed (the manifests no longer list it: replaced by train)" in shown(
        capsys, "markdown"
    )
    assert cli.run(["apply", "--env", "prod", "--yes"]) == 0
    assert not (folder / "dags" / "grid.py").exists()

    (warning,) = warnings(capsys)
    assert (warning["code"], warning["origin"], warning["path"]) == (
        "stale-removed",
        "deployments/m.yaml:9:3",
        "removed.grid",
    )
    assert warning["message"] == "grid is not deployed to prod any more: the entry has done its work"


def read(text: str) -> Manifests:
    declare(text)
    return load(Path("deployments"), {}, {})


def test_a_flow_that_is_still_listed_is_told_with_its_line_and_allows_nothing(folder: Path) -> None:
    manifests = read(BOTH + REMOVED)
    (warning,) = manifests.diagnostics
    assert str(warning).startswith(
        "deployments/m.yaml:10:3: warning: removed.grid: the manifests still deploy grid to prod"
    )
    assert removed.allowed(manifests) == {}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{environments: [prdo], reason: x}", "no environment 'prdo'; did you mean 'prod'?"),
        ("{environments: [prod]}", "the key 'reason' is missing"),
        ("{reason: x}", "the key 'environments' is missing"),
        ("{environments: [prod], reason: ''}", "removed.grid.reason"),
        ("{environments: [prod, prod], reason: x}", "'prod' is listed twice"),
        ("{environments: [prod], reasn: x, reason: y}", "did you mean 'reason'?"),
        ("prod", "removed.grid: expected a map"),
    ],
)
def test_a_wrong_entry_is_refused(entry: str, told: str, folder: Path) -> None:
    with pytest.raises(DeployError) as refused:
        read(f"{ONE}removed:\n  grid: {entry}\n")
    assert told in str(refused.value)
    assert "deployments/m.yaml:9" in str(refused.value)


def test_variables_stand_for_environments(folder: Path) -> None:
    manifests = read(
        f"variables: {{where: prod}}\n{ONE}removed:\n  grid: {{environments: ['${{var.where}}'], reason: x}}\n"
    )
    assert list(removed.allowed(manifests)) == ["prod/grid"]


ENTRY = Removed("grid", ("prod", "staging"), "it is old", Location("m.yaml", 9))


def manifests_with(*entries: Removed) -> Manifests:
    return Manifests("growth", {"prod": made.environment(protect=True)}, (), removed=entries)


@pytest.mark.parametrize(("reason", "refused"), [("removed", []), ("rollback", ["protected"])])
def test_a_rollback_deletes_nothing_that_only_the_manifests_allow(reason: Any, refused: list[str]) -> None:
    plan = Plan((change("grid", "delete", Reason(reason)),), {"prod": "dags"})
    facts = GuardFacts("main", removed=frozenset(removed.allowed(manifests_with(ENTRY))))
    found = guards.refusals(plan, manifests_with(ENTRY).environments, (), facts, Permissions())
    assert [each.code for each in found] == refused


def test_an_entry_is_stale_only_where_all_its_environments_are_known() -> None:
    prod, staging = made.site(), replace(made.site(), environment="staging")
    assert list(removed.stale(manifests_with(ENTRY), [prod])) == []
    assert [each.code for each in removed.stale(manifests_with(ENTRY), [prod, staging])] == ["stale-removed"]
    there = made.deployed(made.desired())
    still = Removed("train", ("prod",), "it is old", Location("m.yaml", 9))
    assert list(removed.stale(manifests_with(still), [made.site(there)])) == []


def test_warnings_make_no_two_plans_differ() -> None:
    plan = Plan((change("train", "update", Reason("code")),), {"prod": "dags"})
    warned = replace(plan, warnings=(PlanWarning("protected", "prod is protected"),))
    assert plan == warned
    assert differences(plan, warned) == ()

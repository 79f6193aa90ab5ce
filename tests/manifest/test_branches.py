"""The branch of an environment and of a flow: from which setting it comes, and which one is the main branch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from deployer.models.branches import Branch, branch_name
from deployer.models.deployment import Deployment, Environment

from .test_load import HEAD, codes, folder, one, read

__all__ = ["folder"]

STAGING = "environments:\n  staging: {target: dags, compute: local, datastore: data%s}\n"
OF_A_VARIABLE = STAGING % ", branch: '${var.branch}'" + "variables: {branch: dev}\n"


def branch(folder: Path, environment: str, settings: str = "", **options: Any) -> tuple[Branch, Branch, str]:
    found = one(folder, settings, environment, **options)
    return found.environment.branch, found.own_branch, found.metaflow_branch


def test_without_a_branch_there_is_none(folder: Path) -> None:
    assert branch(folder, STAGING % "") == (Branch(), Branch(), "staging")
    assert branch(folder, STAGING % ", branch: ''") == (Branch(), Branch(), "staging")


def test_a_variable_gives_the_branch_and_its_default_is_the_main_one(folder: Path) -> None:
    main = Branch("dev", "dev")
    assert branch(folder, OF_A_VARIABLE) == (main, main, "dev")
    assert branch(folder, OF_A_VARIABLE, variables={"branch": "dev"}) == (main, main, "dev")
    preview = Branch("pr_12", "dev")
    assert branch(folder, OF_A_VARIABLE, variables={"branch": "pr_12"}) == (preview, preview, "pr_12")
    assert branch(folder, OF_A_VARIABLE, environ={"MFDEPLOY_VAR_branch": "pr_12"})[1] == preview
    assert branch(folder, OF_A_VARIABLE, variables={"branch": ""})[1] == Branch("", "dev")


def test_a_branch_is_put_together_from_any_variables(folder: Path) -> None:
    environment = STAGING % ", branch: 'pr_${var.number}'" + "variables: {number: 1, other: x}\n"
    assert branch(folder, environment)[1] == Branch("pr_1", "pr_1")
    assert branch(folder, environment, variables={"number": "12", "other": "y"})[1] == Branch("pr_12", "pr_1")


def test_a_variable_that_must_be_given_has_no_main_branch(folder: Path) -> None:
    environment = STAGING % ", branch: '${var.branch}'" + "variables: {branch: null}\n"
    assert branch(folder, environment, variables={"branch": "pr_12"})[1] == Branch("pr_12", None)


def test_an_empty_default_leaves_the_main_branch_without_a_name(folder: Path) -> None:
    environment = OF_A_VARIABLE.replace("dev", "''")
    assert branch(folder, environment)[1:] == (Branch(), "staging")
    assert branch(folder, environment, variables={"branch": "pr_12"})[1] == Branch("pr_12", "")


def test_a_flow_may_have_a_branch_of_its_own(folder: Path) -> None:
    assert branch(folder, STAGING % "", "branch: alice") == (Branch(), Branch("alice", "alice"), "alice")


def test_the_defaults_give_it_to_each_environment_that_is_not_production(folder: Path) -> None:
    two = "environments:\n  a: {target: a, compute: local, datastore: d}\n"
    two += "  prod: {target: b, compute: local, datastore: d, production: true}\n"
    manifests = read(folder, f"{HEAD}{two}defaults: {{branch: dev}}\nflows: {{train: {{file: train.py}}}}\n")
    assert [each.branch.name for each in manifests.environments.values()] == ["dev", ""]
    assert [each.own_branch.name for each in manifests.deployments] == ["dev", ""]
    # Metaflow's branch of production is what it was.
    assert [each.metaflow_branch for each in manifests.deployments] == ["dev", "dev"]


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a..b",
        "/a",
        "a/",
        "a~1",
        "a:b",
        "a?",
        "a*",
        "a[b",
        "a\\b",
        "x.lock",
        "@",
        "-a",
        "a\x7f",
        "x" * 251,
        "\u202e",
    ],
)
def test_a_name_that_git_does_not_take_is_one_error(folder: Path, name: str) -> None:
    flow = "flows: {train: {file: train.py}}\n"
    assert codes(folder, HEAD + OF_A_VARIABLE + flow, variables={"branch": name}) == ["bad-branch"]


@pytest.mark.parametrize("name", ["dev", "pr_12", "0", "a" * 64])
def test_a_plain_name_stays(name: str) -> None:
    assert branch_name(name) == name


def test_any_other_name_gets_a_digest_so_that_no_two_are_one() -> None:
    digest = hashlib.sha256(b"feature/x").hexdigest()[:10]
    assert branch_name("feature/x") == f"feature_x__{digest}"
    others = ["feature/x", "feature-x", "Feature/x", "feature_x", "feature.x", "ä", "$(id)", "'\";{{x}}", "a" * 65]
    # What another name was made to is a name that git takes, too.
    names = [branch_name(each) for each in [*others, branch_name("feature/x")]]
    assert len({*names}) == len(names)
    assert all(len(each) <= 64 and each.replace("_", "a").isalnum() and each.islower() for each in names)


def test_what_has_no_branch_belongs_to_the_main_one() -> None:
    main, preview, nowhere = Branch("dev", "dev"), Branch("pr_12", "dev"), Branch("pr_12", None)
    assert [each.owns(None) for each in (Branch(), main, preview, nowhere)] == [True, True, False, False]
    assert [each.owns("pr_12") for each in (Branch(), main, preview, nowhere)] == [False, False, True, True]


def test_the_files_of_a_preview_have_names_of_their_own(folder: Path) -> None:
    def label(**variables: str) -> str:
        environment: Environment = deployed(folder, **variables).environment
        return environment.label

    assert (label(), label(branch="dev"), label(branch="pr_12")) == ("staging", "staging", "staging@pr_12")


def deployed(folder: Path, **variables: str) -> Deployment:
    return one(folder, "", OF_A_VARIABLE, variables=variables)


def test_one_dag_id_in_two_branches_is_two(folder: Path) -> None:
    two = "environments:\n  a: {target: dags, compute: local, datastore: d, branch: x}\n"
    two += "  b: {target: dags, compute: local, datastore: d%s}\n"
    flow = "flows: {train: {file: train.py, dag_id: sales}}\n"
    assert len(read(folder, HEAD + two % ", branch: y" + flow).deployments) == 2
    other = flow.replace("sales}", "sales, overrides: {b: {dag_id: sales.X}}}")
    assert codes(folder, HEAD + two % "" + other) == ["duplicate-dag-id"]
    assert codes(folder, HEAD + two % ", branch: x" + flow) == ["duplicate-dag-id"]


@pytest.mark.parametrize(
    ("written", "expected"), [("sales", "sales.pr_12"), ("sales-pr_12", "sales-pr_12"), ("spr_12", "spr_12.pr_12")]
)
def test_a_name_that_was_written_gets_the_branch_once(written: str, expected: str) -> None:
    assert Branch("pr_12", "dev").in_name(written) == expected
    assert Branch().in_name(written) == written


def test_each_deployment_knows_what_becomes_of_the_dag_ids_beside_it(folder: Path) -> None:
    flows = "flows: {train: {file: train.py}, sales: {file: train.py, dag_id: sales}}\n"
    found = read(folder, HEAD + OF_A_VARIABLE + flows, variables={"branch": "pr_12"})
    assert [each.branch_dag_ids for each in found.deployments] == [{"sales": "sales.pr_12"}] * 2
    assert [each.branch_dag_ids for each in read(folder, HEAD + STAGING % "" + flows).deployments] == [{}, {}]


def test_a_branch_of_a_flow_owns_it_if_it_is_a_preview(folder: Path) -> None:
    def owner(environment: str, settings: str, **variables: str) -> str:
        return one(folder, settings, environment + "variables: {branch: dev}\n", variables=variables).owner_branch.name

    of_a_variable = STAGING % ", branch: '${var.branch}'"
    assert [owner(of_a_variable, "branch: fixed", **each) for each in ({}, {"branch": "pr_12"})] == ["dev", "pr_12"]
    own = "branch: ${var.branch}"
    assert [owner(STAGING % "", own, **each) for each in ({}, {"branch": "pr_12"})] == ["", "pr_12"]

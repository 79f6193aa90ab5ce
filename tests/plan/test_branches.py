"""Deployments of several branches at one target: each plan changes those of its own branch alone."""

from __future__ import annotations

from typing import Any

from deployer.models.branches import Branch
from deployer.models.desired import Deployed, Desired
from deployer.models.plan import Change
from deployer.models.selection import Selection
from deployer.planning.planner import plan_changes

from . import made

STAGING = made.environment("staging")
MAIN, FIRST, SECOND = Branch("dev", "dev"), Branch("pr_12", "dev"), Branch("pr_13", "dev")


def desired(branch: Branch, name: str = "", flow: str = "train") -> Desired:
    one = made.deployment(flow, environment=STAGING.model_copy(update={"branch": branch}), own_branch=branch)
    return made.desired(one, name=name or f"{flow}.staging.{branch.name}")


def deployed(branch: Branch, name: str = "", flow: str = "train") -> Deployed:
    item = desired(branch, name, flow)
    return made.deployed(item, record=made.record_of(item, branch=branch.name or None))


def plan(branch: Branch, *there: Deployed, items: tuple[Desired, ...] | None = None, **values: Any) -> list[Change]:
    items = (desired(branch),) if items is None else items
    branches = {item.deployment.address: item.deployment.owner_branch for item in items}
    adopts = Selection(None, adopt=tuple(values.pop("adopt", ()))).adopts
    state = made.site(
        *there,
        **{"environment": "staging", "known": {*branches}, "branch": branch, "branches": branches, **values},
    )
    return [change for change in plan_changes(items, [state], adopts=adopts) if change.action != "none"]


def done(changes: list[Change]) -> list[tuple[str, str]]:
    return [(change.action, change.name) for change in changes]


def test_each_branch_is_new_beside_the_others() -> None:
    there = deployed(MAIN), deployed(FIRST)
    assert done(plan(SECOND, *there)) == [("create", "train.staging.pr_13")]
    assert [plan(branch, *there) for branch in (MAIN, FIRST)] == [[], []]


def test_a_branch_deletes_its_own_flows_alone() -> None:
    there = [deployed(branch, flow=flow) for branch in (MAIN, FIRST, SECOND) for flow in ("train", "old")]
    assert done(plan(FIRST, *there)) == [("delete", "old.staging.pr_12")]
    assert done(plan(MAIN, *there)) == [("delete", "old.staging.dev")]
    gone = plan(FIRST, *there, items=(), destroy=True)
    assert done(gone) == [("delete", "old.staging.pr_12"), ("delete", "train.staging.pr_12")]
    assert gone[0].reasons[0].note.endswith("in this environment for the branch pr_12")


def test_what_was_deployed_without_a_branch_belongs_to_the_main_one() -> None:
    old = deployed(Branch(), "TrainFlow.staging")
    assert done(plan(FIRST, old)) == [("create", "train.staging.pr_12")]
    create, delete = plan(MAIN, old)
    assert done([create, delete]) == [("create", "train.staging.dev"), ("delete", "TrainFlow.staging")]
    assert delete.reasons[0].note == (
        "the DAG id is now train.staging.dev; the history of TrainFlow.staging stays under the old id"
        " (the branch dev is a part of it; without `branch`, or with an empty one, the id stays)"
    )
    # An empty branch is none: nothing changes.
    assert plan(Branch("", ""), old, items=(desired(Branch("", ""), "TrainFlow.staging"),)) == []


def test_a_dag_whose_id_had_the_branch_already_is_taken_over_by_it() -> None:
    """As that of a flow with `@project`, deployed before the record said the branch."""
    old = deployed(Branch(), "growth.test.pr_12.TrainFlow")
    (change,) = plan(FIRST, old, items=(desired(FIRST, "growth.test.pr_12.TrainFlow"),))
    assert (change.action, [reason.word for reason in change.reasons]) == ("update", ["moved"])
    assert "belongs to the branch pr_12" in change.reasons[0].note
    # The main branch owns what says no branch.
    assert plan(MAIN, old, items=(desired(MAIN, "growth.test.pr_12.TrainFlow"),)) == []


def test_one_id_for_two_branches_is_a_conflict_that_no_adoption_solves() -> None:
    there = deployed(MAIN, "same")
    for adopt in ((), ("staging/*",), ("project:growth",)):
        (change,) = plan(FIRST, there, items=(desired(FIRST, "same"),), adopt=adopt)
        assert change.action == "conflict"
        assert change.reasons[0].note == "same.py is deployed by the branch 'dev' (staging/train)"
        assert "leave the flow out with --exclude" in change.reasons[0].hint


def test_flows_with_branches_of_their_own_leave_those_of_others_alone() -> None:
    """The environment has no branch here: one flow has one, from a variable."""
    items = desired(FIRST), desired(Branch(), "other.staging", "other")
    there = deployed(MAIN), deployed(Branch(), "other.staging", "other"), deployed(MAIN, flow="gone")
    assert done(plan(Branch(), *there, items=items)) == [("create", "train.staging.pr_12")]

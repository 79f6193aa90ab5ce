"""Which previews an environment has, and which of them are gone."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.models.branches import Branch
from deployer.models.desired import Deployed
from deployer.planning.previews import KnownBranches, find_previews

from . import made
from .test_branches import FIRST, MAIN, SECOND, desired

ASKED = KnownBranches(local=("main",), origin=("main", "feature/x"))


def deployed(branch: Branch, flow: str = "train", **record: Any) -> Deployed:
    item = desired(branch, flow=flow)
    return made.deployed(item, record=made.record_of(item, branch=branch.name or None, **record))


def states(*there: Deployed, known: KnownBranches = ASKED, branch: Branch = MAIN) -> dict[str, str]:
    found = find_previews(made.site(*there, environment="staging", branch=branch), known)
    return {each.branch: each.state for each in found}


def test_the_main_branch_and_what_has_none_are_no_previews() -> None:
    assert states(deployed(MAIN), deployed(Branch())) == {}
    # Whoever asks for another branch sees the same.
    assert states(deployed(MAIN), deployed(FIRST), branch=SECOND) == {"pr_12": "unknown"}


def test_other_projects_and_environments_have_their_own() -> None:
    assert states(deployed(FIRST, owner="other"), deployed(SECOND, environment="prod")) == {}


@pytest.mark.parametrize(
    ("branch", "git_branch", "known", "state"),
    [
        ("pr_12", "feature/x", ASKED, "exists"),
        ("pr_12", "main", ASKED, "exists"),
        ("feature/x", None, ASKED, "exists"),
        ("pr_12", "feature/y", ASKED, "gone"),
        ("pr_12", "feature/y", KnownBranches(local=("feature/y",), origin=()), "exists"),
        # Nobody knows where it came from: its name is that of no git branch, which says nothing.
        ("pr_12", None, ASKED, "unknown"),
        ("pr_12", "feature/y", KnownBranches(problem="origin could not be asked"), "unknown"),
        ("pr_12", "feature/y", KnownBranches(listed=("pr_12",)), "exists"),
        ("pr_12", "feature/y", KnownBranches(listed=("feature/y",)), "exists"),
        ("pr_12", None, KnownBranches(listed=()), "gone"),
    ],
)
def test_a_preview_is_gone_when_no_git_branch_of_its_name_or_origin_exists(
    branch: str, git_branch: str | None, known: KnownBranches, state: str
) -> None:
    assert states(deployed(Branch(branch, "dev"), git_branch=git_branch), known=known) == {branch: state}


def test_a_preview_tells_all_that_it_deployed_and_who_did() -> None:
    (found,) = find_previews(made.site(deployed(FIRST, "b"), deployed(FIRST, "a"), environment="staging"), ASKED)
    assert [(dag.address, dag.name) for dag in found.dags] == [
        ("staging/a", "a.staging.pr_12"),
        ("staging/b", "b.staging.pr_12"),
    ]
    assert (found.applied_by, found.applied_at) == ("ada", "2026-01-01T00:00:00+00:00")

"""What an apply refuses unless it is allowed by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.commands.guards import refuse_unguarded
from deployer.commands.planning import Planned
from deployer.deployed import DeployedState
from deployer.desired import DesiredState
from deployer.errors import DeployError
from deployer.manifest import Manifests
from deployer.models.plan import Plan
from deployer.planner import plan_changes

from . import made


def planned(deployed: int, kept: int, protect: bool = False, **there) -> Planned:
    """A plan on an environment with so many DAGs, of which the manifests still list the first few."""
    items = [made.desired(made.deployment(f"flow{n}"), dag_id=f"Flow{n}") for n in range(deployed)]
    site = made.site(*(made.deployed(item, **there) for item in items), known={f"prod/flow{n}" for n in range(kept)})
    environment = made.environment(protect=protect)
    manifests = Manifests("growth", {"prod": environment}, (), (), frozenset(), Path())
    plan = Plan(plan_changes(items[:kept], [site]))
    return Planned(Path(), plan, DesiredState(manifests, (), ()), DeployedState({}, (site,)))


def refusals(planning: Planned, allowed: tuple[str, ...] = (), mass_change: bool = False) -> list[str]:
    try:
        refuse_unguarded(planning, allowed, mass_change)
    except DeployError as error:
        return [problem.code for problem in error.diagnostics]
    return []


@pytest.mark.parametrize(
    ("deployed", "kept", "refused"),
    [(9, 9, []), (9, 6, []), (9, 5, ["mass-change"]), (2, 1, []), (2, 0, ["mass-change"]), (1, 0, [])],
)
def test_more_than_a_third_at_once_needs_a_word(deployed: int, kept: int, refused: list[str]) -> None:
    assert refusals(planned(deployed, kept)) == refused
    assert refusals(planned(deployed, kept), mass_change=True) == []


def test_a_protected_environment_wants_each_delete_by_name() -> None:
    planning = planned(9, 7, protect=True)
    assert refusals(planning) == ["protected", "protected"]
    assert refusals(planning, ("prod/flow7",)) == ["protected"]
    assert refusals(planning, ("prod/flow7", "prod/flow8")) == []


def test_a_permission_for_what_is_not_deleted_is_a_mistake() -> None:
    with pytest.raises(DeployError, match="did you mean 'prod/flow8'") as raised:
        refuse_unguarded(planned(9, 8), ("prod/flo8",), False)
    assert [problem.code for problem in raised.value.diagnostics] == ["unknown-address"]


def test_a_conflict_stops_the_whole_apply() -> None:
    assert refusals(planned(3, 3, record=None)) == ["conflict", "conflict", "conflict"]

"""What an apply refuses unless it is allowed by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.branches import NO_BRANCH, Branch
from deployer.models.deployment import ResolvedPath
from deployer.models.desired import DesiredState
from deployer.models.manifests import Manifests
from deployer.models.plan import Plan, Violation
from deployer.orchestrators.airflow import record
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions
from deployer.planning.planner import plan_changes
from deployer.state.survey import DeployedState, survey
from tests.contexts import context, guard_warnings, refuse_unguarded

from . import made


def planned(deployed: int, kept: int, protect: bool = False, own_branch: Branch = NO_BRANCH, **there) -> PlanContext:
    """A plan on an environment with so many DAGs, of which the manifests still list the first few."""
    items = [made.desired(made.deployment(f"flow{n}", own_branch=own_branch), name=f"Flow{n}") for n in range(deployed)]
    records = [{"record": made.record_of(item, branch=own_branch.name or None), **there} for item in items]
    files = [made.deployed(item, **record) for item, record in zip(items, records, strict=True)]
    site = made.site(*files, known={f"prod/flow{n}" for n in range(kept)}, branch=own_branch)
    environment = made.environment(protect=protect)
    manifests = Manifests("growth", {"prod": environment}, (), (), frozenset(), Path())
    plan = Plan(plan_changes(items[:kept], [site]))
    return PlanContext(Path(), plan, DesiredState(manifests, (), ()), DeployedState({}, (site,)))


def refusals(planning: PlanContext, allowed: tuple[str, ...] = (), mass_change: bool = False) -> list[str]:
    try:
        refuse_unguarded(planning, Permissions(allowed, mass_change))
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


@pytest.mark.parametrize(
    ("branch", "destroy", "refused"),
    [
        (Branch("pr_12", "dev"), True, []),
        (Branch("pr_12", "dev"), False, ["mass-change"]),
        (Branch("dev", "dev"), True, ["mass-change"]),
        (Branch("", "dev"), True, ["mass-change"]),
    ],
)
def test_a_preview_is_destroyed_as_a_whole(branch: Branch, destroy: bool, refused: list[str]) -> None:
    planning = planned(9, 0, own_branch=branch)
    found = replace(planning, plan=replace(planning.plan, destroy=destroy))
    assert refusals(found) == refused


def test_a_protected_environment_wants_each_delete_by_name() -> None:
    planning = planned(9, 7, protect=True)
    assert refusals(planning) == ["protected", "protected"]
    assert refusals(planning, ("prod/flow7",)) == ["protected"]
    assert refusals(planning, ("prod/flow7", "prod/flow8")) == []


def test_a_plan_warns_of_what_its_apply_needs_a_permission_for() -> None:
    found = guard_warnings(planned(2, 0, protect=True))
    assert [each.code for each in found] == ["protected", "protected", "mass-change"]
    assert {each.severity.value for each in found} == {"warning"}


def test_a_permission_for_what_is_not_deleted_is_a_mistake() -> None:
    with pytest.raises(DeployError, match="did you mean 'prod/flow8'") as raised:
        refuse_unguarded(planned(9, 8), Permissions(("prod/flo8",)))
    assert [problem.code for problem in raised.value.diagnostics] == ["unknown-address"]


def test_a_conflict_stops_the_whole_apply() -> None:
    assert refusals(planned(3, 3, record=None)) == ["conflict", "conflict", "conflict"]


FOREIGN = """\
import airflow
with airflow.DAG("New", schedule=None):
    pass
"""


def new_dag(folder: Path, **files: str) -> PlanContext:
    """A plan that creates the DAG `New` at a folder that holds these files."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    environment = made.environment(target=ResolvedPath(str(folder), str(folder)))
    state = survey([environment], context().connect, ())
    item = made.desired(made.deployment("new", environment=environment), name="New")
    manifests = Manifests("growth", {"prod": environment}, (), (), frozenset(), Path())
    plan = Plan(plan_changes([item], state.states))
    return PlanContext(Path(), plan, DesiredState(manifests, (), ()), state)


def test_a_dag_id_that_another_file_defines_is_refused(tmp_path: Path) -> None:
    planning = new_dag(tmp_path, theirs=FOREIGN)
    with pytest.raises(DeployError, match=r"prod/new: theirs\.py at the target already defines the DAG 'New'"):
        refuse_unguarded(planning, Permissions())
    assert [(each.code, each.severity.value) for each in guard_warnings(planning)] == [("duplicate-dag-id", "warning")]


@pytest.mark.parametrize(
    "text",
    [
        'from airflow import DAG\nDAG("Other", description="New")\n',
        "DAG(New)\n",
        'print("New")\n',
        'DAG("New"',
        "x = '\\d'\n\0",
    ],
)
def test_a_file_that_does_not_define_it_is_no_matter(text: str, tmp_path: Path) -> None:
    assert refusals(new_dag(tmp_path, theirs=text)) == []


@pytest.mark.parametrize(
    "text", ['@dag(dag_id="New")\ndef f(): ...\n', 'import airflow as a\na.models.DAG(dag_id="New")\n']
)
def test_each_way_of_naming_a_dag_is_seen(text: str, tmp_path: Path) -> None:
    assert refusals(new_dag(tmp_path, theirs=text)) == ["duplicate-dag-id"]


def test_a_file_of_another_project_that_holds_the_dag_is_a_conflict(tmp_path: Path) -> None:
    copied = record.write("# a dag of airflow\n", made.record_of(made.desired(name="New"), owner="else"))
    assert refusals(new_dag(tmp_path, copy_of_New=copied)) == ["conflict"]


def test_of_several_environments_only_those_with_changes_look_at_the_branch(tmp_path: Path) -> None:
    planning = planned(1, 1)
    guarded = made.environment(branches=("main",))
    desired = replace(planning.desired, manifests=replace(planning.desired.manifests, environments={"prod": guarded}))
    assert refusals(replace(planning, folder=tmp_path, desired=desired)) == []


def test_violations_of_what_is_applied_stop_it_and_many_are_told_in_a_line() -> None:
    planning = planned(2, 1)
    found = [Violation(f"policy-{number}", "prod/flow1", "error", "no") for number in range(25)]
    others = [
        Violation("other", "prod/flow0", "error", "of what is not applied"),
        Violation("other", "prod/flow1", "warning", "a warning"),
        Violation("other", "prod/flow1", "error", "exempted", exempted="a ticket", until="2999-12-31"),
    ]

    def told(*violations: Violation) -> list[str]:
        with_violations = replace(planning, plan=replace(planning.plan, violations=violations))
        try:
            refuse_unguarded(with_violations, Permissions())
        except DeployError as error:
            return [problem.message for problem in error.diagnostics]
        return []

    assert told(*others) == []
    assert told(*found[:1], *others) == ["prod/flow1: violates policy-0: no"]
    assert "5 more violations of policies" in told(*found, *others)
    assert len(told(*found, *others)) == 21

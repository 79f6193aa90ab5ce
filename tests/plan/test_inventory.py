"""What lies at targets, by project, and what is known of who owns it."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.manifest.projects import Projects, read_projects
from deployer.models.branches import Branch
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.desired import Deployed, EnvironmentState, NativeDag
from deployer.models.inventory import Inventory, InventoryDag
from deployer.planning.inventory import inventory
from deployer.views.html.inventory import inventory_to_html
from deployer.views.inventory import inventory_to_json, inventory_to_text

from . import made

ELSEWHERE = ResolvedPath("s3://new/dags", "s3://new/dags")
ENVIRONMENTS = {
    "prod": made.environment(),
    "staging": made.environment("staging"),
    "away": made.environment("away", target=ELSEWHERE),
}
PROJECTS = read_projects(b"version: 1\nprojects: {growth: {}, finance: {}}\n", "dags/mfdeploy-projects.yaml")


def file(name: str = "train", **record: Any) -> Deployed:
    item = made.desired(made.deployment(name), name=name)
    return made.deployed(item, record=made.record_of(item, **record))


def found(
    *there: Deployed,
    environments: dict[str, Environment] | None = None,
    file: Projects | None = PROJECTS,
    state: dict[str, Any] | None = None,
    **arguments: Any,
) -> Inventory:
    states = [made.site(*there, **(state or {}))]
    files = {"prod": file} if file else {}
    return inventory("growth", states, environments or ENVIRONMENTS, files, **arguments)


def only_dag(inventory: Inventory) -> InventoryDag:
    ((dag,),) = [project.dags for project in inventory.targets[0].projects]
    return dag


PREVIEW = {"branch": Branch("dev", "dev"), "branches": {"prod/train": Branch("dev", "dev")}}


@pytest.mark.parametrize(
    ("record", "state", "words", "orphaned"),
    [
        ({}, {}, [], False),
        ({}, {"known": set()}, ["unlisted"], True),
        ({"environment": "gone"}, {}, ["environment gone"], True),
        ({"environment": "away"}, {}, ["moved"], True),
        # An environment at the same target that was not asked for: nothing is known.
        ({"environment": "staging"}, {"known": set()}, [], False),
        ({"branch": "pr_12"}, PREVIEW, ["preview"], False),
        ({"branch": "pr_12"}, {**PREVIEW, "known": set()}, ["preview"], False),
        ({"owner": "finance"}, {"known": set()}, [], False),
        ({"owner": "marketing"}, {}, ["project unlisted"], True),
        ({"owner": "Finance"}, {}, ["project unlisted"], True),
    ],
)
def test_what_is_known_of_a_file(
    record: dict[str, Any], state: dict[str, Any], words: list[str], orphaned: bool
) -> None:
    dag = only_dag(found(file(**record), state=state))
    assert ([mark.word for mark in dag.marks], dag.orphaned) == (words, orphaned)


def test_a_project_is_no_orphan_where_others_may_deploy_and_where_no_file_says_who_may() -> None:
    open_to_all = read_projects(b"version: 1\nothers: allow\n", "p.yaml")
    for each, listed in ((open_to_all, False), (None, None)):
        made_of = found(file(owner="marketing"), file=each)
        assert only_dag(made_of).orphaned is False
        assert made_of.targets[0].projects[0].listed is listed


def test_a_target_of_two_environments_is_listed_once() -> None:
    item = file()
    states = [
        made.site(item),
        EnvironmentState("staging", "growth", (item,), frozenset()),
        EnvironmentState("away", "growth", (), frozenset()),
    ]
    listed = inventory("growth", states, ENVIRONMENTS, {})
    assert [(each.target, each.environments) for each in listed.targets] == [
        ("../build/dags", ("prod", "staging")),
        ("s3://new/dags", ("away",)),
    ]
    assert len(listed.targets[0].projects[0].dags) == 1


def test_files_without_a_record_are_listed_unless_patterns_select_addresses() -> None:
    native = NativeDag("Native", "NativeFlow", None, {}, (), None)
    there = (
        file(),
        Deployed("Native.py", "v1", None, native=native),
        Deployed("broken.py", "v1", None, problem="broken.py: its record is damaged"),
        Deployed("helper.py", "v1", None),
    )
    kinds = [(each.file, each.kind) for each in found(*there).targets[0].others]
    assert kinds == [("Native.py", "native"), ("broken.py", "damaged"), ("helper.py", "other")]
    narrowed = found(*there, selects=lambda address: address == "prod/other", narrowed=True)
    assert (narrowed.targets[0].projects, narrowed.targets[0].others) == ((), ())


def test_the_text_says_what_is_known_and_shows_no_control_characters() -> None:
    hostile = file(owner="mar\x1b[2Jketing", address="prod/tr\u202eain", git_branch="a\nb")
    edited = Deployed(**{**vars(file("churn", branch="dev")), "intact": False})
    text = inventory_to_text(inventory_to_json(found(hostile, edited, Deployed("x\x07.py", "v", None))), width=120)
    assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text
    assert "applied 2026-01-01 00:00 UTC  ada  cccccccccccc" in text
    assert "it was edited by hand after it was applied" in text
    assert "2 DAGs of 2 projects, 1 file of no project. Nobody owns 1 of them any more, as far as is known." in text
    page = inventory_to_html(inventory_to_json(found(file(owner="<script>alert(1)</script>"))))
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert "Each DAG has an owner" in inventory_to_text(inventory_to_json(found(file())))

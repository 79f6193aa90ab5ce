"""Files that were renamed, copied, edited or written by others: whose they are, and what a plan makes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.models.deployment import ResolvedPath
from deployer.models.description import CronSchedule
from deployer.models.desired import NativeDag
from deployer.models.flow import Code
from deployer.models.plan import Change, Edit, FieldChange, Replaced
from deployer.models.selection import Selection
from deployer.planning.planner import plan_changes

from . import made

NATIVE = NativeDag(
    "TrainFlow", "TrainFlow", "0 3 * * *", {"alpha": 0.5, "old": "x"}, ("start", "fit", "end"), "train-0-x"
)
ITEM = made.desired()


def plan(*there, desired=(ITEM,), adopt=(), **values):
    adopts = Selection(None, adopt=adopt).adopts
    return plan_changes(desired, [made.site(*there, **values)], adopts=adopts)


def only(*there, **values) -> Change:
    (change,) = plan(*there, **values)
    return change


def words(change: Change) -> list[str]:
    return [reason.word for reason in change.reasons]


class TestByHand:
    def test_an_edit_names_the_file_whose_text_is_lost(self) -> None:
        change = only(made.deployed(ITEM, intact=False))
        assert (words(change), change.reasons[0].edit) == (["drifted"], Edit("TrainFlow.py"))

    def test_a_renamed_file_is_one_update_that_names_it_again(self) -> None:
        change = only(made.deployed(ITEM, file="renamed.py", version="v7"))
        assert (change.action, words(change), change.version) == ("update", ["drifted"], None)
        assert change.replaces == (Replaced("renamed.py", "v7"),)
        assert change.before == ITEM.description
        assert "renamed to renamed.py by hand" in change.reasons[0].note

    def test_a_renamed_file_that_was_edited_tells_both(self) -> None:
        change = only(made.deployed(ITEM, file="renamed.py", intact=False))
        assert words(change) == ["drifted", "drifted"]
        assert change.reasons[1].edit == Edit("renamed.py")

    def test_a_copy_is_deleted_and_the_file_at_its_place_stays_what_it_is(self) -> None:
        change = only(made.deployed(ITEM), made.deployed(ITEM, file="copy.py", version="v7"))
        assert (change.action, change.version, change.replaces) == ("update", "v1", (Replaced("copy.py", "v7"),))
        assert "copy" in change.reasons[0].note

    def test_a_file_put_over_another_one_is_written_again(self) -> None:
        other = made.desired(made.deployment("other"), name="Other")
        over = made.deployed(ITEM, record=made.record_of(other))
        first, second = plan(over, desired=(ITEM, other), known={"prod/train", "prod/other"})
        assert (first.address, first.action) == ("prod/other", "create")
        assert (second.action, words(second), second.before) == ("update", ["drifted"], None)

    def test_a_delete_tells_of_an_edit_that_goes_with_it(self) -> None:
        (change,) = plan(made.deployed(made.desired(made.deployment("old"), name="Old"), intact=False), desired=())
        assert (change.action, words(change)) == ("delete", ["removed", "drifted"])


class TestMoved:
    def test_a_flow_at_another_path_is_moved_and_nothing_else(self) -> None:
        moved = made.desired(made.deployment(file=ResolvedPath("flows/new/train.py", "/srv/flows/new/train.py")))
        change = only(made.deployed(ITEM), desired=(moved,))
        assert (change.action, words(change)) == ("update", ["moved"])
        assert change.reasons[0].fields == (FieldChange("code.file", "flows/train.py", "flows/new/train.py"),)

    def test_a_moved_flow_whose_code_changed_tells_both(self) -> None:
        other = made.flow(code=Code({"train.py": "9" * 16}, "2.19.39", "f" * 64))
        moved = made.desired(made.deployment(file=ResolvedPath("new.py", "/srv/new.py")), other)
        assert words(only(made.deployed(ITEM), desired=(moved,))) == ["moved", "code"]


class TestAdoption:
    def test_a_native_dag_in_another_file_is_a_conflict_whose_hint_names_the_option(self) -> None:
        change = only(made.deployed(ITEM, file="dag.py", record=None, native=NATIVE))
        assert (change.action, words(change)) == ("conflict", ["conflict"])
        assert "dag.py, written by Metaflow's airflow create" in change.reasons[0].note
        assert "--adopt prod/train" in change.reasons[0].hint

    def test_an_adopted_native_dag_is_one_update_that_tells_what_is_known(self) -> None:
        change = only(made.deployed(ITEM, file="dag.py", record=None, native=NATIVE), adopt=("prod/train",))
        assert (change.action, words(change), change.version) == ("update", ["adopted"], None)
        assert change.replaces == (Replaced("dag.py", "v1"),)
        assert change.before is not None
        assert change.before.schedule == CronSchedule(kind="cron", cron="0 3 * * *")
        assert list(change.reasons[0].fields) == [
            FieldChange("graph.steps.fit", "there", None),
            FieldChange("schedule.cron", "0 3 * * *", None),
            FieldChange("parameters.alpha.default", 0.5, 0.01),
            FieldChange("parameters.old.default", "x", None),
        ]
        assert change.reasons[0].edit is None  # the file may hold keys of a service

    def test_a_native_file_that_came_back_is_a_conflict_again(self) -> None:
        change = only(made.deployed(ITEM), made.deployed(ITEM, file="dag.py", record=None, native=NATIVE))
        assert change.action == "conflict"

    @pytest.mark.parametrize("pattern", ["prod/train", "train", "prod/*", "project:sales"])
    def test_a_dag_of_another_project(self, pattern: str) -> None:
        theirs = made.deployed(ITEM, record=made.record_of(ITEM, owner="sales"))
        assert only(theirs).action == "conflict"
        change = only(theirs, adopt=(pattern,))
        assert (change.action, words(change), change.version) == ("update", ["adopted"], "v1")
        assert "the manifest project 'sales'" in change.reasons[0].note

    def test_a_pattern_for_another_project_takes_nothing_of_this_one(self) -> None:
        theirs = made.deployed(ITEM, record=made.record_of(ITEM, owner="sales"))
        assert only(theirs, adopt=("project:growth", "prod/other")).action == "conflict"

    def test_a_dag_of_another_environment_and_what_differs(self) -> None:
        theirs = made.deployed(ITEM, record=made.record_of(ITEM, environment="old"))
        after = made.desired(made.deployment(tags=("a",)))
        change = only(theirs, desired=(after,), adopt=("prod/train",))
        assert words(change) == ["adopted", "settings"]

    def test_a_file_written_by_hand_shows_what_is_lost(self) -> None:
        change = only(made.deployed(ITEM, record=None), adopt=("prod/train",))
        assert (change.action, words(change), change.before) == ("update", ["adopted"], None)
        assert change.reasons[0].edit == Edit("TrainFlow.py")

    def test_a_damaged_record_is_written_anew(self) -> None:
        damaged = made.deployed(ITEM, record=None, problem="TrainFlow.py cannot be read: cut")
        assert only(damaged).action == "conflict"
        assert only(damaged, adopt=("prod/train",)).action == "update"

    def test_a_file_of_a_later_mfdeploy_is_never_written_over(self) -> None:
        later = made.deployed(ITEM, record=None, problem="record format 2", later=True)
        assert only(later, adopt=("prod/train",)).action == "conflict"

    def test_nothing_else_of_an_adopted_project_is_touched(self) -> None:
        other = made.desired(made.deployment("other"), name="Other")
        theirs = [made.deployed(each, record=made.record_of(each, owner="sales")) for each in (ITEM, other)]
        assert [change.address for change in plan(*theirs, adopt=("project:sales",))] == ["prod/train"]


def test_what_only_explains_does_not_make_two_plans_differ() -> None:
    change = only(made.deployed(ITEM, intact=False))
    shown = replace(change.reasons[0], edit=Edit("TrainFlow.py", ("+x = 1",)))
    assert replace(change, reasons=(shown,)) == change

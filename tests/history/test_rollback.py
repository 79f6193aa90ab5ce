"""The way back to an earlier state: what it plans, what it puts back, and when it refuses to guess."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.applying.recording import inspect_outcome
from deployer.commands.apply import execute, prepare
from deployer.errors import DeployError
from deployer.models.plan import Plan
from deployer.models.target import MovedError
from deployer.orchestrators.airflow import record
from deployer.pipeline.rolled_back import with_rolled_back
from deployer.planning.assertions import Assertions
from deployer.planning.guards import Permissions
from deployer.state.history import entry_file
from deployer.targets.folder import FolderTarget
from deployer.views.plan_json import plan_from_json, plan_to_json
from tests.contexts import context
from tests.history.applying import AppliedFolder

A, B, C = "0 1 * * *", "0 2 * * *", "0 3 * * *"


def test_it_undoes_updates_creates_and_deletes(site: AppliedFolder) -> None:
    back = site.apply(kept=A, changed=A, gone=A)
    site.apply(kept=A, changed=B, gone=A, new=A)
    site.apply(kept=A, changed=C, new=A)
    done = site.roll_back(back)
    assert done == {"prod/changed": "update", "prod/gone": "create", "prod/new": "delete"}
    assert site.crons() == {"kept": A, "changed": A, "gone": A}


def test_its_plan_says_why(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=B)
    plan = site.prepare(back).context.plan
    (change,) = plan.pending
    assert plan.rollback == back
    assert [(reason.word, reason.note) for reason in change.reasons] == [
        ("rollback", f"restores the state after {back}"),
        ("schedule", ""),
    ]
    assert [(each.before, each.after) for each in change.reasons[1].fields] == [(B, A)]


def test_the_next_plan_says_that_an_apply_would_undo_it(site: AppliedFolder) -> None:
    back = site.apply(train=A, kept=A, gone=A)
    site.apply(train=B, kept=A)
    site.roll_back(back)
    rollback = site.entries()[0]
    who = f"by {rollback.applied_by} at {rollback.applied_at}"
    undoes = ("restored", f"rolled back to {back} {who}; an apply undoes that")
    reasons = {
        change.address: [(reason.word, reason.note) for reason in change.reasons]
        for change in site.plan({"train": B, "kept": B}).plan.pending
    }
    assert reasons == {
        "prod/train": [undoes, ("schedule", "")],
        "prod/kept": [("schedule", "")],
        "prod/gone": [("removed", "the manifests no longer list it"), undoes],
    }
    # What a rollback put back and the manifests want too is no change.
    assert [change.action for change in site.plan({"train": A, "kept": A, "gone": A}).plan.changes] == ["none"] * 3
    # Once something else is applied there is nothing left to undo.
    site.apply(train=B, kept=A)
    (change,) = [each for each in site.plan({"train": C, "kept": A}).plan.pending if each.address == "prod/train"]
    assert [reason.word for reason in change.reasons] == ["schedule"]


def test_a_plan_that_creates_what_a_rollback_deleted_says_so(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=A, new=A)
    site.roll_back(back)

    def reasons(**crons: str) -> list[tuple[str, str]]:
        plan_context = site.plan(crons)
        changes = with_rolled_back(plan_context.plan.changes, plan_context.deployed, plan_context.environments)
        return [(reason.word, reason.note) for change in changes for reason in change.reasons]

    rollback = site.entries()[0]
    who = f"by {rollback.applied_by} at {rollback.applied_at}"
    undoes = ("restored", f"rolled back to {back} {who}; an apply undoes that")
    assert reasons(train=A, new=A) == [("new", ""), undoes]
    assert reasons(train=A, other=A) == [("new", "")]
    # Applied and deleted since: the rollback is not the last that became of it.
    site.apply(train=A, new=A)
    site.apply(train=A)
    assert reasons(train=A, new=A) == [("new", "")]


def test_a_history_that_cannot_be_read_stops_no_plan(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    (site.dags / entry_file("growth", "prod", back)).write_text("damaged")
    plan_context = site.plan({"train": A, "new": A})
    changes = with_rolled_back(plan_context.plan.changes, plan_context.deployed, plan_context.environments)
    assert changes == plan_context.plan.changes


def test_the_record_names_the_entry_that_the_last_rollback_went_back_to(site: AppliedFolder) -> None:
    first = site.apply(train=A)
    second = site.apply(train=B)
    site.roll_back(first)
    site.roll_back(second)
    (item,) = site.state().states[0].deployed
    assert item.record is not None and item.record.restored == second


def test_its_plan_says_what_it_does_to_runs(site: AppliedFolder) -> None:
    back = site.apply(train=A, gone=A)
    site.apply(train=B)
    effects = {change.address: change.effects[0] for change in site.prepare(back).context.plan.pending}
    assert {address: effect.word for address, effect in effects.items()} == {
        "prod/train": "next runs",
        "prod/gone": "next runs",
    }
    assert [time[10:16] for time in effects["prod/train"].before] == ["T02:00"] * 3
    assert [time[10:16] for time in effects["prod/train"].after] == ["T01:00"] * 3
    assert not effects["prod/gone"].before


def test_the_files_are_the_earlier_ones_but_for_who_put_them_back(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    before, _ = record.read((site.dags / "Train.py").read_text()) or pytest.fail("no record")
    body = record.body((site.dags / "Train.py").read_text())
    site.apply(train=B)
    site.roll_back(back)
    text = (site.dags / "Train.py").read_text()
    after, intact = record.read(text) or pytest.fail("no record")
    assert (record.body(text), intact) == (body, True)
    assert (after.since, after.description, after.body_digest) == (before.since, before.description, before.body_digest)
    assert before.provenance
    assert after.provenance
    assert after.provenance.commit == before.provenance.commit  # the code that runs again
    assert after.provenance.applied_at > "2026-01-01"
    assert after.provenance.applied_at != before.provenance.applied_at


def test_it_is_an_entry_and_can_be_rolled_back_itself(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    forth = site.apply(train=B, more=A)
    site.roll_back(back)
    newest = site.entries()[0]
    assert (newest.command, newest.restored) == ("rollback", back)
    assert site.roll_back(forth) == {"prod/train": "update", "prod/more": "create"}
    assert site.crons() == {"train": B, "more": A}


def test_there_is_nothing_to_do_twice(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=B)
    site.roll_back(back)
    plan = site.prepare(back).context.plan
    assert [(change.address, change.action) for change in plan.changes] == [("prod/train", "none")]


def test_only_what_is_selected_goes_back(site: AppliedFolder) -> None:
    back = site.apply(train=A, score=A)
    site.apply(train=B, score=B)
    assert site.roll_back(back, flows=("tr*",)) == {"prod/train": "update"}
    assert site.crons() == {"train": A, "score": B}
    with pytest.raises(DeployError, match="no flow matches 'trian'"):
        site.prepare(back, flows=("trian",))


def test_an_edit_by_hand_since_is_told_and_written_over(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=B)
    path = site.dags / "Train.py"
    path.write_text(path.read_text().replace("# a dag", "# my dag", 1))
    (change,) = site.prepare(back).context.plan.pending
    assert [reason.word for reason in change.reasons] == ["rollback", "drifted", "schedule"]
    assert change.reasons[1].edit is None  # nobody knows what was applied before it was edited
    site.roll_back(back)
    assert site.crons() == {"train": A}


def test_an_edit_of_a_file_that_is_as_it_is_to_be_again_is_shown(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=B)
    site.apply(train=A)
    path = site.dags / "Train.py"
    path.write_text(path.read_text().replace("# a dag", "# my dag", 1))
    (change,) = site.prepare(back).context.plan.pending
    assert [reason.word for reason in change.reasons] == ["rollback", "drifted"]
    edit = change.reasons[1].edit
    assert edit
    assert (edit.exact, edit.lines[1:3]) == (True, ("-# a dag of airflow", "+# my dag of airflow"))


def test_a_file_that_was_removed_by_hand_comes_back(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=B)
    (site.dags / "Train.py").unlink()
    assert site.roll_back(back) == {"prod/train": "create"}
    assert site.crons() == {"train": A}


def test_somebody_elses_file_at_the_place_is_a_conflict(site: AppliedFolder) -> None:
    back = site.apply(train=A, score=A)
    site.apply(score=B)
    (site.dags / "Train.py").write_text("# theirs\n")
    changes = {change.address: change.action for change in site.prepare(back).context.plan.pending}
    assert changes == {"prod/train": "conflict", "prod/score": "update"}
    with pytest.raises(DeployError, match=r"Train\.py no longer belongs to this project"):
        site.roll_back(back)


class TestRefused:
    """The text of then is not known for sure, so nothing is planned."""

    def says(self, site: AppliedFolder, back: str, message: str) -> None:
        before = {path.name: path.read_bytes() for path in site.dags.iterdir()}
        with pytest.raises(DeployError, match=message) as raised:
            site.prepare(back)
        assert {problem.code for problem in raised.value.diagnostics} == {"no-earlier-state"}
        assert "--exclude prod/train" in str(raised.value)
        assert {path.name: path.read_bytes() for path in site.dags.iterdir()} == before
        site.prepare(back, exclude=("train",))

    def test_after_an_apply_that_was_killed(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        site.apply(by="grace", killed=True, train=B, score=A)
        self.says(site, back, "grace applied it at 2026-01-01T00:02")

    def test_after_a_killed_apply_that_another_followed(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        site.apply(killed=True, train=B, score=A)
        later = site.apply(train=C, score=A)
        self.says(site, back, f"{later} did not find the file as {back} had left it")

    def test_after_a_killed_apply_of_a_new_flow(self, site: AppliedFolder) -> None:
        back = site.apply(score=A)
        site.apply(killed=True, train=A, score=A)
        site.apply(train=B, score=A)
        self.says(site, back, "ada applied it at 2026-01-01T00:02")

    def test_after_a_killed_delete_that_a_create_followed(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        site.apply(killed=True, score=A)
        site.apply(train=B, score=A)
        self.says(site, back, "did not find the file as")

    def test_after_a_killed_delete(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        site.apply(killed=True, score=A)
        self.says(site, back, "it was deleted, but the history has no entry of that")

    def test_after_an_edit_by_hand(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        path = site.dags / "Train.py"
        path.write_text(path.read_text().replace("# a dag", "# my dag", 1))
        self.says(site, back, "it was edited by hand")
        site.apply(train=B, score=A)
        self.says(site, back, "did not find the file as")

    def test_when_an_entry_was_removed_by_hand(self, site: AppliedFolder) -> None:
        back = site.apply(train=A, score=A)
        lost = site.apply(train=B, score=A)
        site.apply(train=C, score=A)
        (site.dags / entry_file("growth", "prod", lost)).unlink()
        self.says(site, back, "did not find the file as")


def test_an_entry_that_cannot_be_read_stops_it(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    path = site.dags / entry_file("growth", "prod", site.apply(train=B))
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 3}))
    with pytest.raises(DeployError, match="format: 3 is the format of a later mfdeploy"):
        site.prepare(back)


ALLOWED = Assertions(rollback=True)


class TestSavedPlan:
    def test_is_refused_where_the_caller_allows_no_rollback(self, site: AppliedFolder) -> None:
        saved = self.saved(site)
        with pytest.raises(DeployError, match=r"the saved plan is a rollback to .*--allow-rollback"):
            prepare(site.selection, context(), saved=saved)

    def test_applies_no_change_that_it_does_not_hold(self, site: AppliedFolder) -> None:
        """Its comment said "No changes", whatever the entry that it names would restore."""
        saved = replace(self.saved(site), changes=())
        prepared = prepare(site.selection, context(), saved=saved, caller=ALLOWED)
        assert prepared.context.plan.pending == prepared.view.plan.pending == ()
        codes = [each.code for each in prepared.view.warnings]
        assert [code for code in codes if code != "text-and-record"] == ["not-in-plan"]

    @pytest.mark.parametrize("targets", [{}, {"prod": "dags", "staging": "dags"}])
    def test_of_no_or_several_environments_is_refused(self, targets: dict[str, str], site: AppliedFolder) -> None:
        saved = replace(self.saved(site), targets=targets)
        with pytest.raises(DeployError, match="a plan of a rollback is for one environment"):
            prepare(site.selection, context(), saved=saved, caller=ALLOWED)

    def saved(self, site: AppliedFolder) -> Plan:
        back = site.apply(train=A)
        site.apply(train=B)
        data = json.loads(json.dumps(plan_to_json(site.prepare(back).context.plan)))
        return plan_from_json(data)

    def test_is_applied_as_it_is(self, site: AppliedFolder) -> None:
        prepared = prepare(site.selection, context(), saved=self.saved(site), caller=ALLOWED)
        execute(prepared, Permissions(), context())
        assert site.crons() == {"train": A}
        assert site.entries()[0].command == "rollback"

    def test_is_refused_when_something_was_applied_since(self, site: AppliedFolder) -> None:
        saved = self.saved(site)
        site.apply(by="grace", train=C)
        with pytest.raises(DeployError, match=r"Train.py at the target was changed since the plan was made, by grace"):
            prepare(site.selection, context(), saved=saved, caller=ALLOWED)

    def test_is_refused_with_another_word_when_the_file_was_edited_since(self, site: AppliedFolder) -> None:
        saved = self.saved(site)
        file = site.dags / "Train.py"
        file.write_text(file.read_text().replace("\n", "\n# mine\n", 1))
        with pytest.raises(DeployError, match=r"was changed since the plan was made, by hand"):
            prepare(site.selection, context(), saved=saved, caller=ALLOWED)


def test_guards_hold_for_it_too(site: AppliedFolder) -> None:
    back = site.apply(train=A)
    site.apply(train=A, b=A, c=A)
    with pytest.raises(DeployError, match="would delete 2 of 3"):
        execute(site.prepare(back), Permissions(), context())


_STATES = st.lists(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from([A, B, C]), max_size=3), min_size=2, max_size=6
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=_STATES, data=st.data())
def test_any_state_comes_back_from_any_other(
    states: list[dict[str, Any]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = AppliedFolder(tmp_path_factory.mktemp("site"))
    entries = [site.apply(**state) for state in states if site.plan(state).plan.pending]
    states = [state for number, state in enumerate(states) if state != (states[number - 1] if number else {})]
    if not entries:
        return
    chosen = data.draw(st.integers(0, len(entries) - 1))
    site.roll_back(entries[chosen])
    assert site.crons() == states[chosen]


class Interrupting(FolderTarget):
    """A folder at which the second DAG file to be replaced is interrupted by Ctrl-C."""

    replaced = 0

    def replace(self, file: str, content: bytes, version: str) -> str:
        self.replaced += file.endswith(".py")
        if self.replaced == 2:
            raise KeyboardInterrupt
        return super().replace(file, content, version)


def test_an_interrupted_apply_is_recorded_as_far_as_it_got(site: AppliedFolder) -> None:
    back = site.apply(a=A, b=A, c=A)
    site.apply(a=B, b=B, c=B)
    prepared = site.prepare(back)
    deployed = replace(prepared.context.deployed, targets={"prod": Interrupting(site.dags)})
    with pytest.raises(KeyboardInterrupt):
        execute(replace(prepared, context=replace(prepared.context, deployed=deployed)), Permissions(), context())
    assert site.crons() == {"a": A, "b": B, "c": B}
    outcomes = {change.address: change.outcome for change in site.entries()[0].changes}
    assert outcomes == {"prod/a": "done", "prod/b": "not done", "prod/c": "not done"}
    assert site.roll_back(back) == {"prod/b": "update", "prod/c": "update"}


class Undeletable(FolderTarget):
    """A folder from which somebody else keeps the file of a copy from being deleted."""

    def delete(self, file: str, version: str) -> None:
        if file == "Copy.py":
            raise MovedError(file, "Copy.py was changed since the plan was made")
        super().delete(file, version)


def with_a_copy(site: AppliedFolder) -> None:
    (site.dags / "Copy.py").write_bytes((site.dags / "A.py").read_bytes())


def test_what_was_written_is_recorded_although_a_file_that_it_replaces_stays(site: AppliedFolder) -> None:
    back = site.apply(a=A)
    with_a_copy(site)
    stubborn = replace(site, kind=Undeletable)
    stubborn.apply(a=B)
    outcomes = [(change.file, change.action, change.outcome) for change in site.entries()[0].changes]
    assert outcomes == [("A.py", "update", "done"), ("Copy.py", "delete", "failed")]
    # The copy is what it was, and so is what a rollback of the DAG file puts back.
    assert site.crons()["copy"] == A
    (site.dags / "Copy.py").unlink()
    assert site.roll_back(back) == {"prod/a": "update"}


def test_an_interrupt_between_a_write_and_the_delete_of_what_it_replaces(site: AppliedFolder) -> None:
    site.apply(a=A)
    with_a_copy(site)
    plan_context = site.plan({"a": B})
    (change,) = plan_context.plan.pending
    assert [other.file for other in change.replaces] == ["Copy.py"]
    (site.dags / "A.py").write_bytes(b"new")
    found = inspect_outcome(plan_context, "prod", site.target, {("prod", "A.py"): b"new"})
    assert [(each.file, each.replaces) for each, _ in found.done] == [("A.py", ())]
    assert [(each.action, each.file) for each in found.not_done] == [("delete", "Copy.py")]

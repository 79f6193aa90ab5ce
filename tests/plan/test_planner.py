"""Each action and each reason, from values alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from deployer.models.deployment import ResolvedPath
from deployer.models.desired import Desired
from deployer.models.flow import Code, Parameter, Retries, Step, Trigger
from deployer.models.plan import FieldChange, FileChanges
from deployer.planning.planner import plan_changes

from . import made

OTHER = ResolvedPath("../other", "/srv/build/metaflow")


def only(desired, *there, **values):
    (change,) = plan_changes([desired], [made.site(*there, **values)])
    return change


def test_nothing_is_planned_where_the_record_says_the_same() -> None:
    item = made.desired()
    change = only(item, made.deployed(item))
    assert (change.action, change.reasons, change.version) == ("none", (), "v1")


def test_a_flow_that_is_not_there_is_created_as_new() -> None:
    change = only(made.desired())
    assert (change.action, [reason.word for reason in change.reasons]) == ("create", ["new"])
    assert (change.file, change.version, change.before) == ("TrainFlow.py", None, None)


def test_a_file_that_the_index_remembers_is_missing_and_not_new() -> None:
    change = only(made.desired(), remembered={"TrainFlow.py": "prod/train"})
    assert (change.action, change.reasons[0].word) == ("create", "missing")
    other = only(made.desired(), remembered={"TrainFlow.py": "prod/other"})
    assert other.reasons[0].word == "new"


def test_an_edit_by_hand_is_told_before_what_the_manifests_change() -> None:
    before = made.desired(cron="0 3 * * *")
    after = made.desired(cron="0 4 * * *")
    change = only(after, made.deployed(before, intact=False))
    assert change.action == "update"
    assert [reason.word for reason in change.reasons] == ["drifted", "schedule"]
    assert change.reasons[1].fields == (FieldChange("schedule.cron", "0 3 * * *", "0 4 * * *"),)


@pytest.mark.parametrize(
    ("values", "word", "field"),
    [
        ({"made": made.deployment(tags=("a",))}, "settings", FieldChange("settings.tags", [], ["a"])),
        (
            {"made": made.deployment(parameters={"alpha": 0.5})},
            "parameters",
            FieldChange("parameters.alpha.default", 0.01, 0.5),
        ),
        (
            {"compiled": made.flow(code=Code(made.FILES, "2.20.0", "f" * 64))},
            "metaflow version",
            FieldChange("metaflow.version", "2.19.39", "2.20.0"),
        ),
        (
            {
                "made": made.deployment(
                    environment=made.environment(datastore=ResolvedPath("../other", "/srv/build/metaflow"))
                )
            },
            "settings",
            FieldChange("settings.datastore", "../build/metaflow", "../other"),
        ),
    ],
)
def test_a_reason_names_its_section_and_its_field(values, word, field) -> None:
    change = only(made.desired(**values), made.deployed(made.desired()))
    assert (change.action, [reason.word for reason in change.reasons]) == ("update", [word])
    assert list(change.reasons[0].fields) == [field]


def test_code_tells_the_files() -> None:
    files = {"train.py": "9" * 16, "new.py": "3" * 16}
    change = only(
        made.desired(compiled=made.flow(code=Code(files, "2.19.39", "f" * 64))), made.deployed(made.desired())
    )
    (reason,) = change.reasons
    assert (reason.word, reason.files) == ("code", FileChanges(("new.py",), ("helper.py",), ("train.py",)))


def test_retries_and_resources_tell_only_of_steps_that_were_and_are_there() -> None:
    base = made.flow().steps
    longer = (
        replace(base[0], next=("fit",), retries=Retries(times=1, minutes_between=2)),
        Step("fit", "linear", 10, next=("end",), previous=("start",), retries=Retries(times=9), pod={"cpu": "8"}),
        replace(base[1], previous=("fit",)),
    )
    change = only(made.desired(compiled=made.flow(steps=longer)), made.deployed(made.desired()))
    assert [reason.word for reason in change.reasons] == ["graph", "retries"]
    assert list(change.reasons[1].fields) == [FieldChange("retries.start.times", 3, 1)]


def with_timeout(minutes: int | None, own: Sequence[str] = ()) -> Desired:
    """Steps to which `with:` gives a timeout, but for those that have one of their own."""
    steps = tuple(
        replace(
            step,
            timeout_seconds=60 if step.name in own else minutes * 60 if minutes else None,
            options=(
                *((f"--with=timeout:minutes={minutes}",) if minutes and step.name not in own else ()),
                "--environment=local",
            ),
        )
        for step in made.flow().steps
    )
    return made.desired(compiled=made.flow(steps=steps))


def test_what_with_gives_to_all_steps_is_told_once_and_as_the_manifest_says_it() -> None:
    (reason,) = only(with_timeout(5), made.deployed(with_timeout(None))).reasons
    told = [FieldChange("settings.with", None, ["timeout:minutes=5"])]
    assert list(reason.fields[:1]) == told
    assert [one.field for one in reason.fields[1:]] == [
        "settings.steps.end.timeout_seconds",
        "settings.steps.start.timeout_seconds",
    ]
    (reason,) = only(with_timeout(6), made.deployed(with_timeout(5))).reasons
    assert reason.fields[0] == FieldChange("settings.with", ["timeout:minutes=5"], ["timeout:minutes=6"])


def test_a_step_that_no_longer_takes_what_with_gives_is_told() -> None:
    (reason,) = only(with_timeout(1, own=["end"]), made.deployed(with_timeout(1))).reasons
    assert [one.field for one in reason.fields] == ["settings.steps.end.options"]


def test_a_new_schedule_tells_no_defaults() -> None:
    (reason,) = only(made.desired(cron="0 3 * * *"), made.deployed(made.desired())).reasons
    assert list(reason.fields) == [FieldChange("schedule.cron", None, "0 3 * * *")]
    (reason,) = only(made.desired(), made.deployed(made.desired(cron="0 3 * * *"))).reasons
    assert list(reason.fields) == [FieldChange("schedule.cron", "0 3 * * *", None)]


def test_triggers_that_come_or_go_tell_no_defaults() -> None:
    plain = made.desired(cron="0 3 * * *")
    flow = made.flow(triggers=(Trigger("run", "metaflow.their.dag.end", line=2),))
    waits = made.desired(compiled=flow, cron="0 3 * * *")
    (reason,) = only(waits, made.deployed(plain)).reasons
    assert list(reason.fields) == [FieldChange("schedule.after", [], ["metaflow.their.dag.end"])]
    (reason,) = only(plain, made.deployed(waits)).reasons
    assert list(reason.fields) == [FieldChange("schedule.after", ["metaflow.their.dag.end"], [])]


def test_a_second_cron_is_a_list_in_the_place_of_the_first() -> None:
    """And the other way round."""
    crons = ("0 3 * * *", "30 9 * * *")
    (reason,) = only(made.desired(cron=crons), made.deployed(made.desired(cron="0 3 * * *"))).reasons
    assert list(reason.fields) == [FieldChange("schedule.cron", "0 3 * * *", list(crons))]
    (reason,) = only(made.desired(cron="0 3 * * *"), made.deployed(made.desired(cron=crons))).reasons
    assert list(reason.fields) == [FieldChange("schedule.cron", list(crons), "0 3 * * *")]
    (reason,) = only(made.desired(cron=crons), made.deployed(made.desired())).reasons
    assert list(reason.fields) == [FieldChange("schedule.crons", None, list(crons))]


def test_paths_of_this_machine_are_not_compared() -> None:
    elsewhere = made.environment(
        target=ResolvedPath("../build/dags", "/home/eve/build/dags"),
        datastore=ResolvedPath("../build/metaflow", "/home/eve/metaflow"),
    )
    moved = made.deployment(environment=elsewhere, file=ResolvedPath("flows/train.py", "/home/eve/flows/train.py"))
    assert only(made.desired(moved), made.deployed(made.desired())).action == "none"


def test_a_deploy_time_default_does_not_make_a_change() -> None:
    parameters = (Parameter("when", "string", 6, deploy_time=True),)
    item = made.desired(compiled=made.flow(parameters=parameters))
    assert item.description.parameters["when"].default == "(known at apply)"
    assert only(item, made.deployed(item)).action == "none"


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({"record": None}, "was not written by mfdeploy"),
        ({"record": None, "problem": "TrainFlow.py cannot be read: cut"}, "cut"),
        ({"record": made.record_of(made.desired(), owner="sales")}, "the manifest project 'sales'"),
        ({"record": made.record_of(made.desired(), environment="staging")}, "the environment 'staging'"),
        ({"record": None, "problem": "TrainFlow.py: record format 3", "later": True}, "record format 3"),
    ],
)
def test_a_file_that_is_not_ours_is_a_conflict(values, note) -> None:
    item = made.desired()
    change = only(item, made.deployed(item, **values))
    assert change.action == "conflict"
    assert note in change.reasons[0].note
    hint = change.reasons[0].hint
    assert ("--adopt prod/train" in hint) != values.get("later", False)


def test_what_the_manifests_no_longer_list_is_deleted_and_nothing_else() -> None:
    gone = made.desired(made.deployment("old"), name="Old")
    there = [
        made.deployed(gone),
        made.deployed(gone, file="theirs.py", record=made.record_of(gone, owner="sales")),
        made.deployed(gone, file="staging.py", record=made.record_of(gone, environment="staging")),
        made.deployed(gone, file="hand.py", record=None),
    ]
    (change,) = plan_changes([], [made.site(*there)])
    assert (change.action, change.address, change.file, change.version) == ("delete", "prod/old", "Old.py", "v1")
    assert [reason.word for reason in change.reasons] == ["removed"]


def test_what_is_listed_but_not_selected_is_left_alone() -> None:
    item = made.desired()
    assert plan_changes([], [made.site(made.deployed(item))]) == ()
    gone = made.desired(made.deployment("old"), name="Old")
    assert plan_changes([], [made.site(made.deployed(gone))], lambda address: address == "prod/train") == ()


def test_a_new_dag_id_is_a_new_dag_and_an_old_one_that_goes() -> None:
    before, after = made.desired(name="Old"), made.desired(name="New")
    create, delete = plan_changes([after], [made.site(made.deployed(before))])
    assert (create.action, create.name, delete.action, delete.name) == ("create", "New", "delete", "Old")
    assert "history of Old stays under the old id" in delete.reasons[0].note


def test_an_entry_that_was_renamed_is_one_update() -> None:
    before = made.desired(made.deployment("old"))
    (change,) = plan_changes([made.desired()], [made.site(made.deployed(before))])
    assert (change.action, change.address, change.reasons[0].word) == ("update", "prod/train", "moved")
    assert "renamed from prod/old" in change.reasons[0].note


def test_changes_are_sorted_whatever_the_order_they_come_in() -> None:
    items = [made.desired(made.deployment(name), name=name.title()) for name in ("c", "a", "b")]
    changes = plan_changes(items, [made.site()])
    assert [change.address for change in changes] == ["prod/a", "prod/b", "prod/c"]

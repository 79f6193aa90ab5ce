"""Entries of format 1, as mfdeploy 0.1.0 wrote them: they are listed, and a rollback goes back to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.commands import history as commands
from deployer.description import explain
from deployer.orchestrators.airflow import record
from deployer.state.history import entry_file, parse_entry, unpack
from tests.contexts import context
from tests.history.applying import AppliedFolder

ENTRIES = Path(__file__).parent / "format_1"
DAGS = Path(__file__).parents[1] / "plan" / "format_1"
FIRST, SECOND = "20261126T042908000Z-e6fd", "20261126T042914000Z-82a9"


@pytest.fixture
def deployed(site: AppliedFolder) -> AppliedFolder:
    """What two applies left: `score` and `train` were created, then `train` was updated."""
    site.dags.mkdir()
    for name in ("ScoreFlow", "TrainFlow"):
        (site.dags / f"{name}.py").write_bytes((DAGS / f"{name}.dag.txt").read_bytes())
    for name in (FIRST, SECOND):
        (site.dags / entry_file("growth", "prod", name)).write_bytes((ENTRIES / f"{name}.json").read_bytes())
    return site


def test_entries_are_listed_with_their_names(deployed: AppliedFolder) -> None:
    entries = commands.history(deployed.selection, "prod", 10, context()).entries
    assert [entry.id for entry in entries] == [SECOND, FIRST]
    assert [(change.name, change.action) for entry in entries for change in entry.changes] == [
        ("TrainFlow", "update"),
        ("ScoreFlow", "create"),
        ("TrainFlow", "create"),
    ]
    assert [reason.word for reason in entries[0].changes[0].reasons] == ["schedule", "settings"]
    assert commands.history(deployed.selection, "prod", 10, context()).unrecorded == []


def test_a_rollback_puts_back_what_was_deployed_and_writes_its_record_anew(deployed: AppliedFolder) -> None:
    entry = parse_entry((ENTRIES / f"{SECOND}.json").read_bytes(), "entry.json")
    (before,) = unpack(entry).values()
    file = deployed.dags / "TrainFlow.py"
    replaced, _ = record.read(file.read_text()) or pytest.fail("no record")
    assert deployed.roll_back(FIRST) == {"prod/train": "update"}
    back, intact = record.read(file.read_text()) or pytest.fail("no record")
    old, _ = record.read(before) or pytest.fail("no record")
    assert "'dag_id'" in before.rpartition("MFDEPLOY_RECORD")[2]
    assert "'name': 'TrainFlow'" in file.read_text()
    assert (record.body(file.read_text()), back.description, intact) == (record.body(before), old.description, True)
    assert [reason.word for reason in explain(replaced.description, back.description)] == ["schedule", "settings"]


def test_a_rollback_and_the_way_forth_go_over_both_formats(deployed: AppliedFolder) -> None:
    latest = (deployed.dags / "TrainFlow.py").read_text()
    deployed.roll_back(FIRST)
    assert deployed.roll_back(SECOND) == {"prod/train": "update"}
    assert record.body((deployed.dags / "TrainFlow.py").read_text()) == record.body(latest)

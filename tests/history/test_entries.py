"""What each apply leaves at the target, and how it is read back."""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from deployer.commands import history as commands
from deployer.errors import DeployError
from deployer.state import history
from deployer.state.history import MOST_ENTRIES, entry_file, find_entry, new_id, parse_entry, read_entry, unpack
from deployer.state.index import index_file
from tests.contexts import context
from tests.history.applying import AppliedFolder

FIRST, SECOND = "0 1 * * *", "0 2 * * *"


def test_an_apply_leaves_one_entry_with_the_plan_and_its_result(site: AppliedFolder) -> None:
    site.apply(train=FIRST, score=FIRST)
    entry = site.apply(by="grace", train=SECOND, score=FIRST)
    found = site.entries()[0]
    assert (found.id, found.command, found.applied_by, found.commit) == (entry, "apply", "grace", f"{2:040x}")
    assert found.applied_at == "2026-01-01T00:02:00+00:00"
    (change,) = found.changes
    assert (change.address, change.action, change.outcome, change.file) == ("prod/train", "update", "done", "Train.py")
    (reason,) = change.reasons
    assert reason.word == "schedule"
    assert [(each.field, each.before, each.after) for each in reason.fields] == [("schedule.cron", FIRST, SECOND)]
    assert change.after == history.digest((site.dags / "Train.py").read_bytes())


def test_a_misspelt_flow_has_no_history_and_that_is_said(site: AppliedFolder) -> None:
    site.apply(train=FIRST)
    asked = replace(site.selection, flows=("trian",))
    with pytest.raises(DeployError, match=r"no flow matches 'trian'; did you mean 'train'\?"):
        commands.history(asked, "prod", 10, context())
    assert len(commands.history(replace(asked, flows=("tr*",)), "prod", 10, context()).entries) == 1


def test_an_entry_holds_what_was_replaced_and_nothing_else(site: AppliedFolder) -> None:
    site.apply(train=FIRST, score=FIRST)
    before = (site.dags / "Train.py").read_bytes()
    site.apply(train=SECOND, score=FIRST)
    newest, first = site.entries()
    assert list(unpack(newest).values()) == [before.decode()]
    assert unpack(first) == {}


def test_of_two_applies_that_drew_one_id_both_are_kept(site: AppliedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = site.apply(train=FIRST)
    (entry,) = site.entries()
    drawn = iter([first.rpartition("-")[2], "beef"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    other = entry.model_copy(update={"applied_by": "grace"})
    history.write_entry(site.target, other, [])
    history.write_entry(site.target, entry, [])  # once more what is there, as after an interrupt
    assert {each.id: each.applied_by for each in site.entries()} == {
        first: "ada",
        f"{first.rpartition('-')[0]}-beef": "grace",
    }


def test_no_name_is_a_dag_to_airflow_or_to_us(site: AppliedFolder) -> None:
    site.apply(train=FIRST)
    names = {path.name for path in site.dags.iterdir()}
    entry = entry_file("growth", "prod", site.entries()[0].id)
    assert names - {"Train.py"} == {entry, index_file("growth", "prod")}
    assert list(site.target.list()) == ["Train.py"]


def test_a_failed_change_is_recorded_with_its_reason(site: AppliedFolder) -> None:
    from deployer.applying.executor import Applied
    from deployer.applying.recording import begin, record_apply
    from deployer.models.record import Provenance

    plan_context = site.plan({"train": FIRST, "score": FIRST})
    run = begin(plan_context, "apply", Provenance("ada", "2026-01-01T00:00:00+00:00", None, "0.1.0"))
    failed, left = plan_context.plan.pending
    applied = Applied([], [(failed, "s3://acme: denied")], [left])
    record_apply(plan_context, "prod", plan_context.deployed.targets["prod"], applied, run, {})
    outcomes = [(each.address, each.outcome, each.message) for each in site.entries()[0].changes]
    assert outcomes == [("prod/score", "failed", "s3://acme: denied"), ("prod/train", "not done", "")]


def test_an_interrupted_apply_says_what_it_had_done(site: AppliedFolder) -> None:
    site.apply(interrupted=1, a=FIRST, b=FIRST)
    assert [(each.address, each.outcome) for each in site.entries()[0].changes] == [
        ("prod/a", "done"),
        ("prod/b", "not done"),
    ]


def test_only_the_newest_entries_are_kept(site: AppliedFolder) -> None:
    for number in range(MOST_ENTRIES + 2):
        site.apply(train=f"{number} 1 * * *")
    entries = site.entries()
    assert len(entries) == MOST_ENTRIES
    assert entries[-1].changes[0].reasons[0].fields[0].after == "2 1 * * *"


def test_an_id_sorts_after_those_that_are_there_whatever_the_clocks_say(site: AppliedFolder) -> None:
    entry = site.apply(train=FIRST)
    past = datetime(2020, 1, 1, tzinfo=timezone.utc)
    assert entry.startswith("20260101T000100000Z-")
    assert new_id([entry], past).startswith("20260101T000100001Z-")
    assert new_id([], past).startswith("20200101T000000000Z-")


@pytest.mark.parametrize("given", ["20260101T000100000Z-3f9a", "20260101T0001", "3f9a"])
def test_an_entry_may_be_named_by_its_beginning_or_its_end(given: str) -> None:
    known = ["20260101T000200000Z-aaaa", "20260101T000100000Z-3f9a"]
    assert find_entry(given, known) == known[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("2026", "'2026' matches 2 entries"),
        ("20260101T000100000Z-3f9b", "did you mean '20260101T000100000Z-3f9a'"),
        ("", "the newest entry is 20260101T000200000Z-aaaa"),
    ],
)
def test_a_name_that_is_no_entry_is_refused(given: str, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        find_entry(given, ["20260101T000200000Z-aaaa", "20260101T000100000Z-3f9a"])


def test_before_the_first_apply_there_is_none() -> None:
    with pytest.raises(DeployError, match="nothing has been applied yet"):
        find_entry("2026", [])


def edited(site: AppliedFolder, **values: Any) -> bytes:
    path = site.dags / entry_file("growth", "prod", site.entries()[0].id)
    return json.dumps({**json.loads(path.read_text()), **values}).encode()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": 3}, "format: 3 is the format of a later mfdeploy; this one reads 1 and 2"),
        ({"surprise": 1}, "surprise: unknown key"),
        ({"changes": [{"address": "prod/a"}]}, r"changes\[0\].action: the key is missing"),
        ({"id": "../../etc/passwd"}, "id: string should match pattern"),
        ({"applied_by": 7}, "applied_by: input should be a valid string"),
    ],
)
def test_what_is_not_of_this_format_is_refused(values: dict[str, Any], message: str, site: AppliedFolder) -> None:
    site.apply(train=FIRST)
    with pytest.raises(DeployError, match=message):
        parse_entry(edited(site, **values), "x.json")


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_what_is_no_entry_is_refused(content: bytes) -> None:
    with pytest.raises(DeployError, match=r"the history entry x.json cannot be read"):
        parse_entry(content, "x.json")


def test_an_entry_under_the_name_of_another_is_refused(site: AppliedFolder) -> None:
    site.apply(train=FIRST)
    other = "20270101T000000000Z-0000"
    (site.dags / entry_file("growth", "prod", other)).write_bytes(edited(site))
    with pytest.raises(DeployError, match="it belongs to growth, prod, 2026"):
        read_entry(site.target, "growth", "prod", other)


@pytest.mark.parametrize(
    "texts",
    [
        "no base64",
        base64.b64encode(b"no zlib").decode(),
        base64.b64encode(zlib.compress(b'{"0": "another text"}')).decode(),
        base64.b64encode(zlib.compress(b"{}")[:-3]).decode(),
    ],
)
def test_damaged_dag_files_are_refused(texts: str, site: AppliedFolder) -> None:
    site.apply(train=FIRST)
    with pytest.raises(DeployError, match=r"the DAG files in it (are|do not match)"):
        unpack(site.entries()[0].model_copy(update={"texts": texts}))


def test_a_file_in_another_encoding_is_kept_as_it_was(site: AppliedFolder) -> None:
    content = b"# \xe4 in latin-1\n"
    site.apply(train=FIRST)
    found = unpack(site.entries()[0].model_copy(update={"texts": history.pack([content])}))
    assert {name: text.encode(errors="surrogateescape") for name, text in found.items()} == {
        history.digest(content): content
    }

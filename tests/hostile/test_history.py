"""Entries of the history that are damaged, and files that only look like entries: the others are used without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.commands.history import HistoryResult, history
from deployer.errors import DeployError, Severity
from deployer.state.history import entry_file, new_id
from tests.contexts import context
from tests.history.applying import AppliedFolder
from tests.history.conftest import site

__all__ = ["site"]
A, B, C = "0 1 * * *", "0 2 * * *", "0 3 * * *"
STRAYS = ("zzz", "index", "20260101", "20260101T000100000Z-3f9a.copy", "99991231T235959999Z-FFFF")


def entry(site: AppliedFolder, name: str) -> Path:
    site.dags.mkdir(exist_ok=True)
    return site.dags / entry_file("growth", "prod", name)


def shown(site: AppliedFolder) -> HistoryResult:
    return history(site.selection, "prod", 10, context())


def strays(site: AppliedFolder) -> None:
    for number, name in enumerate(STRAYS):
        entry(site, name).write_bytes((b"", b"\xff", b"[]", b"{" * 10_000, b"null")[number])


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_files_that_look_like_entries_stop_nothing(site: AppliedFolder) -> None:
    site.apply(train=A)
    strays(site)
    (back,) = (each.id for each in shown(site).entries)
    site.apply(train=B)
    found = shown(site)
    assert [each.id for each in found.entries][1:] == [back]
    assert {each.severity for each in found.warnings} == {Severity.WARNING}
    assert sorted(each.message.split()[0] for each in found.warnings) == sorted(
        entry_file("growth", "prod", name) for name in STRAYS
    )
    prepared = site.prepare(back)
    assert prepared.view.warnings
    assert site.roll_back(back) == {"prod/train": "update"}
    assert site.crons() == {"train": A}
    assert all(entry(site, name).exists() for name in STRAYS)


def test_strays_are_never_deleted_as_the_oldest_entries(site: AppliedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.state.history.MOST_ENTRIES", 2)
    strays(site)
    entry(site, "00000000").touch()
    for cron in (A, B, C):
        site.apply(train=cron)
    assert len(site.entries()) == 2
    assert entry(site, "00000000").exists()


def test_a_damaged_entry_is_a_warning_of_the_history(site: AppliedFolder) -> None:
    site.apply(train=A)
    damage(entry(site, site.apply(train=B)))
    site.apply(train=C)
    found = shown(site)
    assert len(found.entries) == 2
    [warning] = found.warnings
    assert "it is not valid JSON" in warning.message
    assert "delete it" in warning.hint
    assert found.older == 0


@pytest.mark.parametrize("spoil", [damage, Path.unlink])
def test_refused_is_what_needs_the_entry(spoil: Callable[[Path], None], site: AppliedFolder) -> None:
    first = site.apply(train=A, other=A)
    spoiled = site.apply(train=B, other=A)
    last = site.apply(train=C, other=B)
    newest = site.apply(train=C, other=C)
    spoil(entry(site, spoiled))
    # What comes after the entry does not need it.
    assert site.prepare(last).context.plan.pending
    # Before it: only the flow that it changed cannot be restored.
    with pytest.raises(DeployError) as refused:
        site.prepare(first)
    errors = [each for each in refused.value.diagnostics if each.severity is Severity.ERROR]
    assert [each.message.split(":")[0] for each in errors] == ["prod/train"]
    if spoil is damage:
        assert any("it is not valid JSON" in each.message for each in refused.value.diagnostics)
        with pytest.raises(DeployError, match="it is not valid JSON"):
            site.prepare(spoiled)
    assert newest


def test_an_entry_at_the_end_of_time_stops_no_apply(site: AppliedFolder) -> None:
    entry(site, "99991231T235959999Z-ffff").write_text("{}")
    site.apply(train=A)
    assert [len(shown(site).entries), len(shown(site).warnings)] == [1, 1]


def test_a_new_id_is_after_the_newest_entry_whatever_else_is_there(site: AppliedFolder) -> None:
    newest = site.apply(train=A)
    strays(site)
    second = site.apply(train=B)
    assert newest < second
    assert new_id([newest], context().now()) > newest

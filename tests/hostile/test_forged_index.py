"""Whoever may write to a target may write its index, too: an apply reads what it replaces or deletes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import DeployError
from deployer.models.record_data import to_data
from deployer.state.index import _document, index_file, read_index
from deployer.targets.folder import FolderTarget
from tests.history.applying import AppliedFolder

OTHER = "45 6 * * *"
Entries = dict[str, dict[str, Any]]


class Remote(FolderTarget):
    """A folder that the index treats as a store far away."""

    local = False


@pytest.fixture
def site(tmp_path: Path) -> AppliedFolder:
    return AppliedFolder(tmp_path, kind=Remote)


def forge(site: AppliedFolder, edit: Callable[[Entries], object]) -> None:
    """Write another index, with the digest and the versions that belong to it."""
    entries: Entries = json.loads(json.dumps(read_index(site.target, "growth", "prod").entries))
    for file, version in site.target.list().items():
        entries.setdefault(file, {})["version"] = version
    edit(entries)
    (site.dags / index_file("growth", "prod")).write_bytes(_document(entries))


def foreign(site: AppliedFolder) -> str:
    """The text of a DAG file of another project, at the place of a file that this project deployed."""
    file = site.dags / "Gone.py"
    text = file.read_text().replace("'growth'", "'analytics'")
    file.write_text(text)
    return text


def message(error: DeployError) -> str:
    return "\n".join(f"{each.message} ({each.hint})" for each in error.diagnostics)


def test_a_file_of_another_team_is_not_deleted(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *", gone="0 2 * * *")
    claimed = dict(read_index(site.target, "growth", "prod").entries["Gone.py"])
    text = foreign(site)
    forge(site, lambda entries: entries.update({"Gone.py": {**claimed, "version": site.target.list()["Gone.py"]}}))
    with pytest.raises(DeployError) as caught:
        site.apply(keep=OTHER)
    told = message(caught.value)
    assert "Gone.py" in told
    assert "analytics" in told
    assert "--fresh" in told
    assert (site.dags / "Gone.py").read_text() == text
    assert site.crons()["keep"] == "0 1 * * *"


def test_a_file_of_another_branch_is_not_deleted(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *", gone="0 2 * * *")
    claimed = dict(read_index(site.target, "growth", "prod").entries["Gone.py"])
    file = site.dags / "Gone.py"
    file.write_text(file.read_text().replace("'address':", "'branch': 'pr_12', 'address':"))
    forge(site, lambda entries: entries.update({"Gone.py": {**claimed, "version": site.target.list()["Gone.py"]}}))
    with pytest.raises(DeployError, match="environment prod, branch pr_12"):
        site.apply(keep=OTHER)
    assert file.exists()


def test_an_edited_file_is_not_replaced_as_if_it_were_as_applied(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *")
    file = site.dags / "Keep.py"
    edited = file.read_text().replace("# a dag", "# an edited dag")
    file.write_text(edited)
    forge(site, lambda entries: None)
    with pytest.raises(DeployError, match="was edited by hand"):
        site.apply(keep=OTHER)
    assert file.read_text() == edited


def test_a_fresh_plan_reads_every_file_and_its_apply_mends_the_index(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *", other="0 3 * * *")
    file = site.dags / "Keep.py"
    file.write_text(file.read_text().replace("# a dag", "# an edited dag"))
    forge(site, lambda entries: None)
    schedules: dict[str, Any] = {"keep": "0 1 * * *", "other": "0 3 * * *"}
    assert actions(site.plan(schedules).plan.changes) == {"prod/keep": "none", "prod/other": "none"}
    assert actions(site.plan(schedules, fresh=True).plan.changes) == {"prod/keep": "update", "prod/other": "none"}
    site.apply(fresh=True, **schedules)
    for each in site.state().states[0].deployed:
        assert each.intact
        assert "an edited" not in (site.dags / each.file).read_text()


def test_an_index_that_is_right_is_believed(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *", gone="0 2 * * *")
    site.apply(keep=OTHER)
    assert site.crons() == {"keep": OTHER}


def test_a_description_that_the_file_does_not_hold(site: AppliedFolder) -> None:
    site.apply(keep="0 1 * * *")
    held = site.state().file("prod", "Keep.py")
    assert held
    assert held.record
    claimed = replace(held.record, description=_described(site, "0 5 * * *"))
    forge(site, lambda entries: entries["Keep.py"].update(record=to_data(claimed)))
    with pytest.raises(DeployError, match="description"):
        site.apply(keep=OTHER)


def _described(site: AppliedFolder, cron: str) -> Any:
    (change,) = [each for each in site.plan({"keep": cron}).plan.changes if each.address == "prod/keep"]
    return change.after


def actions(changes: Any) -> Mapping[str, str]:
    return {each.address: each.action for each in changes}

"""A plan does not compile what has not changed since it was applied, and says the same as one that compiles all."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.commands.apply import execute, prepare
from deployer.commands.plan import make_plan
from deployer.models.selection import Selection
from deployer.plan_context import PlanContext
from deployer.planning.guards import Permissions
from tests.contexts import context
from tests.sources import two_steps

MANIFEST = """\
version: 1
project: growth
environments:
  local: {{target: {folder}/dags, compute: local, datastore: {folder}/metaflow}}
flows:
  One: {{file: one/flow.py, schedule: hourly}}
  Two: {{file: two/flow.py}}
"""


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    for name in ("One", "Two"):
        folder = tmp_path / "deployments" / name.lower()
        folder.mkdir(parents=True)
        (folder / "flow.py").write_text(two_steps(f"{name}Flow"))
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST.format(folder=tmp_path))
    return Selection(tmp_path / "deployments")


def apply(selection: Selection) -> None:
    result = execute(prepare(selection, context()), Permissions(), context())
    assert not result.failed
    assert not result.warnings


def plan(selection: Selection) -> PlanContext:
    return make_plan(selection, context())


def compiled(planned: PlanContext) -> list[str]:
    return [item.deployment.name for item in planned.desired.items if item.compiled]


def actions(planned: PlanContext) -> dict[str, str]:
    return {change.address: change.action for change in planned.plan.changes}


def test_nothing_is_compiled_after_an_apply(selection: Selection) -> None:
    assert compiled(plan(selection)) == ["One", "Two"]
    apply(selection)
    again = plan(selection)
    assert compiled(again) == []
    assert actions(again) == {"local/One": "none", "local/Two": "none"}


def test_dag_files_below_the_folder_of_a_flow_are_no_code_of_it(selection: Selection) -> None:
    """As with a flow in the folder that holds `build/`: the next plan would never be empty."""
    manifest = selection.manifests / "m.yaml"
    manifest.write_text(re.sub("target: [^,]*", "target: one/dags", manifest.read_text()))
    apply(selection)
    again = plan(selection)
    assert actions(again) == {"local/One": "none", "local/Two": "none"}
    assert compiled(again) == []
    (selection.manifests / "one" / "dags" / "OneFlow.local.py").unlink()
    assert actions(plan(selection)) == {"local/One": "create", "local/Two": "none"}


def test_only_what_changed_is_compiled(selection: Selection) -> None:
    apply(selection)
    (selection.manifests / "two" / "flow.py").write_text(two_steps("TwoFlow") + "# why\n")
    changed = plan(selection)
    assert compiled(changed) == ["Two"]
    assert actions(changed) == {"local/One": "none", "local/Two": "update"}
    apply(selection)
    assert compiled(plan(selection)) == []


def test_a_changed_manifest_is_seen(selection: Selection) -> None:
    apply(selection)
    manifest = selection.manifests / "m.yaml"
    manifest.write_text(manifest.read_text().replace("hourly", "daily"))
    assert actions(plan(selection)) == {"local/One": "update", "local/Two": "none"}
    # A comment moves lines, and changes nothing.
    manifest.write_text("# moved\n" + manifest.read_text().replace("daily", "hourly"))
    assert compiled(plan(selection)) == []


@pytest.mark.parametrize("edit", ["edited", "removed"])
def test_what_somebody_did_at_the_target_is_seen(selection: Selection, tmp_path: Path, edit: str) -> None:
    apply(selection)
    file = tmp_path / "dags" / "OneFlow.local.py"
    if edit == "edited":
        file.write_text(file.read_text().replace("import", "import  ", 1))
    else:
        file.unlink()
    changed = plan(selection)
    assert "One" in compiled(changed)
    assert actions(changed)["local/One"] == ("update" if edit == "edited" else "create")


def test_a_flow_that_is_needed_after_all_is_compiled(selection: Selection, tmp_path: Path) -> None:
    """A copy by hand of a file that is as it should be: to remove it, the DAG is written anew."""
    apply(selection)
    file = tmp_path / "dags" / "OneFlow.local.py"
    file.with_name("copy.py").write_text(file.read_text())
    changed = plan(selection)
    pending = [change.address for change in changed.plan.pending]
    assert all(item.compiled for item in changed.desired.items if item.deployment.address in pending)


def test_a_dag_id_that_was_edited_in_a_record_is_not_taken_for_the_flows(selection: Selection, tmp_path: Path) -> None:
    apply(selection)
    file = tmp_path / "dags" / "OneFlow.local.py"
    file.write_text(file.read_text().replace("'name': 'OneFlow.local'", "'name': 'Other'"))
    changed = prepare(selection, context()).view.plan
    assert [(change.file, change.action) for change in changed.pending] == [("OneFlow.local.py", "update")]
    apply(selection)
    assert actions(plan(selection)) == {"local/One": "none", "local/Two": "none"}


@pytest.mark.parametrize("damage", ["gone", "no notes", "other notes", "lies"])
def test_a_damaged_index_makes_no_other_plan(selection: Selection, tmp_path: Path, damage: str) -> None:
    from deployer.state import index
    from deployer.targets.folder import FolderTarget

    apply(selection)
    target = FolderTarget(tmp_path / "dags")
    name = index.index_file("growth", "local")
    entries = json.loads(target.read(name)[0])["dags"]
    assert all(entry["made_from"] for entry in entries.values())
    for entry in entries.values():
        if damage == "no notes":
            entry["made_from"]["notes"] = {}
        elif damage == "other notes":
            entry["made_from"] = replace_all(entry["made_from"], 7)
        elif damage == "lies":
            entry["made_from"]["description"] = "0" * 64
    (tmp_path / "dags" / name).unlink()
    if damage != "gone":
        target.create(name, index._document(entries))
    again = plan(selection)
    assert compiled(again) == ["One", "Two"]
    assert actions(again) == {"local/One": "none", "local/Two": "none"}


def replace_all(value: dict[str, object], by: object) -> dict[str, object]:
    return {**value, "notes": dict.fromkeys(value["notes"], by)}  # type: ignore[call-overload]


def test_a_narrowed_apply_keeps_what_it_did_not_look_at(selection: Selection) -> None:
    apply(selection)
    (selection.manifests / "one" / "flow.py").write_text(two_steps("OneFlow") + "# why\n")
    apply(replace(selection, flows=("One",)))
    assert compiled(plan(selection)) == []

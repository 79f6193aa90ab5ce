"""A saved plan is applied exactly, or refused: exactly what it changes, whatever else has happened meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.commands.apply import Prepared, execute, prepare
from deployer.commands.plan import plan
from deployer.errors import DeployError
from deployer.models.plan import Plan, Reason
from deployer.models.selection import Selection
from deployer.planning.guards import Permissions
from deployer.planning.staleness import differences
from deployer.views.plan_json import plan_from_text, plan_to_json
from tests.contexts import context
from tests.sources import two_steps
from tests.views import samples

MANIFEST = """\
version: 1
project: growth
environments:
  local: {{target: {folder}/dags, compute: local, datastore: {folder}/metaflow}}
flows:
"""
NAMES = ("One", "Two", "Three")


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    (tmp_path / "deployments").mkdir()
    found = Selection(tmp_path / "deployments")
    declare(found, *NAMES)
    return found


def declare(selection: Selection, *names: str) -> None:
    """Let the manifest list these flows and no others."""
    folder = selection.manifests
    for name in names:
        (folder / name.lower()).mkdir(exist_ok=True)
        if not file_of(selection, name).exists():
            edit(selection, name, "")
    entries = "".join(f"  {name}: {{file: {name.lower()}/flow.py}}\n" for name in names)
    (folder / "m.yaml").write_text(MANIFEST.format(folder=folder.parent) + entries)


def file_of(selection: Selection, name: str) -> Path:
    return selection.manifests / name.lower() / "flow.py"


def edit(selection: Selection, name: str, line: str) -> None:
    file_of(selection, name).write_text(f"{two_steps(f'{name}Flow')}{line}\n")


def saved(selection: Selection) -> Plan:
    """A plan that was written to a file, and read again."""
    return plan_from_text(json.dumps(plan_to_json(plan(selection, context()).plan)), "plan.json")


def apply(selection: Selection, reviewed: Plan | None = None) -> Prepared:
    prepared = prepare(selection, context(), saved=reviewed)
    result = execute(prepared, Permissions(), context())
    assert not result.failed
    return prepared


def pending(selection: Selection) -> dict[str, str]:
    return {change.address.partition("/")[2]: change.action for change in plan(selection, context()).plan.pending}


def refusal(selection: Selection, reviewed: Plan) -> str:
    with pytest.raises(DeployError) as refused:
        prepare(selection, context(), saved=reviewed)
    return "\n".join(str(each) for each in refused.value.diagnostics)


def test_another_deployment_was_applied_meanwhile(selection: Selection) -> None:
    apply(selection)
    edit(selection, "One", "# reviewed")
    reviewed = saved(selection)
    edit(selection, "One", "")
    edit(selection, "Two", "# merged first")
    apply(selection)
    edit(selection, "One", "# reviewed")
    apply(selection, reviewed)
    assert pending(selection) == {}


def test_what_was_not_reviewed_is_left_out_and_told(selection: Selection) -> None:
    apply(selection)
    edit(selection, "One", "# reviewed")
    reviewed = saved(selection)
    edit(selection, "Two", "# not reviewed")
    declare(selection, *NAMES, "Four")
    prepared = apply(selection, reviewed)
    assert [change.address for change in prepared.view.plan.pending] == ["local/One"]
    (remark,) = [each for each in prepared.view.warnings if each.code == "not-in-plan"]
    assert remark.message == (
        "2 changes are not in the saved plan and are not applied: local/Four (create), local/Two (update)"
    )
    assert pending(selection) == {"Two": "update", "Four": "create"}


def test_a_plan_of_no_changes_can_be_applied_whatever_happened(selection: Selection) -> None:
    apply(selection)
    reviewed = saved(selection)
    assert reviewed.pending == ()
    edit(selection, "Two", "# merged first")
    apply(selection)
    edit(selection, "Three", "# not reviewed")
    assert apply(selection, reviewed).view.plan.pending == ()
    assert pending(selection) == {"Three": "update"}


def test_other_code_of_what_it_changes_is_refused(selection: Selection) -> None:
    apply(selection)
    edit(selection, "One", "# reviewed")
    reviewed = saved(selection)
    edit(selection, "One", "# and more")
    assert "local/One: the manifests or the code no longer give the planned result" in refusal(selection, reviewed)
    assert pending(selection) == {"One": "update"}


def test_another_deployed_file_of_what_it_changes_is_refused(selection: Selection) -> None:
    apply(selection)
    edit(selection, "One", "# reviewed")
    reviewed = saved(selection)
    edit(selection, "One", "# merged first")
    apply(selection)
    edit(selection, "One", "# reviewed")
    assert "OneFlow.local.py at the target was changed since the plan was made" in refusal(selection, reviewed)


def test_a_change_that_was_made_already_is_refused(selection: Selection) -> None:
    apply(selection)
    edit(selection, "One", "# reviewed")
    reviewed = saved(selection)
    apply(selection)
    assert "local/One: OneFlow.local.py at the target was changed since" in refusal(selection, reviewed)


def test_a_change_that_is_gone_is_refused(selection: Selection) -> None:
    reviewed = saved(selection)
    declare(selection, "Two", "Three")
    assert "local/One (OneFlow.local.py): is no longer planned" in refusal(selection, reviewed)
    assert pending(selection) == {"Two": "create", "Three": "create"}


def test_another_target_of_what_it_changes_is_refused(selection: Selection) -> None:
    reviewed = saved(selection)
    manifest = selection.manifests / "m.yaml"
    manifest.write_text(manifest.read_text().replace("/dags,", "/elsewhere,"))
    assert "local: the target was" in refusal(selection, reviewed)


def test_what_the_history_says_of_a_change_makes_no_plan_stale() -> None:
    """Whether a rollback is still among the newest entries depends on what else was applied."""
    told = samples.change("train", "create", Reason("new"), Reason("restored", note="rolled back"))
    untold = samples.change("train", "create", Reason("new"))
    for old, new in ((told, untold), (untold, told)):
        assert list(differences(Plan((old,)), Plan((new,)), lambda environment, file: None)) == []
    other = samples.change("train", "create", Reason("missing"))
    assert list(differences(Plan((told,)), Plan((other,)), lambda environment, file: None)) != []

"""Records and saved plans of format 1, as mfdeploy 0.1.0 wrote them: the upgrade shows nobody a change of theirs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deployer.commands.plan import make_plan
from deployer.description import explain
from deployer.errors import DeployError
from deployer.models.description import CronSchedule, Description, NativeDescription, NoSchedule
from deployer.models.plan import Plan, Reason
from deployer.models.selection import Selection
from deployer.orchestrators.airflow import record
from deployer.views.plan_effects import TOOL_WORDS
from deployer.views.plan_json import plan_from_json, plan_from_text, plan_to_json
from tests.contexts import context
from tests.views import samples

FILES = Path(__file__).parent / "format_1"
DAGS = ("ScoreFlow", "TrainFlow")


def text_of(name: str) -> str:
    return (FILES / f"{name}.dag.txt").read_text(encoding="utf-8")


def saved(name: str) -> Plan:
    return plan_from_text((FILES / name).read_text(encoding="utf-8"), name)


@pytest.fixture
def selection(tmp_path: Path) -> Selection:
    """The project as it was when the documents were written."""
    for folder in ("dags", "legacy"):
        (tmp_path / folder).mkdir()
    for name in DAGS:
        (tmp_path / "dags" / f"{name}.py").write_text(text_of(name), encoding="utf-8")
    shutil.copy(FILES.parent / "native" / "train.dag.txt", tmp_path / "legacy" / "dag.py")
    shutil.copytree(FILES / "flows", tmp_path / "deployments" / "flows")
    return Selection(tmp_path / "deployments", environments=("prod",))


def planned(selection: Selection, manifest: str) -> Plan:
    shutil.copy(FILES / manifest, selection.manifests / "mfdeploy.yaml")
    return make_plan(selection, context()).plan


def of_the_user(reasons: Sequence[Reason]) -> list[Reason]:
    """What is no churn of an upgrade."""
    return [reason for reason in reasons if reason.word not in TOOL_WORDS]


class TestRecord:
    def test_it_is_read_as_one_of_format_2(self) -> None:
        found = {name: record.read(text_of(name)) or pytest.fail("no record") for name in DAGS}
        assert {name: (read.name, read.format, intact) for name, (read, intact) in found.items()} == {
            name: (name, 2, True) for name in DAGS
        }
        score, train = (found[name][0].description for name in DAGS)
        assert score.schedule == NoSchedule(kind="none")
        assert train.schedule == CronSchedule(kind="cron", cron="0 4 * * *", timezone="UTC")
        assert train.graph.steps["start"].foreach_over == "folds"
        assert train.settings.value("tags") == ["nightly", "team:growth"]

    def test_it_is_written_in_format_2_and_is_the_same_then(self) -> None:
        text = text_of("TrainFlow")
        found, _ = record.read(text) or pytest.fail("no record")
        written = record.write(record.body(text), found)
        assert "\n    'name': 'TrainFlow',\n" in written
        assert "\n    'format': 2,\n" in written
        assert "dag_id'" not in written
        assert record.read(written) == (found, True)

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("'dag_id': 'TrainFlow'", "'name': 'TrainFlow', 'dag_id': 'TrainFlow'", "dag_id: unknown key"),
            ("    'dag_id': 'TrainFlow',\n", "", "name: the key is missing"),
            ("'schedule': {'catchup'", "'schedule': {'x': 1, 'catchup'", r"description\.schedule\.x: unknown key"),
            ("'format': 1", "'format': 0", "0 is not a format that this mfdeploy reads"),
        ],
    )
    def test_a_damaged_one_is_refused(self, old: str, new: str, problem: str) -> None:
        text = text_of("TrainFlow")
        assert old in text
        with pytest.raises(record.RecordError, match=problem):
            record.read(text.replace(old, new))

    def test_the_first_plan_after_the_upgrade_shows_the_tools_at_most(self, selection: Selection) -> None:
        changes = planned(selection, "applied.yaml").changes
        assert [change.address for change in changes] == ["prod/score", "prod/train"]
        assert [of_the_user(change.reasons) for change in changes] == [[], []]


class TestPlan:
    def test_it_gives_the_plan_that_is_made_now(self, selection: Selection) -> None:
        self._assert_same(saved("plan.json"), planned(selection, "planned.yaml"))

    def test_of_a_native_dag_that_is_adopted(self, selection: Selection) -> None:
        adopting = Selection(selection.manifests, environments=("legacy",), flows=("train",), adopt=("legacy/train",))
        before = saved("plan_legacy.json")
        assert isinstance(before.changes[0].before, NativeDescription)
        self._assert_same(before, planned(adopting, "planned.yaml"))

    def _assert_same(self, before: Plan, now: Plan) -> None:
        """That only the tools make the two plans differ."""
        assert before.format == now.format == 2
        assert before.targets == now.targets
        assert len(before.changes) == len(now.changes)
        for old, new in zip(before.changes, now.changes, strict=True):
            assert (old.address, old.action, old.name, old.file) == (new.address, new.action, new.name, new.file)
            assert (old.version, old.replaces, old.before) == (new.version, new.replaces, new.before)
            assert isinstance(old.after, Description)
            assert isinstance(new.after, Description)
            assert {reason.word for reason in explain(old.after, new.after)} <= TOOL_WORDS
            assert list(old.reasons) == of_the_user(new.reasons)

    @pytest.mark.parametrize("plan", [samples.EVERYTHING, samples.AGAINST, samples.HOSTILE])
    def test_where_the_tools_stayed_it_is_equal(self, plan: Plan) -> None:
        assert plan_from_json(_as_format_1(plan_to_json(plan))) == plan

    def test_what_is_only_half_of_format_1_is_refused(self) -> None:
        data = _as_format_1(plan_to_json(samples.EVERYTHING))
        data["changes"][0]["name"] = "TrainFlow"
        with pytest.raises(DeployError, match=r"changes\[0\]\.dag_id: unknown key"):
            plan_from_json(data)


def _as_format_1(data: dict[str, Any]) -> dict[str, Any]:
    old: dict[str, Any] = json.loads(json.dumps(data))
    old["format"] = 1
    for change in old["changes"]:
        change["dag_id"] = change.pop("name")
        for described in filter(None, (change["before"], change["after"])):
            schedule = described["schedule"]
            if schedule.pop("kind") == "none":
                schedule["cron"] = None
    return old

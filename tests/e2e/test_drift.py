"""Files at the target that somebody edited, renamed, copied or damaged, and flows that moved in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.project import Project

HOURLY = "HourlyFlow.local.py"
ONE = ("--env", "local", "--flow", "hourly")


def words(change: dict[str, Any]) -> list[str]:
    return [reason["word"] for reason in change["reasons"]]


def hourly(project: Project) -> dict[str, Any]:
    return project.plan("--flow", "hourly")["local/hourly"]


def edit(project: Project, old: str, new: str, file: str = HOURLY) -> None:
    path = project.dags / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


class TestAnEdit:
    @pytest.fixture
    def mine(self, fresh: Project) -> Project:
        """Two flows, applied where they are: the place of a local datastore is in the DAG."""
        fresh.apply("--flow", "hourly", "--flow", "deployment_info")
        return fresh

    def test_is_shown_as_what_was_written_and_undone(self, mine: Project) -> None:
        edit(mine, "catchup=False", "catchup=True  # \x1b[31mred")
        (reason,) = hourly(mine)["reasons"]
        assert (reason["word"], reason["edit"]["exact"], reason["edit"]["file"]) == ("drifted", True, HOURLY)
        changed = [line for line in reason["edit"]["lines"] if line[0] in "+-"]
        assert [line.strip() for line in changed] == ["-    catchup=False,", "+    catchup=True  # \x1b[31mred,"]
        text = mine.do("plan", *ONE)
        assert "+    catchup=True  # \\x1b[31mred," in text
        assert "what was written into HourlyFlow.local.py" in text
        mine.apply("--flow", "hourly")
        assert mine.pending("--flow", "hourly") == {}
        assert "catchup=False" in (mine.dags / HOURLY).read_text()

    def test_of_a_dag_with_values_of_its_apply_is_shown_exactly(self, mine: Project) -> None:
        # A token, deploy-time values, a start date and a commit are in the file and not in its description.
        (file,) = mine.dags.glob("*DeploymentInfo*.py")
        edit(mine, "catchup=False", "catchup=True", file.name)
        (reason,) = mine.plan("--flow", "deployment_info")["local/deployment_info"]["reasons"]
        assert reason["edit"]["exact"]
        assert len([line for line in reason["edit"]["lines"] if line[0] in "+-"]) == 2

    def test_after_the_record_is_shown(self, mine: Project) -> None:
        path = mine.dags / HOURLY
        path.write_text(f"{path.read_text()}dag.catchup = True\n")
        (reason,) = hourly(mine)["reasons"]
        assert reason["edit"]["exact"]
        assert reason["edit"]["lines"][-1] == "+dag.catchup = True"
        mine.apply("--flow", "hourly")
        assert mine.pending("--flow", "hourly") == {}

    def test_beside_a_change_is_shown_against_what_an_apply_would_write(self, applied: Project) -> None:
        edit(applied, "catchup=False", "catchup=True")
        applied.edit("flows/hourly/hourly.py", "time is", "the time is")
        change = hourly(applied)
        assert words(change) == ["drifted", "code"]
        assert not change["reasons"][0]["edit"]["exact"]
        assert "as it is, against what an apply would write" in applied.do("plan", *ONE, "--format", "markdown")

    def test_of_a_thousand_lines_is_cut(self, applied: Project) -> None:
        edit(applied, "\n\n\n# What mfdeploy", "\n" + "x = 1\n" * 1000 + "\n\n# What mfdeploy")
        (reason,) = hourly(applied)["reasons"]
        assert len(reason["edit"]["lines"]) == 40
        assert reason["edit"]["left_out"] > 900
        assert "more lines: see plan --diff" in applied.do("plan", *ONE)

    def test_does_not_make_a_saved_plan_stale(self, applied: Project) -> None:
        edit(applied, "catchup=False", "catchup=True")
        applied.do("plan", *ONE, "--out", "plan.json")
        applied.do("apply", "plan.json")
        assert applied.pending() == {}


class TestByHand:
    def test_a_renamed_file_gets_its_name_back_and_keeps_its_start(self, applied: Project) -> None:
        before = (applied.dags / HOURLY).read_text()
        (applied.dags / HOURLY).rename(applied.dags / "renamed.py")
        change = hourly(applied)
        assert (change["action"], words(change)) == ("update", ["drifted"])
        assert [other["file"] for other in change["replaces"]] == ["renamed.py"]
        applied.apply()
        assert not (applied.dags / "renamed.py").exists()
        assert applied.pending() == {}
        since = re.compile(r"'since': '(.*)'")
        assert since.findall((applied.dags / HOURLY).read_text()) == since.findall(before)

    def test_a_copy_goes(self, applied: Project) -> None:
        (applied.dags / "copy.py").write_bytes((applied.dags / HOURLY).read_bytes())
        assert "copy.py is a copy made by hand" in hourly(applied)["reasons"][0]["note"]
        applied.apply()
        assert not (applied.dags / "copy.py").exists()
        assert applied.pending() == {}

    def test_a_damaged_record_is_a_conflict_until_it_is_adopted(self, applied: Project) -> None:
        edit(applied, "'owner': 'examples'", "'owner': ")
        done = applied.run("apply", *ONE, "--yes")
        assert done.returncode == 1
        assert "the record is damaged" in done.stderr
        assert "--adopt local/hourly writes it again" in done.stderr
        applied.apply("--adopt", "local/hourly")
        assert applied.pending() == {}

    def test_a_damaged_file_that_left_the_manifests_is_told(self, applied: Project) -> None:
        edit(applied, "'owner': 'examples'", "'owner': ", "CompareModelsFlow.local.py")
        applied.edit("graphs.yaml", "  compare_models:\n    file: flows/compare_models/compare_models.py\n", "")
        done = applied.run("plan", "--env", "local")
        assert "warning: local: CompareModelsFlow.local.py cannot be read: " in done.stderr
        assert (applied.dags / "CompareModelsFlow.local.py").exists()


class TestMoved:
    def test_a_flow_in_another_folder_is_moved(self, applied: Project) -> None:
        flows = applied.folder / "deployments" / "flows"
        (flows / "hourly").rename(flows / "clock")
        applied.edit("scheduling.yaml", "flows/hourly/hourly.py", "flows/clock/hourly.py")
        change = hourly(applied)
        assert (change["action"], words(change)) == ("update", ["moved"])
        applied.apply()
        assert applied.pending() == {}

    def test_an_entry_under_another_name_is_moved(self, applied: Project) -> None:
        applied.edit("scheduling.yaml", "  hourly:\n", "  each_hour:\n")
        assert applied.pending() == {"local/each_hour": "update"}
        assert words(applied.plan()["local/each_hour"]) == ["moved"]
        applied.apply()
        assert applied.pending() == {}

    def test_an_entry_whose_new_name_is_not_selected_is_not_deleted(self, applied: Project) -> None:
        applied.edit("scheduling.yaml", "  hourly:\n", "  each_hour:\n")
        done = applied.run("apply", *ONE, "--yes")
        assert (done.returncode, "No changes." in done.stdout) == (0, True)
        assert "its DAG belongs to local/each_hour now, which is not planned here" in done.stderr
        assert (applied.dags / HOURLY).exists()

    def test_an_entry_in_another_manifest_is_no_change(self, applied: Project) -> None:
        manifest: Path = applied.folder / "deployments" / "scheduling.yaml"
        head, entry, rest = split_entry(manifest.read_text(), "hourly")
        manifest.write_text(head + rest)
        (manifest.parent / "clock.yaml").write_text("version: 1\nflows:\n" + entry)
        assert applied.pending() == {}

    def test_a_changed_dag_id_is_one_pair(self, applied: Project) -> None:
        applied.edit(
            "scheduling.yaml", "file: flows/hourly/hourly.py\n", "file: flows/hourly/hourly.py\n    dag_id: clock\n"
        )
        text = applied.do("plan", *ONE)
        assert "The history stays behind under the old id, HourlyFlow.local." in re.sub(r"\s+", " ", text)
        applied.apply()
        assert applied.pending() == {}
        assert not (applied.dags / HOURLY).exists()


def split_entry(text: str, name: str) -> tuple[str, str, str]:
    """What is before a flow's entry, the entry, and what is after it."""
    found = re.search(rf"(?m)^  {name}:\n(?:    .*\n)+", text)
    assert found
    return text[: found.start()], found.group(), text[found.end() :]

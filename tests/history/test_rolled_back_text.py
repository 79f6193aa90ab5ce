"""A rollback publishes texts of the history: they are shown, and told apart from what their records say."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.commands.apply import prepare_rollback
from deployer.models.record import Record
from deployer.orchestrators.airflow.text_and_record import disagreements
from tests.contexts import context
from tests.history.applying import AppliedFolder
from tests.plan import made

BODY = """\
with DAG(dag_id="TrainFlow", schedule=CronTriggerTimetable("0 1 * * *", timezone="UTC")):
    start = metaflow_step(task_id="start")
    end = metaflow_step(task_id="end", inputs=["start"])
"""


def record(cron: str | None = "0 1 * * *") -> Record:
    return made.record_of(made.desired(cron=cron))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("", "", []),
        ('dag_id="TrainFlow"', 'dag_id="Other"', ["it defines the DAGs 'Other', and the record is of 'TrainFlow'"]),
        ("with DAG(", "with Dag(", ["it defines no DAG, and the record is of 'TrainFlow'"]),
        ("0 1 * * *", "* * * * *", ["its schedule is '* * * * *', and the record says '0 1 * * *'"]),
        ('task_id="start"', 'task_id="begin"', ["it has tasks of the steps begin and has no task of the steps start"]),
        ("with DAG(", "with with DAG(", ["it is not valid Python"]),
    ],
)
def test_what_a_text_does_otherwise(old: str, new: str, told: list[str]) -> None:
    found = disagreements(BODY.replace(old, new, 1), record())
    assert [each.removesuffix(", unlike the record") for each in found] == told


def test_no_schedule_is_one_too() -> None:
    assert list(disagreements(BODY, record(None))) == ["its schedule is '0 1 * * *', and the record says None"]


NESTED = "it has tasks of the steps best, fit, join, pick, skip, spread, sum_up, unlike the record"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("kubernetes_linear", []),
        ("kubernetes_waiting", []),
        ("local_foreach", ["it has tasks of the steps fit, join, unlike the record"]),
        ("kubernetes_nested", [NESTED]),
        ("local_nested", [NESTED]),
    ],
)
def test_rendered_files_are_read(name: str, told: list[str]) -> None:
    """The record here is of a flow that has the steps start and end alone."""
    body = (Path(__file__).parents[1] / f"renderer/golden/{name}.py").read_text()
    (dag_id,) = [line.split('"')[1] for line in body.splitlines() if line.startswith("    dag_id=")]
    assert list(disagreements(body, made.record_of(made.desired(name=dag_id, cron=_cron(body))))) == told


def _cron(body: str) -> str | None:
    found = [line.split('"')[1] for line in body.splitlines() if line.startswith("    schedule=CronTriggerTimetable(")]
    return found[0] if found else None


@pytest.fixture
def site(tmp_path: Path) -> AppliedFolder:
    return AppliedFolder(tmp_path)


def test_the_texts_are_shown_on_request(site: AppliedFolder) -> None:
    first = site.apply(train="0 1 * * *")
    site.apply(train="0 2 * * *", other="0 3 * * *")
    assert not site.prepare(first).view.sources
    sources = prepare_rollback(site.selection, first, context(), diff=True).view.sources
    assert {file: [text.count("\n") for text in texts] for file, texts in sources.items()} == {
        "prod/Other.py": [2, 0],
        "prod/Train.py": [2, 2],
    }
    assert "0 2 * * *" in sources["prod/Train.py"][0]
    assert "0 1 * * *" in sources["prod/Train.py"][1]


def test_a_text_that_does_not_belong_to_its_record_is_a_warning(site: AppliedFolder) -> None:
    first = site.apply(train="0 1 * * *")
    site.apply(train="0 2 * * *")
    (warning,) = site.prepare(first).view.warnings
    # These bodies are made by hand, and define no DAG at all.
    told = "prod/train: the text of Train.py does not belong to the description in it: it defines no DAG"
    assert told in warning.message

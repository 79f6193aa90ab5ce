"""The plan that README shows is a plan of the example deployments, made here. `--rewrite` writes it into the page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.project import ROOT, Project, checkout

README = ROOT / "README.md"
COMMAND = "$ mfdeploy plan --env local\n"
WIDTH = 100
DAYS = ("2026-11-24", "2026-11-25", "2026-11-26")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The examples, deployed but for one flow, then changed in each way that a plan tells."""
    made = checkout(tmp_path / "project", tmp_path / "home")
    project = replace(made, variables={**made.variables, "COLUMNS": str(WIDTH)})
    project.apply("--exclude", "word_count")
    project.edit("features.yaml", '"30 6 * * 1-5"', '"0 7 * * 1-5"')
    project.edit("features.yaml", "      top: 2\n", "      top: 3\n")
    project.edit(
        "flows/regions/regions.py", "self.next(self.forecast", "self.seed = 7\n        self.next(self.forecast"
    )
    removed = re.sub(r"  hourly:\n(    .*\n)+", "", (project.folder / "deployments" / "scheduling.yaml").read_text())
    (project.folder / "deployments" / "scheduling.yaml").write_text(removed)
    dag = project.dags / "TuningFlow.local.py"
    dag.write_text(dag.read_text().replace("max_active_runs=16", "max_active_runs=3"))
    return project


def settled(plan: str) -> str:
    """The plan with the days of next runs that the page has, and the offset of winter."""
    return re.sub(r"(?m)^ +(?:next runs|until now) .*", _with_days, plan)


def _with_days(line: re.Match[str]) -> str:
    days = iter(DAYS)
    return re.sub(r"\+0[23]:00", "+02:00", re.sub(r"\d{4}-\d\d-\d\d", lambda _: next(days), line.group()))


def test_the_plan_of_the_page_is_a_plan(project: Project, request: pytest.FixtureRequest) -> None:
    plan = settled(project.do("plan", "--env", "local"))
    block = COMMAND + "".join(plan)
    shown = "".join(f"    {line}".rstrip() + "\n" for line in block.splitlines())
    page = README.read_text(encoding="utf-8")
    found = re.search(rf"(?m)^    {re.escape(COMMAND)}(?:    .*\n|\n(?=    ))*", page)
    assert found is not None
    if request.config.getoption("--rewrite"):
        README.write_text(page.replace(found.group(), shown), encoding="utf-8")
    else:
        assert found.group() == shown, "run `make rewrite`"

"""One life of a deployment through the real command line, short enough for `make fast`; `tests/e2e` has the rest."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.project import checkout


def test_plan_apply_and_plan_again(tmp_path: Path) -> None:
    project = checkout(tmp_path / "project", tmp_path / "home")
    only = ("--flow", "hourly", "--flow", "regions")
    assert project.pending(*only) == {"local/hourly": "create", "local/regions": "create"}
    project.apply(*only)
    assert project.pending(*only) == {}
    project.edit("flows/hourly/hourly.py", "time is", "the time is")
    assert project.pending(*only) == {"local/hourly": "update"}
    project.do("plan", "--env", "local", "--flow", "hourly", "--out", "plan.json")
    project.do("apply", "plan.json")
    assert project.pending(*only) == {}

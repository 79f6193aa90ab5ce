"""The commands that print a page, in the process of the tests; what the pages contain is in tests/views."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer import cli
from tests.views.reading import Read

from .conftest import edit_manifest


def page(capsys: pytest.CaptureFixture[str], *arguments: str) -> Read:
    capsys.readouterr()
    assert cli.run([*arguments, "--format", "html"]) == 0
    return Read(capsys.readouterr().out)


def test_plan_history_and_list_as_pages(deployed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert page(capsys, "history", "--env", "local").texts["h1"] == ["History of local"]
    assert [each["environment"] for each in page(capsys, "list", "--no-flows").facets] == [["local"]]
    edit_manifest(deployed, "flows:\n", "defaults: {max_active_runs: 3}\nflows:\n")
    shown = page(capsys, "plan", "--env", "local", "--diff", "--out", "plan.json")
    assert shown.texts["h1"] == ["Plan for local"]
    assert shown.facets[0]["reason"] == ["settings"]
    assert any("planned/local/" in line for line in shown.texts["span"])
    again = page(capsys, "plan", "--from", "plan.json")
    assert again.facets == shown.facets
    assert not any("planned/local/" in line for line in again.texts["span"])

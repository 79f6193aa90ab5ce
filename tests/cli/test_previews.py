"""mfdeploy previews, in the process of the tests; its whole life is in tests/e2e/test_previews.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer import cli
from tests.e2e.previews import Repository


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.run([*arguments]) == code, capsys.readouterr()
    said = capsys.readouterr()
    return said.out + said.err


@pytest.mark.slow
def test_previews_are_listed_and_destroyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repository = Repository(tmp_path)
    repository.branch("feature/12")
    monkeypatch.chdir(repository.project.folder)
    assert "No previews." in run(capsys, "previews")
    run(capsys, "apply", "--env", "staging", "--var", "branch=pr_12", "--yes")
    assert "git branch feature/12: exists" in run(capsys, "previews")
    data = json.loads(run(capsys, "previews", "--existing", "pr_1 pr_2", "--format", "json"))
    assert [(each["branch"], each["state"]) for each in data["previews"]] == [("pr_12", "gone")]
    assert "are for --destroy-gone" in run(capsys, "previews", "--yes", code=1)
    assert "Nothing to destroy." in run(capsys, "previews", "--destroy-gone", "--existing", "pr_12", "--yes")
    assert "3 deleted" in run(capsys, "previews", "--destroy-gone", "--existing", "pr_13", "--yes")
    assert repository.dags() == set()

"""The notes of an index say which files to look at before a flow is taken as unchanged: they may name any."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from tests.hostile.test_target import MANIFEST, index, nested
from tests.sources import two_steps

INDEX = ".mfdeploy.growth.prod.json"
NOTES: dict[str, Any] = {
    "files": ["/dev/zero", "../pipe", "/proc/kcore", "\0", "x" * 5000, 5, None, [], "../../../../../../etc/shadow"],
    "folders": ["\0", 5, "x" * 5000],
    "missing": ["\0", {}, "x" * 5000],
    "unset": ["\0", "=", 5, []],
    "packages": ["..", "", "\0", "os.path", 5, "x" * 5000, "../../x"],
    "absent": ["", "\0", 5, "sys"],
    "suffixes": [[], 5, "\0", "x" * 1_000_000],
    "exclude": [[], 5, "\0"],
    "digest": [5, None, "x" * 1_000_000],
    "more": [5],
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "flow.py").write_text(two_steps("TrainFlow"))
    flows = "flows:\n" + "".join(f"  f{number}: {{file: flow.py, dag_id: f{number}}}\n" for number in range(50))
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST.replace("flows: {}\n", flows))
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_notes_that_name_what_never_ends(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = [(name, value) for name, found in NOTES.items() for value in found]
    assert cli.run(["apply", "--yes", "--allow-mass-change"]) == 0, capsys.readouterr().err
    file = project / "dags" / INDEX
    entries = json.loads(file.read_text())["dags"]
    assert len(entries) > len(values)
    for entry, (name, value) in zip(entries.values(), values, strict=False):
        notes = entry["made_from"]["notes"]
        entry["made_from"]["notes"] = {**notes, name: value if name == "digest" else [value]}
    last = list(entries.values())[-1]
    last["made_from"]["notes"] = json.loads(nested(150))
    file.write_bytes(index(entries))
    assert cli.run(["plan", "--detailed-exitcode"]) == 0, capsys.readouterr().err

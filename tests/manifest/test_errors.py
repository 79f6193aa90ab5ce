"""Broken manifests with their exact messages. `--rewrite` writes what is said now; read the diff as a user would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.manifest.load import load

CASES = Path(__file__).parent.parent / "errors" / "manifests"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_broken_manifest(case: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    folder = CASES / case
    monkeypatch.chdir(folder)
    arguments = folder / "arguments.json"
    given = json.loads(arguments.read_text()) if arguments.exists() else {}
    with pytest.raises(DeployError) as raised:
        # Some errors leave the flows to be compiled, and are reported with theirs.
        raise DeployError(load(Path(), **{"variables": {}, "environ": {}, **given}).diagnostics)
    # The one absolute path that a message may hold is the checkout's.
    said = str(raised.value).replace(str(CASES), "<cases>") + "\n"
    expected = folder / "expected.txt"
    if request.config.getoption("rewrite"):
        expected.write_text(said)
    assert said == expected.read_text()
    assert "hunter" not in said, "a secret is printed"
    assert "\t" not in said

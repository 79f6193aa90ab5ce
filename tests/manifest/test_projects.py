"""The projects file: what is wrong in one, to the word (`--rewrite` writes what is said now), and what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployer.errors import DeployError, Location
from deployer.manifest.projects import MAX_BYTES, read_projects, read_projects_file
from deployer.models.limits import PROJECTS_FILE

CASES = Path(__file__).parent.parent / "errors" / "projects"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_broken_projects_file(case: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(CASES / case)
    with pytest.raises(DeployError) as raised:
        read_projects_file(Path(PROJECTS_FILE))
    said, expected = f"{raised.value}\n", CASES / case / "expected.txt"
    if request.config.getoption("rewrite"):
        expected.write_text(said)
    assert said == expected.read_text()


def test_what_is_absent_is_not_limited_and_an_empty_list_allows_nothing() -> None:
    found = read_projects(b"version: 1\nprojects:\n  growth: {names: [growth.*], pools: []}\n  free: {}\n", "f.yaml")
    growth, free = found.content.projects["growth"], found.content.projects["free"]
    assert (growth.names, growth.pools, growth.images) == (("growth.*",), (), None)
    assert free.names is None
    assert found.content.others == "refuse"
    assert found.location("projects", "growth", "pools") == Location("f.yaml", 3, 38)
    assert found.location("projects", "growth", "images") == Location("f.yaml")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"#" * (MAX_BYTES + 1), "the file has 1,000,001 bytes, and 1,000,000 are the most"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"version: 1\x00", "U+0000 is not allowed"),
        (b"[" * 10_000, "deep"),
        (b"version: 1\n---\nversion: 1\n", "a second document starts here"),
        (b'version: 1\nprojects: {growth: {names: ["' + b"*" * 300 + b'"]}}', "the pattern has 300 characters"),
    ],
    ids=["huge", "bytes", "nul", "deep", "two", "long"],
)
def test_a_file_that_attacks_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DeployError) as refused:
        read_projects(data, "f.yaml")
    assert message in str(refused.value)


@pytest.mark.parametrize("kind", ["missing", "a folder", "a pipe", "too large"])
def test_a_file_that_cannot_be_read_is_refused(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    if kind == "a folder":
        file.mkdir()
    elif kind == "a pipe":
        os.mkfifo(file)
    elif kind == "too large":
        file.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(DeployError, match="the projects file cannot be read") as refused:
        read_projects_file(file)
    assert refused.value.diagnostics[0].location == Location(str(file))

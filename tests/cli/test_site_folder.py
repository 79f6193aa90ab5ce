"""The folder of a site: what is written, what is removed, and what is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.cli.site_folder import LIST, write_site
from deployer.errors import DeployError

FIRST = {"index.html": "1", "flows/a.html": "a", "flows/b.html": "b"}


def files(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    return {name: text for name, text in found.items() if name != LIST}


def refused(folder: Path, written: dict[str, str] = FIRST) -> str:
    before = files(folder) if folder.is_dir() else {}
    with pytest.raises(DeployError) as raised:
        write_site(folder, written)
    assert (files(folder) if folder.is_dir() else {}) == before
    return str(raised.value)


def test_a_later_site_removes_what_the_earlier_one_wrote_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "site"
    write_site(folder, FIRST)
    assert files(folder) == FIRST
    (folder / "CNAME").write_text("flows.acme.example")
    unchanged = (folder / "index.html").stat().st_mtime_ns
    write_site(folder, {"index.html": "1", "flows/a.html": "other"})
    assert files(folder) == {"index.html": "1", "flows/a.html": "other", "CNAME": "flows.acme.example"}
    assert (folder / "index.html").stat().st_mtime_ns == unchanged
    write_site(folder, {"index.html": "1"})
    assert not (folder / "flows").exists()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert "has files that no `mfdeploy site` wrote" in refused(tmp_path)
    assert "is not a folder" in refused(tmp_path / "thesis.txt")


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    write_site(tmp_path, FIRST)
    (tmp_path / "flows" / "c.html").write_text("mine")
    assert "has a file flows/c.html that no `mfdeploy site` wrote" in refused(tmp_path, {**FIRST, "flows/c.html": "c"})


@pytest.mark.parametrize("name", ["../other.txt", "/etc/passwd", "flows/../../x", ".git/config", "a/b/c/d/e.html"])
def test_a_list_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "site"
    write_site(folder, FIRST)
    (tmp_path / "other.txt").write_text("mine")
    (folder / LIST).write_text(json.dumps({"format": 1, "files": [name]}))
    assert "has a damaged list of its files" in refused(folder)
    assert (tmp_path / "other.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2, "files": []}', '{"format": 1, "files": [1]}'])
def test_a_damaged_list_is_refused(tmp_path: Path, text: str) -> None:
    write_site(tmp_path, FIRST)
    (tmp_path / LIST).write_text(text)
    assert "has a damaged list of its files" in refused(tmp_path)


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    write_site(folder, FIRST)
    (folder / "flows").rename(elsewhere)
    (folder / "flows").symlink_to(elsewhere)
    with pytest.raises(DeployError, match="has a link in the place of a folder"):
        write_site(folder, {"index.html": "1"})
    assert sorted(path.name for path in elsewhere.iterdir()) == ["a.html", "b.html"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    folder, other = tmp_path / "site", tmp_path / "other.txt"
    write_site(folder, FIRST)
    other.write_text("mine")
    (folder / "index.html").unlink()
    (folder / "index.html").symlink_to(other)
    write_site(folder, FIRST)
    assert other.read_text() == "mine"
    assert files(folder) == FIRST


def test_what_cannot_be_written_is_one_error_and_leaves_a_list_of_all(tmp_path: Path) -> None:
    write_site(tmp_path, FIRST)
    (tmp_path / "flows" / "a.html").unlink()
    (tmp_path / "flows" / "a.html").mkdir()
    with pytest.raises(DeployError, match="cannot write"):
        write_site(tmp_path, {"index.html": "2", "flows/a.html": "2"})
    assert sorted(json.loads((tmp_path / LIST).read_text())["files"]) == sorted(FIRST)
    assert not [path for path in tmp_path.rglob(".*.*") if path.name != LIST]

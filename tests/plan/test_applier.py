"""No apply leaves a DAG without a file, wherever it stops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deployer.applying.executor import Applied, apply_changes
from deployer.models.plan import Change, Replaced
from deployer.models.progress import silent
from deployer.targets.folder import FolderTarget


class Unremembered:
    """Keeps nothing of an apply."""

    user = "ada"

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        return ""

    def remember(self, environment: str, applied: Applied) -> None:
        pass


def apply(folder: Path, *changes: Change) -> Applied:
    content = {("prod", change.file): b"new" for change in changes}
    return apply_changes(changes, {"prod": FolderTarget(folder)}, content, Unremembered(), silent)


def change(action, file: str, version: str | None = None, *replaces: Replaced) -> Change:
    return Change("prod/train", "prod", action, "Train", file, version=version, replaces=replaces)


def test_a_file_that_is_replaced_goes_once_the_other_is_written(tmp_path: Path) -> None:
    (tmp_path / "dag.py").write_bytes(b"old")
    (version,) = FolderTarget(tmp_path).list().values()
    applied = apply(tmp_path, change("update", "Train.py", None, Replaced("dag.py", version)))
    assert not applied.failed
    assert [path.name for path in tmp_path.glob("*.py")] == ["Train.py"]


def test_it_stays_where_the_other_cannot_be_written(tmp_path: Path) -> None:
    for name in ("dag.py", "Train.py"):
        (tmp_path / name).write_bytes(b"old")
    version = FolderTarget(tmp_path).list()["dag.py"]
    applied = apply(tmp_path, change("update", "Train.py", None, Replaced("dag.py", version)))
    assert len(applied.failed) == 1
    assert (tmp_path / "dag.py").read_bytes() == (tmp_path / "Train.py").read_bytes() == b"old"


def test_one_that_was_changed_since_stays_beside_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "dag.py").write_bytes(b"old")
    applied = apply(tmp_path, change("update", "Train.py", None, Replaced("dag.py", "another version")))
    assert [(each.action, each.file, version is not None, each.replaces) for each, version in applied.done] == [
        ("update", "Train.py", True, ())
    ]
    assert [(each.action, each.file) for each, _ in applied.failed] == [("delete", "dag.py")]
    assert "dag.py" in applied.failed[0][1]
    assert not applied.not_done
    assert sorted(path.name for path in tmp_path.glob("*.py")) == ["Train.py", "dag.py"]


def test_a_dag_keeps_its_old_id_where_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    for name in ("Old.py", "New.py"):
        (tmp_path / name).write_bytes(b"old")
    version = FolderTarget(tmp_path).list()["Old.py"]
    applied = apply(tmp_path, change("delete", "Old.py", version), change("create", "New.py"))
    assert [(failed.file, failed.action) for failed, _ in applied.failed] == [
        ("New.py", "create"),
        ("Old.py", "delete"),
    ]
    assert (tmp_path / "Old.py").exists()

"""A plan tells a flow's own code from files that are merely packed with it, since Metaflow packs folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from deployer.commands.apply import execute, prepare
from deployer.commands.plan import PlanView, plan
from deployer.models.plan import Change, FileChanges
from deployer.models.selection import Selection
from deployer.planning.guards import Permissions
from deployer.views.plan_json import plan_from_json, plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from deployer.views.plan_text import plan_to_text
from tests.contexts import context
from tests.sources import two_steps

GOLDEN = Path(__file__).parent / "golden"
MANY = 40
HEAD = """\
version: 1
project: growth
environments:
  local: {target: build/dags, compute: local, datastore: build/metaflow}
"""
COMMENT = "\n# a remark\n"


def flows(folder: Path, number: int, head: str = "") -> Selection:
    """That many flows in one folder, and a manifest of them all. The first ones import `shared`, and that `deep`."""
    code = folder / "flows"
    code.mkdir()
    for index in range(1, number + 1):
        imported = "import shared\n" if index <= 3 else ""
        (code / f"f{index}.py").write_text(imported + two_steps(f"F{index}"))
    (code / "shared.py").write_text("def run():\n    from lib import deep\n    return deep\n")
    (code / "lib").mkdir()
    for name in ("__init__", "deep", "alone"):
        (code / "lib" / f"{name}.py").write_text("")
    (folder / "deployments").mkdir()
    entries = "".join(f"  f{index}: {{file: ../flows/f{index}.py}}\n" for index in range(1, number + 1))
    (folder / "deployments" / "mfdeploy.yaml").write_text(f"{HEAD}{head}flows:\n{entries}")
    return Selection(folder / "deployments")


def apply(selection: Selection) -> None:
    assert not execute(prepare(selection, context()), Permissions(), context()).failed


def edit(folder: Path, name: str, text: str = COMMENT) -> None:
    with (folder / "flows" / name).open("a") as file:
        file.write(text)


@contextmanager
def edited(folder: Path, name: str, text: str = COMMENT) -> Iterator[None]:
    """An edit that is taken back."""
    file = folder / "flows" / name
    before = file.read_bytes() if file.exists() else None
    edit(folder, name, text)
    yield
    file.unlink() if before is None else file.write_bytes(before)


def text_of(view: PlanView) -> str:
    return plan_to_text(plan_to_json(view.plan), width=120)


def changes(view: PlanView) -> dict[str, Change]:
    """What is not up to date, by the flow's name."""
    return {change.address.removeprefix("local/"): change for change in view.plan.pending}


def files(change: Change) -> FileChanges:
    [reason] = change.reasons
    assert reason.word == "code" and reason.files is not None
    return reason.files


def own(view: PlanView) -> set[str]:
    """The flows whose own code differs."""
    return {name for name, change in changes(view).items() if set(files(change).all) - set(files(change).packed)}


def compare(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / name
    if request.config.getoption("--rewrite"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_a_comment_in_one_of_forty_flows_is_a_short_plan(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    selection = flows(tmp_path, MANY)
    apply(selection)
    edit(tmp_path, "f7.py")
    view = plan(selection, context())
    assert len(view.plan.pending) == MANY, "each package holds the file"
    assert own(view) == {"f7"}
    assert dict(files(changes(view)["f8"]).packed) == {"f7.py": "flows/f7.py"}
    line = "39 others: packaged files that they do not import (flows/f7.py)"
    markdown = plan_to_markdown(plan_to_json(view.plan))
    assert f"  ~ {line}\n" in text_of(view)
    assert f"- **update** {line}\n" in markdown
    compare("one_of_forty.txt", text_of(view), request)
    compare("one_of_forty.md", markdown, request)
    assert plan_from_json(plan_to_json(view.plan)) == view.plan


EDITED = {
    "f1.py": {"f1"},
    "shared.py": {"f1", "f2", "f3"},
    "lib/deep.py": {"f1", "f2", "f3"},
    "lib/__init__.py": {"f1", "f2", "f3"},
    "lib/alone.py": set(),
    "new.py": set(),
}


def test_own_code_is_what_a_flow_imports_also_through_others_and_in_functions(tmp_path: Path) -> None:
    selection = flows(tmp_path, 4)
    apply(selection)
    for name, expected in EDITED.items():
        with edited(tmp_path, name):
            view = plan(selection, context())
            assert (name, sorted(changes(view)), own(view)) == (name, ["f1", "f2", "f3", "f4"], expected)


def test_what_a_flow_opens_while_it_is_loaded_is_its_own(tmp_path: Path) -> None:
    selection = flows(tmp_path, 3, "defaults: {package_suffixes: [.sql]}\n")
    edit(tmp_path, "a.sql", "select 1")
    edit(tmp_path, "b.sql", "select 2")
    edit(tmp_path, "f1.py", "\nfrom pathlib import Path\nQUERY = Path(__file__).with_name('a.sql').read_text()\n")
    edit(tmp_path, "f2.py", "\nimport os\nNAMES = [name for name in os.listdir('lib')]\n")
    edit(tmp_path, "lib/gone.py")
    apply(selection)
    with edited(tmp_path, "a.sql"):
        assert own(plan(selection, context())) == {"f1"}
    with edited(tmp_path, "b.sql"):
        assert own(plan(selection, context())) == set()
    with edited(tmp_path, "lib/new.py"):
        assert own(plan(selection, context())) == {"f2"}
    (tmp_path / "flows/lib/gone.py").unlink()
    assert own(plan(selection, context())) == {"f2"}


def test_a_file_that_is_gone_is_the_own_of_those_that_would_import_it(tmp_path: Path) -> None:
    selection = flows(tmp_path, 3)
    edit(tmp_path, "fast.py")
    edit(tmp_path, "f1.py", "\ntry:\n    import fast\nexcept ImportError:\n    fast = None\n")
    edit(tmp_path, "f2.py", "\ntry:\n    from lib import alone\nexcept ImportError:\n    alone = None\n")
    apply(selection)
    (tmp_path / "flows/fast.py").unlink()
    assert own(plan(selection, context())) == {"f1"}
    (tmp_path / "flows/lib/alone.py").unlink()
    assert own(plan(selection, context())) == {"f1", "f2"}


def test_what_differs_beside_the_files_is_told_in_full(tmp_path: Path) -> None:
    selection = flows(tmp_path, 4)
    apply(selection)
    edit(tmp_path, "lib/alone.py")
    manifest = selection.manifests / "mfdeploy.yaml"
    manifest.write_text(manifest.read_text().replace("f2.py", "f2.py, max_workers: 7"))
    text = text_of(plan(selection, context()))
    assert "  ~ 3 others: packaged files that they do not import (flows/lib/alone.py)\n" in text
    assert "packaged files that it does not import: flows/lib/alone.py\n" in text
    assert "max_workers: 100 -> 7" in text


def test_records_know_nothing_of_it(tmp_path: Path) -> None:
    """So that a record of an earlier version, which does not know it, is no change."""
    selection = flows(tmp_path, 2)
    apply(selection)
    assert not plan(selection, context(), fresh=True).plan.pending
    [text, _] = [file.read_text() for file in (tmp_path / "deployments/build/dags").glob("*.py")]
    assert "packed" not in text and "imports" not in text


def test_only_imports_leaves_one_update_of_forty(tmp_path: Path) -> None:
    selection = flows(tmp_path, MANY, "defaults: {package: {only: imports}}\n")
    apply(selection)
    with edited(tmp_path, "f7.py"):
        assert [*changes(plan(selection, context()))] == ["f7"]
    edit(tmp_path, "lib/deep.py")
    assert [*changes(plan(selection, context()))] == ["f1", "f2", "f3"]


# Each makes another package of f1, and of no other flow.
INPUTS = {
    "an own file": ("f1.py", COMMENT),
    "a module that comes": ("fast.py", COMMENT),
    "a module that comes before that of Python": ("colorsys.py", COMMENT),
    "a module in a function": ("late.py", COMMENT),
    "a compiled module": (f"late{EXTENSION_SUFFIXES[0]}", COMMENT),
    "a file that a pattern stands for": ("sql/new.sql", "select 1"),
    "a file that one stood for": ("sql/old.sql", COMMENT),
}


def test_what_makes_another_package_is_never_no_change(tmp_path: Path) -> None:
    selection = flows(tmp_path, 3, "defaults: {package: {only: imports}}\n")
    manifest = selection.manifests / "mfdeploy.yaml"
    manifest.write_text(manifest.read_text().replace("f1.py}", "f1.py, package: {include: [sql/*.sql]}}"))
    (tmp_path / "flows/sql").mkdir()
    edit(tmp_path, "sql/old.sql", "select 0")
    late = "def run():\n    import late\n    import colorsys\n"
    edit(tmp_path, "f1.py", f"\ntry:\n    import fast\nexcept ImportError:\n    fast = None\n{late}")
    apply(selection)
    for case, (name, text) in INPUTS.items():
        with edited(tmp_path, name, text):
            assert (case, [*changes(plan(selection, context()))]) == (case, ["f1"])
    assert not plan(selection, context()).plan.pending

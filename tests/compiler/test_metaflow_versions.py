"""Which Metaflow is too old or untested, and where its private names may stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.compiler.versions import is_too_old, is_untested, parse_version, show_version
from deployer.errors import DeployError, Severity
from tests.compiler.compiling import deployment, local
from tests.compiling import build_packages, compile_flows

PACKAGE = Path(__file__).parents[2] / "deployer"
MODULES = sorted([*(PACKAGE / "compiler").rglob("*.py"), *(PACKAGE / "runtime").rglob("*.py")])
COMPAT = "metaflow_compat"  # a package of the worker, and a module of the runtime
# What users and extensions of Metaflow import, too.
PUBLIC = {"metaflow", "metaflow.exception", "metaflow.metaflow_config", "metaflow.plugins"}
# Python's own, for which there is no other name.
PYTHONS_OWN = {"os._exit", "os._Environ", "sys._getframe"}


def as_if(version: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the helper's interpreter say that it has that Metaflow."""
    (folder / f"metaflow-{version}.dist-info").mkdir()
    (folder / f"metaflow-{version}.dist-info" / "METADATA").write_text(f"Name: metaflow\nVersion: {version}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.19.39", (2, 19, 39)), ("2.15", (2, 15, 0)), ("2.16.3.post1-git3f2", (2, 16, 3)), ("unknown", None)],
)
def test_versions_are_read_as_far_as_they_are_numbers(text: str, version: tuple[int, int, int] | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "old", "untested"),
    [
        ("2.14.3", True, False),
        ("2.15.0", False, False),
        ("2.19.39", False, False),
        ("2.19.40", False, True),
        ("3.0", False, True),
        ("unknown", False, False),
    ],
)
def test_what_is_supported(text: str, old: bool, untested: bool) -> None:
    assert (is_too_old(text), is_untested(text)) == (old, untested)


def test_a_series_is_shown_without_a_zero() -> None:
    assert (show_version((2, 15, 0)), show_version((2, 19, 39))) == ("2.15", "2.19.39")


def test_one_that_is_too_old_is_one_sentence_for_all_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_if("2.14.3", tmp_path, monkeypatch)
    items = [deployment("linear.py", "one"), deployment("fan.py", "two", local("/nowhere", metaflow={"A": "1"}))]
    compiled = compile_flows(items)
    [found] = compiled.diagnostics
    assert (found.code, found.severity) == ("metaflow-too-old", Severity.ERROR)
    assert found.message.endswith("has Metaflow 2.14.3: mfdeploy needs 2.15 or newer")
    assert compiled.flows == {}
    with pytest.raises(DeployError, match=r"mfdeploy needs 2\.15 or newer"):
        build_packages(items, upload=False, user="ann")


def test_one_that_is_newer_than_those_tested_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_if("2.99.0", tmp_path, monkeypatch)
    items = [deployment("linear.py", "one"), deployment("linear.py", "two")]
    compiled = compile_flows(items)
    [found] = compiled.diagnostics
    assert (found.code, found.severity) == ("metaflow-untested", Severity.WARNING)
    assert "has Metaflow 2.99.0, which is newer than any that mfdeploy was tested with" in found.message
    assert found.hint.startswith("tested versions: 2.15 to 2.19.39")
    assert len(compiled.flows) == len(build_packages(items, upload=False, user="ann")) == 2


@pytest.mark.parametrize(
    "path", [path for path in MODULES if COMPAT not in (path.stem, path.parent.name)], ids=lambda path: path.stem
)
def test_private_names_of_metaflow_are_in_one_place(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [*private_attributes(tree), *internal_imports(tree)] == []


def private_attributes(tree: ast.Module) -> Iterator[str]:
    """Private attributes of anything but `self` and `cls`, also where a function takes their name as a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            name = ast.unparse(node)
            if name not in PYTHONS_OWN and not name.startswith(("self.", "cls.")):
                yield f"line {node.lineno}: {name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr", "delattr"):
            names = [str(each.value) for each in node.args[1:2] if isinstance(each, ast.Constant)]
            yield from (f"line {node.lineno}: {name}" for name in names if is_private(name))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def internal_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"line {node.lineno}: {each.name}" for each in node.names if is_internal(each.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [f"{node.module}.{each.name}" for each in node.names]
            # `from metaflow import cli` imports a module as `import metaflow.cli` does: modules are in small letters.
            modules = [name for name in names if name.startswith("metaflow.") and name.split(".")[-1] in INSIDE]
            yield from (f"line {node.lineno}: {name}" for name in [node.module, *modules] if is_internal(name))


# Modules of Metaflow that somebody may come to import from the package itself.
INSIDE = {"cli", "decorators", "flowspec", "graph", "lint", "package", "parameters", "task", "util", "metaflow_version"}


def is_internal(name: str) -> bool:
    return name.startswith("metaflow") and name not in PUBLIC

"""The import statements of a source file, also those inside of functions."""

from __future__ import annotations

import ast
import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from .load import is_main
from .regular_file import open_regular
from .source import parsed

_MAX_BYTES = 10_000_000  # of one file: what is longer is data, and is not searched to its end

# What looks like a statement, wherever it stands, with the names in brackets or on continued lines; and calls by name.
_REST = r"(?:[^\n;#\\]|\\\n)+"
_BRACKETS = r"\((?:[^)#]|#[^\n]*)*\)"
_POSSIBLE = re.compile(
    rf"(?:^|[;:])[ \t]*(?:import[ \t]+(?P<names>{_REST})"
    rf"|from[ \t]*(?P<dots>\.*)[ \t]*(?P<module>[\w.]*)[ \t]*import[ \t]*(?P<parts>{_BRACKETS}|{_REST}))"
    r"""|(?:import_module|__import__)\(\s*(?:name\s*=\s*)?["'](?P<called>[\w.]+)["']"""
    r"""(?:\s*,\s*(?:package\s*=\s*)?["'](?P<start>[\w.]+)["'])?""",
    re.MULTILINE,
)
_OPEN = re.compile(r"\bimport[ \t]*\(")
_BRACKETED = re.compile(_BRACKETS)
_NAME = re.compile(r"(\w[\w.]*)(?:\s+as\s+\w+)?")


class Import(NamedTuple):
    """One name that a statement imports: absolute, and perhaps that of something in a module (``a.b.function``)."""

    name: str
    line: int


def imports_of(file: str, package: str, is_started: bool = False) -> Iterator[Import]:
    """What a file imports when it is loaded and when its functions run, in the order of the lines.

    `package` is what its relative imports start at. What is for type checkers alone is left out, and what is for a file
    that is started, unless this `is_started`. Nothing for a file that cannot be read: whatever loads it says why.
    """
    try:
        tree = parsed(file)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    found = [each for node in _nodes(tree, is_started) for each in _imports(node, package)]
    yield from sorted(found, key=lambda each: each.line)


def possible_imports_of(file: str, package: str) -> Iterator[Import]:
    """All that `imports_of` would find and perhaps more, at line 0: a tenth of the time, since nothing is parsed."""
    try:
        with open_regular(file) as stream:
            text = stream.read(_MAX_BYTES).removeprefix(codecs.BOM_UTF8).decode(errors="replace").replace("\r\n", "\n")
    except OSError:
        return
    names: dict[str, None] = {}
    for found in (found for lines in _lines_with_imports(text) for found in _POSSIBLE.finditer(lines)):
        if found["called"]:
            names[_absolute_name(found["called"], found["start"] or package)] = None
        elif found["names"]:
            names.update((name, None) for name in _NAME.findall(found["names"]))
        elif found["parts"]:
            module = _absolute(found["module"] or "", len(found["dots"]), package)
            names[module] = None
            names.update((f"{module}.{name}", None) for name in _NAME.findall(found["parts"]))
    yield from (Import(name.lstrip("."), 0) for name in names)


def _lines_with_imports(text: str) -> Iterator[str]:
    """The lines that hold the word, each with those that it is continued on."""
    at = text.find("import")
    while at >= 0:
        start, end = text.rfind("\n", 0, at) + 1, _end_of_line(text, at)
        opened = _OPEN.search(text, at, end)
        if opened and (brackets := _BRACKETED.match(text, opened.end() - 1)):
            end = _end_of_line(text, brackets.end())
        while text.endswith("\\", at, end):
            end = _end_of_line(text, end + 1)
        yield text[start:end]
        at = text.find("import", end)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _absolute(module: str, level: int, package: str) -> str:
    """The name of a module that an import names relative to a package: `level` is the number of dots."""
    above = package.split(".")[: len(package.split(".")) - level + 1] if level else []
    return ".".join(filter(None, [*above, module]))


def _absolute_name(name: str, package: str) -> str:
    """The name of a module that a call imports: relative to the package if it begins with dots."""
    module = name.lstrip(".")
    return _absolute(module, len(name) - len(module), package)


def _nodes(tree: ast.AST, is_started: bool) -> Iterator[ast.AST]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, ast.If) and (_is_for_types(node.test) or (is_main(node) and not is_started)):
            todo.extend(node.orelse)
        else:
            todo.extend(ast.iter_child_nodes(node))


def _is_for_types(test: ast.expr) -> bool:
    return (test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")) == "TYPE_CHECKING"


def _imports(node: ast.AST, package: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node.module or "", node.level, package)
        for alias in node.names:
            name = module if alias.name == "*" else f"{module}.{alias.name}"
            yield Import(name.lstrip("."), node.lineno)
    elif isinstance(node, ast.Call) and _called(node.func) in ("import_module", "__import__"):
        name = _text(node, 0, "name")
        if name:
            yield Import(_absolute_name(name, _text(node, 1, "package") or package).lstrip("."), node.lineno)


def _text(call: ast.Call, place: int, name: str) -> str:
    """An argument that is a literal text; empty for any other."""
    given = [*call.args[place : place + 1], *(each.value for each in call.keywords if each.arg == name)]
    value = given[0].value if given and isinstance(given[0], ast.Constant) else ""
    return value if isinstance(value, str) else ""


def _called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

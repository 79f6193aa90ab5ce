"""Where things are in a flow's source, told from its syntax tree."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import types
from pathlib import Path

from deployer.compiler.worker.source import lines_of, statements

_MODULE = '''
import functools


def twice(function):
    @functools.wraps(function)
    def call(*args):
        return function(function(*args))

    return call


class Flow:
    @twice
    @(twice)
    def decorated(self):
        """Two
        lines."""
        return self  # the last

    def plain(self): return self

    async def later(self):
        text = """
left of all
"""
        return text

    named = lambda self: self

    def with_comments(self):
        return self
        # behind the last statement
'''


def test_lines_are_those_of_inspect(tmp_path: Path) -> None:
    module = _loaded(tmp_path / "some_flow.py", _MODULE)
    for name in ("decorated", "plain", "later", "named"):
        function = getattr(module.Flow, name)
        assert lines_of(function) == inspect.getsourcelines(function), name


def test_comments_behind_the_last_statement_are_left_out(tmp_path: Path) -> None:
    module = _loaded(tmp_path / "some_flow.py", _MODULE)
    lines, first = lines_of(module.Flow.with_comments)
    assert [line.strip() for line in lines] == ["def with_comments(self):", "return self"]
    assert first == inspect.getsourcelines(module.Flow.with_comments)[1]


def test_a_function_of_a_file_that_has_no_tree_is_left_to_inspect() -> None:
    assert lines_of(inspect.getsource) == inspect.getsourcelines(inspect.getsource)


def _loaded(file: Path, text: str) -> types.ModuleType:
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_statements_are_found_in_every_kind_of_block() -> None:
    text = """
if one:
    def a(): pass
elif two:
    def b(): pass
else:
    class C:
        def d(self): pass
for each in all:
    def e(): pass
else:
    async def f(): pass
while one:
    def g(): pass
try:
    def h(): pass
except ValueError:
    def i(): pass
else:
    def j(): pass
finally:
    def k(): pass
with one as two:
    def l():
        def m(): return lambda: 1
match one:
    case [two]:
        def n(): pass
"""
    tree = ast.parse(text)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    everything = [node.name for node in ast.walk(tree) if isinstance(node, kinds)]
    assert [node.name for node in statements(tree) if isinstance(node, kinds)] == everything
    assert len(everything) == 14

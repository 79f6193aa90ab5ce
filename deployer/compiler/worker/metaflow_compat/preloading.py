"""What the process that compiles imports and does once, before it forks a child for each flow."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import itertools
import sys
import types
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from metaflow import graph as flow_graph
from metaflow.exception import MetaflowException
from metaflow.plugins.aws.aws_utils import get_docker_registry
from metaflow.plugins.datatools.s3 import s3

from ....runtime.mfdeploy_task.metaflow_compat import read_shared_memory
from ..source import lines_of
from .settings import get_version

try:
    from metaflow.packaging_sys import v1 as packaging
except ImportError:
    # Not before 2.16.
    packaging = None
try:
    from metaflow import metaflow_git
except ImportError:
    # Not in the first releases of 2.15.
    metaflow_git = None

# What Metaflow imports for each flow, some of it in functions: imported before there are children.
_PRELOADED = (
    "cli_args",
    "cli_components.utils",
    "plugins.cards.card_cli",
    "plugins.kubernetes.kubernetes",
    "plugins.package_cli",
    "pylint_wrapper",
    "system",
)


def preload() -> None:
    """Imports what every flow needs, and does what would come out the same for each."""
    for name in _PRELOADED:
        with suppress(ImportError):  # what is not there in this version is not imported by it
            importlib.import_module(f"metaflow.{name}")
    if metaflow_git is not None:
        # Metaflow would run git in the flow's folder, whose configuration may name programs, and note in the package
        # what it says: equal code would be another package after a commit.
        metaflow_git._git_info_cache = {}
    # Metaflow keeps it. Before 2.16 it runs git to find it, after which no child's description could be used again.
    get_version()
    read_shared_memory()
    _look_for_boto3_only()
    _read_sources_once()
    if packaging is not None:
        _ask_later_modules_only()
        _look_for_own_files_once()
    _compile_expressions()


def _read_sources_once() -> None:
    """Lets Metaflow read and parse the source of each step once: it builds a flow's graph three times.

    The graph's nodes look at the trees and change nothing in them. A plan of 100 flows takes 1.16 times the processor
    time without this.
    """
    flow_graph.deindent_docstring = cache(flow_graph.deindent_docstring)
    flow_graph.inspect = _with(inspect, getsourcelines=cache(lines_of))
    flow_graph.ast = _with(ast, parse=cache(ast.parse))


def _with(module: types.ModuleType, **others: Any) -> types.ModuleType:
    """A copy of a module with some of its names standing for something else, for one user of it."""
    found = types.ModuleType(module.__name__)
    vars(found).update(vars(module), **others)
    return found


def _ask_later_modules_only() -> None:
    """Lets Metaflow ask only modules that are imported later, and those that once said so, whether they are packed.

    It asks each of some 800 modules for each flow. What is loaded now answers the same each time, and to look at a
    module at all costs a child the memory that it shares with its parent. A plan of 100 flows takes 1.17 times the
    processor time without this.
    """
    asked = {
        name
        for name, module in tuple(sys.modules.items())
        # Extensions may hold decorators, whose modules Metaflow packs when a flow uses them. In 2.16.0 modules
        # asked to be packed by the second name.
        if name.startswith("metaflow_extensions")
        or hasattr(module, "METAFLOW_PACKAGE_POLICY")
        or hasattr(module, "METAFLOW_PACKAGE")
    }
    last = next(reversed(sys.modules))

    class LaterModules(types.ModuleType):
        """`sys`, with those modules only."""

        @property
        def modules(self) -> dict[str, types.ModuleType]:
            later = itertools.takewhile(lambda name: name != last, reversed(sys.modules))
            return {name: sys.modules[name] for name in {*asked, *later, "__main__"} if name in sys.modules}

        def __getattr__(self, name: str) -> Any:
            return getattr(sys, name)

    packaging.sys = LaterModules("sys")


def _look_for_own_files_once() -> None:
    """Lets Metaflow find its own files once, which it looks for at each flow.

    A plan of 100 flows takes 1.2 times the processor time without this.
    """
    content = packaging.MetaflowCodeContentV1
    look, found = content._metaflow_distribution_files, list[tuple[str, str]]()

    def look_once(self: Any) -> Iterator[tuple[str, str]]:
        if not found:  # until the first digest of these files, before there are children
            found.extend(look(self))
        return iter(found)

    content._metaflow_distribution_files = look_once


def _compile_expressions() -> None:
    """Lets Metaflow use the regular expressions of each flow once: Python compiles them at the first use."""
    flow_graph.deindent_docstring("first\n    second")
    get_docker_registry("image")


def _look_for_boto3_only() -> None:
    """Lets Metaflow look whether boto3 is there, where it imports it for each datastore in S3 and uses it in none.

    A plan of one flow takes 1.26 times as long without this.
    """
    is_there = importlib.util.find_spec("boto3") is not None

    def check() -> None:
        if not is_there:
            raise MetaflowException("You need to install 'boto3' in order to use S3.")

    s3._check_and_init_s3_deps = check

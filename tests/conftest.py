"""Options of the whole suite."""

from __future__ import annotations

import os

import pytest

# Each asks for more than a plain run, and then a test may take as long as it likes.
_LONG = (
    *("MFDEPLOY_CONFORMANCE", "MFDEPLOY_KILLS", "MFDEPLOY_FOREACH_ITEMS"),
    *("MFDEPLOY_ALL_EDITS", "MFDEPLOY_ALL_FAULTS", "MFDEPLOY_GRAPH_COUNT"),
)
if any(os.environ.get(name) for name in _LONG):
    os.environ.setdefault("PYTEST_TIMEOUT", "0")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the golden files anew; review them as a diff")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that fork come first: where the client of a store has run, no fork can use one any more."""
    items.sort(key=lambda item: "faults" not in item.path.parts)

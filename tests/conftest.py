"""Options of the whole suite, and which tests `make fast` leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# Folders and files below tests/ that are slow as a whole. A single slow test says so itself: @pytest.mark.slow.
SLOW = (
    "cli/test_transcripts.py",  # each command in a terminal, one process after the other
    "cluster/test_cluster_check.py",  # the command line and a Kubernetes API
    "compiler/test_run_by_hand.py",  # tasks as processes, each of which imports Metaflow
    "e2e",  # the command line on all examples; tests/test_end_to_end.py is what `make fast` has of it
    "faults",  # applies that are killed, and that race
    "hostile",  # bad input at the limits of size and time
    "idempotence",  # generated projects, planned after each edit
    "compiler/test_chosen.py",  # flows that are compiled one by one
    "plan/test_own_code.py",  # plans and applies of 40 flows
    "targets/test_no_answer.py",  # servers that are silent, each for the time that a limit takes
    "views/test_markdown_limit.py",  # plans of thousands of changes, and names of a megabyte
    "targets/test_failures.py",  # servers that fail, and the retries of our clients
)

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
    slow = [TESTS / path for path in SLOW]
    for item in items:
        if any(item.path.is_relative_to(path) for path in slow):
            item.add_marker("slow")

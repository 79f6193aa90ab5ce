"""Options of the whole suite, and which tests `make fast` leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy fails no test.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

TESTS = Path(__file__).parent
# Flows that are compiled one by one: too slow for each save, and run on every supported Python.
COMPILES = (
    *("compiler/test_chosen.py", "compiler/test_environment.py", "compiler/test_files.py", "compiler/test_inputs.py"),
    *("compiler/test_nothing_leaks.py", "compiler/test_outside.py", "compiler/test_package.py"),
    *("compiler/test_packages.py", "compiler/test_pod_values.py", "compiler/test_production.py"),
    "compiler/test_settings.py",
)
# Folders and files below tests/ that are slow as a whole. A single slow test says so itself: @pytest.mark.slow.
SLOW = (
    "cli/test_transcripts.py",  # each command in a terminal, one process after the other
    "cluster/test_cluster_check.py",  # the command line and a Kubernetes API
    "compiler/test_run_by_hand.py",  # tasks as processes, each of which imports Metaflow
    "e2e",  # the command line on all examples; tests/test_end_to_end.py is what `make fast` has of it
    "faults",  # applies that are killed, and that race
    "hostile",  # bad input at the limits of size and time
    "idempotence",  # generated projects, planned after each edit
    "views/test_markdown_limit.py",  # plans of thousands of changes, and names of a megabyte
    # Servers that are silent or fail, each for the time that a limit or its retries take.
    *("targets/test_no_answer.py", "targets/test_failures.py", "targets/test_conditional_delete.py"),
    *("targets/test_s3_settings.py", "history/test_many_requests.py", "kubernetes/test_server.py"),
    # Flows that are planned or applied one after the other: tests/test_end_to_end.py and tests/cli/test_cli.py are what
    # `make fast` has of them.
    *("action/test_plan.py", "action/test_reviewed.py", "cli/test_bad_input.py", "cli/test_keep_going.py"),
    *("live/test_evidence.py", "orchestrators/test_another_orchestrator.py"),
    *("plan/test_key_order.py", "plan/test_own_code.py", "plan/test_removed.py", "plan/test_reuse.py"),
    *("plan/test_reviewed.py", "plan/test_saved_plan.py"),
    *COMPILES,
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
    compiles = [TESTS / path for path in COMPILES]
    for item in items:
        if any(item.path.is_relative_to(path) for path in slow):
            item.add_marker("slow")
        if item.path in compiles:
            item.add_marker("compiles")

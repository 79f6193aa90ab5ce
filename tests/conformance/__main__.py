"""`make conformance`: every flow of the corpus in every column, and every other test that a row names.

``python -m tests.conformance [OPTIONS OF PYTEST]``; a column is left out with ``--ignore FILE``. MFDEPLOY_CONFORMANCE
may name flows of the corpus, for a run of these alone.
"""

from __future__ import annotations

import os
import sys

# Tests that take long and are named by no row: a plain run has less of them, or nothing.
LONG = {"tests/computes/test_computes.py", "tests/live/test_commands.py", "tests/scheduler/test_running.py"}


def main() -> int:
    import pytest

    from tests.conformance.columns import COLUMNS
    from tests.conformance.rows import ROWS

    os.environ.setdefault("MFDEPLOY_CONFORMANCE", "all")
    named = {test for row in ROWS for column in COLUMNS for test in row.shown_by(column)}
    files = sorted({test.partition("::")[0] for test in named} | LONG)
    arguments = ["-p", "tests.conformance.plugin", "-n", "2", "--dist", "loadfile", *sys.argv[1:]]
    chosen = [argument for argument in sys.argv[1:] if argument.startswith("tests/")]
    return pytest.main([*arguments, *(() if chosen else files)])


if __name__ == "__main__":
    sys.exit(main())

"""What became of each row in each column, from the tests that show it: kept in `results.json`, and shown as a table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.conformance.columns import COLUMNS, Column
from tests.conformance.rows import ROWS, Row

RESULTS = Path(__file__).with_name("results.json")
NOT_RUN, NOTHING = "not run", "no meaning"
Outcomes = Mapping[str, str]


def results(outcomes: Outcomes, earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """``{title: {"area", "stock", "columns": {column: {"status", "tests"}}}}``, from the outcome of each test that ran.

    An outcome is "passed" or "failed". A row and column of which no test ran keeps what it had in `earlier`, where its
    tests are still the same.
    """
    return {row.title: _described(row, outcomes, earlier or {}) for row in ROWS}


def _described(row: Row, outcomes: Outcomes, earlier: Mapping[str, Any]) -> dict[str, Any]:
    cells = {str(column): _cell(row, column, outcomes, earlier) for column in COLUMNS}
    return {"area": row.area, "stock": row.stock, "columns": cells}


def _cell(row: Row, column: Column, outcomes: Outcomes, earlier: Mapping[str, Any]) -> dict[str, Any]:
    if column.compute not in row.computes:
        return {"status": NOTHING, "tests": []}
    tests = row.shown_by(column)
    before = earlier.get(row.title, {}).get("columns", {}).get(str(column), {})
    found = {test: _outcome(test, outcomes) for test in tests}
    if set(found.values()) == {None} and before.get("tests") == tests:
        return dict(before)
    if "failed" in found.values():
        status = "fails"
    elif tests and set(found.values()) == {"passed"}:
        status = "refused" if row.refused else "works"
    else:
        status = NOT_RUN
    return {"status": status, "tests": tests}


def _outcome(test: str, outcomes: Outcomes) -> str | None:
    """That of a test, or of all cases of one that is named without its parameters; None where any did not run."""
    found = {outcome for name, outcome in outcomes.items() if name == test or name.startswith(f"{test}[")}
    return "failed" if "failed" in found else next(iter(found), None) if len(found) == 1 else None


def table(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines of text: a row for each feature, its status in each column, and one test that shows it."""
    width = max(len(row.title) for row in ROWS)
    heads = [str(column) for column in COLUMNS]
    yield "  ".join(["feature".ljust(width), *(head.ljust(16) for head in heads), "shown by"])
    for row in ROWS:
        cells = found[row.title]["columns"]
        tests = [test for head in heads for test in cells[head]["tests"]]
        statuses = [cells[head]["status"].ljust(16) for head in heads]
        yield "  ".join([row.title.ljust(width), *statuses, tests[0] if tests else ""])


def kept() -> dict[str, Any]:
    """The results as they are in the repository."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.exists() else {}


def keep(found: Mapping[str, Any]) -> None:
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

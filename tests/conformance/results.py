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
    """``{title: {"area", "stock", "columns": {column: {"status", "tests"}}}}``, with the outcome of each test.

    An outcome is "passed" or "failed"; a test that is not among `outcomes` keeps what it had in `earlier`.
    """
    return {row.title: _described(row, outcomes, earlier or {}) for row in ROWS}


def _described(row: Row, outcomes: Outcomes, earlier: Mapping[str, Any]) -> dict[str, Any]:
    before = earlier.get(row.title, {}).get("columns", {})
    cells = {str(column): _cell(row, column, outcomes, before.get(str(column), {})) for column in COLUMNS}
    return {"area": row.area, "stock": row.stock, "columns": cells}


def _cell(row: Row, column: Column, outcomes: Outcomes, before: Mapping[str, Any]) -> dict[str, Any]:
    if column.compute not in row.computes:
        return {"status": NOTHING, "tests": {}}
    known = before.get("tests", {})
    tests = {test: _outcome(test, outcomes) or known.get(test, NOT_RUN) for test in row.shown_by(column)}
    status = NOT_RUN
    if "failed" in tests.values():
        status = "fails"
    elif set(tests.values()) == {"passed"}:
        status = "refused" if row.refused else "works"
    return {"status": status, "tests": tests}


def _outcome(test: str, outcomes: Outcomes) -> str | None:
    """That of a test, or of all cases of one that is named without its parameters; None where none ran."""
    found = {outcome for name, outcome in outcomes.items() if name == test or name.startswith(f"{test}[")}
    return "failed" if "failed" in found else "passed" if found else None


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

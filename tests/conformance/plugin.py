"""A plugin of pytest that brings `results.json` up to date with the tests of a run, and prints the table."""

from __future__ import annotations

import pytest

from tests.conformance.results import keep, kept, results, table

_outcomes: dict[str, str] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _outcomes[report.nodeid] = "failed"
    elif report.when == "call" and report.passed:
        _outcomes.setdefault(report.nodeid, "passed")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    found = results(_outcomes, kept())
    keep(found)
    terminalreporter.section("conformance")
    for line in table(found):
        terminalreporter.write_line(line)

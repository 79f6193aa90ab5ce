"""Options of the whole suite, and how it is shared out to several processes."""

from __future__ import annotations

import pytest

# Fixtures of which each stands for one Airflow, with a parameter for its version.
AIRFLOWS = ("airflow", "ran")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write the golden files anew; review them as a diff")


# First, since pytest-xdist's own hook reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that look at the same runs of an Airflow go to the same process, so that they run once."""
    for item in items:
        if item.get_closest_marker("airflow"):
            parameters: dict[str, int] = getattr(getattr(item, "callspec", None), "indices", {})
            shared = [f"{name}{parameters[name]}" for name in AIRFLOWS if name in parameters]
            item.add_marker(pytest.mark.xdist_group("-".join([item.path.stem, *shared])))

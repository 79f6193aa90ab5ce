"""For which command lines a helper starts before anything is imported."""

from __future__ import annotations

import pytest

from deployer.cli.early import compiles, early_helper, started_helper


@pytest.mark.parametrize("line", ["plan", "plan --env prod", "apply --yes", "apply plan.json"])
def test_those_that_compile_flows(line: str) -> None:
    assert compiles(line.split())


@pytest.mark.parametrize(
    "line",
    ["", "--version", "plan --help", "apply -h", "plan --from plan.json", "plan --from=plan.json", "list --env plan"],
)
def test_no_others(line: str) -> None:
    assert not compiles(line.split())


def test_a_helper_that_nobody_took_ends_with_the_command() -> None:
    with early_helper(["plan"]):
        helper = started_helper()
        assert helper is not None
        assert helper.pid is not None
    assert helper.pid is None
    assert started_helper() is None

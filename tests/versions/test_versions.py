"""Each supported Metaflow makes of a flow what the newest makes of it: graph, parameters, retries and results."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from deployer.compiler.versions import OLDEST, parse_version
from deployer.models.flow import Decorator, Flow
from tests.versions.metaflows import NEWEST, ROOT, VERSIONS
from tests.versions.running import Outcome, flows_of, run_flows

pytestmark = pytest.mark.versions

# What comes out of the runs, by flow.
DATA: dict[str, list[Any]] = {
    "settled": [True, [1.5, "it's", False, ["'"], "a table\n", 3], "by growth\n", 1],
    "ended": [True, [1, []], [], 4],
    "mutated": [True, ["given", "42", {"b": [None]}, "3"]],
    "decorated": [True, 3],
    "switched": [True, "quick", True, ["end", "quick", "start"]],
    "spread": [True, [[node, 3, 6] for node in range(3)], ["train"]],
    "fanned": [True, [1, None], [False, True], [1, 2]],
}
RESULTS: dict[str, dict[str, Any]] = {
    "settled": {},
    "ended": {},
    "mutated": {},
    "decorated": {},
    "switched": {"start": {"next": "quick"}},
    "spread": {"train": {"nodes": 3}},
    "fanned": {"start": {"splits": 2}},
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Outcome]]:
    """Of a version, run at most once. Two run at a time, while the tests of the first wait."""
    with ThreadPoolExecutor(2) as pool:
        futures: dict[str, Future[Outcome]] = {
            version: pool.submit(run_flows, version, tmp_path_factory.mktemp(version)) for version in VERSIONS
        }
        yield lambda version: futures[version].result()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_flow_is_described_as_by_the_newest(version: str, outcome: Callable[[str], Outcome]) -> None:
    found, expected = outcome(version).flows, outcome(NEWEST).flows
    assert {name: comparable(flow) for name, flow in found.items()} == {
        name: comparable(expected[name]) for name in flows_of(version)
    }
    assert {flow.code.metaflow_version for flow in found.values()} == {version}


def comparable(flow: Flow) -> dict[str, Any]:
    """All of a flow but the version of Metaflow, and attributes that are not set: newer decorators have more."""
    variables = {name: value for name, value in flow.environment.items() if name != "METAFLOW_VERSION"}
    steps = [{**vars(step), "decorators": [_set_attributes(each) for each in step.decorators]} for step in flow.steps]
    # Since 2.16 the module of a mutator is packed by itself as well.
    files = {path: digest for path, digest in flow.code.files.items() if path != ".mf_code/__main__.py"}
    return {**vars(flow), "code": files, "environment": variables, "steps": steps}


def _set_attributes(decorator: Decorator) -> tuple[str, dict[str, Any]]:
    return decorator.name, {name: value for name, value in decorator.attributes.items() if value is not None}


@pytest.mark.parametrize("version", VERSIONS)
def test_its_tasks_run_as_with_the_newest(version: str, outcome: Callable[[str], Outcome]) -> None:
    names = flows_of(version)
    assert outcome(version).data == {name: DATA[name] for name in names}
    assert outcome(version).results == {name: RESULTS[name] for name in names}


def test_an_installer_may_take_each_supported_metaflow() -> None:
    found = re.search(r'"metaflow>=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    assert found is not None and parse_version(found[1]) == OLDEST

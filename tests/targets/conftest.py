"""One server of each kind for a test run, and an empty target of each for a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployer.models.target import Target
from tests.targets.kinds import KINDS, Server, target_at

# Azurite is installed by npm, which `make fast` must not need.
_SLOW = ("azure",)
_PARAMS = [pytest.param(kind, marks=pytest.mark.slow if kind in _SLOW else ()) for kind in sorted(KINDS)]


@pytest.fixture(scope="session", params=_PARAMS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A store of each kind, to which the variables of this process lead."""
    folder = tmp_path_factory.mktemp(request.param)
    with KINDS[request.param](folder) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in running.variables.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture
def place(server: Server) -> str:
    """Where nothing is yet, as a manifest names it."""
    return server.new_place()


@pytest.fixture
def target(place: str) -> Target:
    return target_at(place)

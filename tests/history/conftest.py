from __future__ import annotations

from pathlib import Path

import pytest

from tests.history.applying import EnvironmentState


@pytest.fixture
def site(tmp_path: Path) -> EnvironmentState:
    """An environment where nothing was applied yet."""
    return EnvironmentState(tmp_path)

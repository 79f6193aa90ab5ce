from __future__ import annotations

from pathlib import Path

import pytest

from tests.history.applying import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An environment where nothing was applied yet."""
    return Site(tmp_path)

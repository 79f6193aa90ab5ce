from __future__ import annotations

from pathlib import Path

import pytest

from tests.history.applying import AppliedFolder


@pytest.fixture
def site(tmp_path: Path) -> AppliedFolder:
    """An environment where nothing was applied yet."""
    return AppliedFolder(tmp_path)

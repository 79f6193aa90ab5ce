"""Questions that are asked at once: what comes of each."""

from __future__ import annotations

import pytest

from deployer.models.live import LiveError
from deployer.pipeline.side_by_side import side_by_side


def _refused() -> int:
    raise LiveError("out of order")


def test_answers_and_refusals_come_back() -> None:
    answers, errors = side_by_side({"one": lambda: 1, "two": _refused}, 60)
    assert answers == {"one": 1}
    assert {name: str(error) for name, error in errors.items()} == {"two": "out of order"}


def test_a_mistake_of_ours_is_no_refusal() -> None:
    with pytest.raises(ZeroDivisionError):
        side_by_side({"one": lambda: 1, "two": lambda: 1 // 0}, 60)

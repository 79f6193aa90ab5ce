"""Values of decorators as JSON: the same in every process."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from deployer.compiler.worker.decorate import plain


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (timedelta(minutes=90), 5400),
        (timedelta(milliseconds=1500), 1.5),
        ({"after": timedelta(days=-1)}, {"after": -86400}),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, tzinfo=timezone.utc), "2026-01-31T00:00:00+00:00"),
        ({"b", "a"}, ["a", "b"]),
        ((1, None), [1, None]),
        (max, "<max>"),
        (object(), "<object>"),
    ],
)
def test_a_value_is_data(value: Any, expected: Any) -> None:
    assert plain(value) == expected

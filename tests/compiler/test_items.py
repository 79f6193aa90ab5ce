"""Which items of a foreach Airflow shows by their values."""

from __future__ import annotations

import json
from collections import UserList
from typing import Any

import pytest

from deployer.runtime.mfdeploy_task import items


class Private(str):
    """A text that its author does not want to see anywhere."""


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        *[
            (text, text)
            for text in ("eu", "2024-01-01", "s3://acme/a.csv", "漢字", "{{ ds }}", "tokenizer", "sk-learn")
        ],
        *[(text, text) for text in ("github-actions", "123e4567-e89b-12d3-a456-426614174000", "a" * 40)],
        *[
            (7, "7"),
            (0, "0"),
            (-2.5, "-2.5"),
            (True, "True"),
            ("7", "7"),
            ("data/2024/region1/part", "data/2024/region1/part"),
        ],
    ],
)
def test_a_short_plain_value_is_shown(item: Any, shown: str) -> None:
    assert items.shown_value(item) == shown


@pytest.mark.parametrize(
    "item",
    [
        *(None, "", "a" * 41, "a\nb", "\x1b[31m", "\udcff", b"eu", ["eu"], ("eu",), {"a": 1}, object()),
        *("password=x", "db_password: x", "API_KEY = x", "https://ada:x@acme.example", "https://acme.example?sig=x"),
        *(
            "Bearer abc",
            "AKIAIOSFODNN7EXAMPLE",
            "d41d8cd98f00b204e9800998ecf8427e",
            "ghp_0123456789abcdef",
            "eyJhbGciOi",
        ),
        *("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "-----BEGIN PRIVATE KEY", Private("eu")),
    ],
)
def test_anything_else_is_not(item: Any) -> None:
    assert items.shown_value(item) == ""


def test_a_number_that_python_does_not_write_is_not() -> None:
    assert items.shown_value(10**5000) == ""


def test_the_values_of_a_list_are_by_index() -> None:
    assert items.shown_values(["eu", None, "us"], 100) == {"0": "eu", "2": "us"}
    assert items.shown_values(range(2), 100) == {"0": "0", "1": "1"}
    assert items.shown_values((), 100) == {}


@pytest.mark.parametrize("given", [None, "eu", {"a": 1}, {1, 2}, UserList(["eu"]), iter(["eu"])])
def test_what_is_no_plain_list_is_not_read(given: Any) -> None:
    assert items.shown_values(given, 100) == {}


def test_all_or_none_of_many_are_shown() -> None:
    most = len(json.dumps({str(index): "region" for index in range(30)}))
    assert len(items.shown_values(["region"] * 30, most)) == 30
    assert items.shown_values(["region"] * 31, most) == {}
    assert items.shown_values(["r"] * 100_000, most) == {}

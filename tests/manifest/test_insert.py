"""Flows added to manifests that people wrote: before and after."""

from __future__ import annotations

import pytest

from deployer.manifest.insert import insert_flows, scalar

NEW = {"B": {"file": "../b.py"}}
ADDED = "  B:\n    file: ../b.py\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "flows:\n<>"),
        ("version: 1", "version: 1\n\nflows:\n<>"),
        ("flows:\n", "flows:\n<>"),
        ("flows:", "flows:\n<>"),
        ("flows:   # none yet\nversion: 1\n", "flows:   # none yet\n<>version: 1\n"),
        ("flows: {}\nversion: 1\n", "flows:\n<>version: 1\n"),
        ("flows: null  # none\n", "flows:  # none\n<>"),
        ("flows:\n  a: {file: x}", "flows:\n  a: {file: x}\n<>"),
        ("flows:\n  a: {file: x}  # a\n  # b\n\nversion: 1\n", "flows:\n  a: {file: x}  # a\n<>  # b\n\nversion: 1\n"),
        ("flows:\n  a:\n    tags:\n    - b\n    - c\n", "flows:\n  a:\n    tags:\n    - b\n    - c\n<>"),
        ("flows:\n  a:\n    d: |\n      x\n\n      y\nx: 1\n", "flows:\n  a:\n    d: |\n      x\n\n      y\n<>x: 1\n"),
        ("flows:\n  a:\n    doc: >-\n      x\n      y", "flows:\n  a:\n    doc: >-\n      x\n      y\n<>"),
        ("flows:\n  a:\n    doc: x\n      y\n", "flows:\n  a:\n    doc: x\n      y\n<>"),
        ("flows:\n  a: &a {file: x}\n  c: *a\nversion: 1\n", "flows:\n  a: &a {file: x}\n  c: *a\n<>version: 1\n"),
        ("---\nflows:\n  ä: {file: ö}\n", "---\nflows:\n  ä: {file: ö}\n<>"),
        ("flows:\n  a:\n", "flows:\n  a:\n<>"),
        ("flows: {a: {file: x}}\n", 'flows: {a: {file: x}, "B": {"file": "../b.py"}}\n'),
        ("flows: {a: {file: x},}\n", 'flows: {a: {file: x}, "B": {"file": "../b.py"},}\n'),
        ("flows:\r\n  a: {file: x}\r\n", "flows:\r\n  a: {file: x}\r\n  B:\r\n    file: ../b.py\r\n"),
        ("flows:\n    a: {file: x}\n", "flows:\n    a: {file: x}\n    B:\n      file: ../b.py\n"),
    ],
)  # fmt: skip
def test_the_rest_of_the_text_stays(before: str, after: str) -> None:
    assert insert_flows(before, NEW) == after.replace("<>", ADDED)


@pytest.mark.parametrize(
    "text",
    ["- 1\n", "flows: 3\n", "flows: [a]\n", "version: 1\n...\n", "{version: 1}\n", "flows:\n  B: {}\n", "a: [\n"],
)
def test_what_would_not_say_the_same_is_left(text: str) -> None:
    assert insert_flows(text, NEW) is None


@pytest.mark.parametrize(
    "value", ["a", "../a b.py", "no", "1e3", "12:30", "a: b", "#", "é", "'", "null", "0x1", "~", "x\ny"]
)
def test_a_text_is_read_as_it_was(value: str) -> None:
    made = insert_flows("version: 1\n", {value: {"file": value}})
    assert made is not None
    assert scalar(value) in made

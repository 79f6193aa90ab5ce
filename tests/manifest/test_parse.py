"""YAML to nodes: what a scalar means, where it stands, what is refused."""

from __future__ import annotations

import pytest

from deployer.errors import Location
from deployer.manifest.nodes import Items, Map, Scalar, dotted, leaves, to_data
from deployer.manifest.parse import MAX_BYTES, parse
from deployer.manifest.scalars import looks_like, resolve


def read(text: str | bytes) -> Map:
    node, problems = parse(text.encode() if isinstance(text, str) else text, "a.yaml")
    assert problems == []
    assert isinstance(node, Map)
    return node


def codes(text: str | bytes) -> list[str]:
    _, problems = parse(text.encode() if isinstance(text, str) else text, "a.yaml")
    assert all(problem.location for problem in problems)
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 9223372036854775807),
        # What YAML 1.1 takes for true, false, octal, hexadecimal, base 60 or a date stays the text that it is.
        *[
            (text, text)
            for text in ("yes", "No", "on", "OFF", "y", "n", "tRue", "1_000", "0o17", "017", "0x1F", "0b11")
        ],
        *[(text, text) for text in ("12:30", "1:30:00", "2024-01-01", "1.2.3", "-", "--", "+a")],
    ],
)
def test_unquoted_scalars(text: str, value: object) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".NaN", "1e999", "9223372036854775808", "1" * 5000])
def test_numbers_that_json_cannot_hold(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        resolve(text)
    assert codes(f"a: {text}") == ["bad-number"]
    assert read(f"a: '{text}'").get("a") == Scalar(text, Location("a.yaml", 1, 4), text, plain=False)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("yes", "true"),
        ("Off", "false"),
        ("1_000", "1000"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("017", "17, or 15 if it is octal"),
        ("089", "89"),
        ("text", ""),
        ("12:30", ""),
        ("0" * 40, ""),
        ("0xZZ", ""),
        ("0x", ""),
    ],
)
def test_what_others_read(text: str, other: str) -> None:
    assert looks_like(text) == other


def test_places() -> None:
    node = read("# é\na:\n  'b c': [1, ü, {d: x}]\n")
    assert to_data(node) == {"a": {"b c": [1, "ü", {"d": "x"}]}}
    entry = node.entries["a"].node
    assert isinstance(entry, Map)
    assert entry.entries["b c"].key == Location("a.yaml", 3, 3)
    items = entry.get("b c")
    assert isinstance(items, Items)
    assert [item.location.column for item in items.nodes] == [11, 14, 17]
    assert list(leaves(node)) == [("a.b c", Location("a.yaml", 3, 10))]


def test_paths() -> None:
    assert dotted(("flows", "train", "tags", 2)) == "flows.train.tags[2]"


def test_an_alias_is_a_copy() -> None:
    node = read("a: &x [1, {b: 2}]\nc: *x\nd: *x\n")
    assert to_data(node) == {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": [1, {"b": 2}]}


def test_the_keys_on_and_no_are_text() -> None:
    assert to_data(read("on: off\nno: yes\n12:30: 1\n")) == {"on": "off", "no": "yes", "12:30": 1}


def test_a_byte_order_mark_is_no_text() -> None:
    assert to_data(read("\ufeffa: 1".encode())) == {"a": 1}


def test_an_empty_file_has_no_document() -> None:
    assert parse(b"# nothing\n", "a.yaml") == (None, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\na: 4", ["duplicate-key", "duplicate-key"]),
        ("a: {x: 1, x: 2}\nb: [{y: 1, y: 1}]", ["duplicate-key", "duplicate-key"]),
        ("a: &a {b: *a}", ["yaml-syntax"]),
        ("? {a: 1}\n: b", ["bad-key"]),
        ("&k a: 1\n*k : 2", ["bad-key"]),
        ("1: a\n2.5: b\n~: c\nfalse: d\n.nan: e\n? \n: f", ["bad-key"] * 6),
        ("a: !x 1", ["yaml-tag"]),
        ("a: ! 1", ["yaml-tag"]),
        ("!!map\na: 1", ["yaml-tag"]),
        ("a: !x {b: !y 1}\n!z c: [!x [1], 2]", ["yaml-tag"] * 4),
        ("a: b\x00", ["yaml-syntax"]),
        (b"a: \xff", ["yaml-syntax"]),
        ("a: 1\n---\nb: 2", ["yaml-syntax"]),
        ("a: {" * 60, ["too-large"]),
        ("a: " + "[" * 100_000, ["too-large"]),
        (b"a" * (MAX_BYTES + 1), ["yaml-syntax"]),
    ],
)
def test_refused(text: str | bytes, expected: list[str]) -> None:
    assert codes(text) == expected


def test_aliases_are_counted_by_what_they_copy() -> None:
    wide = "a: &a [" + "x, " * 1000 + "]\n"
    assert codes(wide + "b: [" + "*a, " * 99 + "]\n") == []
    assert codes(wide + "b: [" + "*a, " * 100 + "]\n") == ["too-large"]


def test_a_refused_value_does_not_hide_the_next() -> None:
    node, problems = parse(b"a: .nan\n<<: {b: 1}\nc: 2\n", "a.yaml")
    assert [problem.code for problem in problems] == ["bad-number", "merge-key"]
    assert isinstance(node, Map)
    assert list(node.entries) == ["a", "c"]

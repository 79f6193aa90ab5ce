"""Where a character of an expression was written, for each way in which YAML writes a text."""

from __future__ import annotations

import pytest

from deployer.errors import Location
from deployer.manifest.nodes import Map, Scalar
from deployer.manifest.parse import parse
from deployer.models.policies import Expression

WRITTEN = {
    "plain": "    rule: a.b == 'c'\n",
    "double quotes": "    rule: \"a.b == 'c'\"\n",
    "single quotes": "    rule: '   a.b == 1'\n",
    "literal lines": "    rule: |\n      x == 1 &&\n        a.b == 'ä'\n",
    "literal lines after a blank one": "    rule: |-  # why\n\n      x == 1 &&\n      a.b == 1\n",
    "in braces": "    {rule: a.b == 1}\n",
    "on the next line": "    rule:\n      a.b == 1\n",
}
# YAML changes the text: the place is where the value begins.
CHANGED = {
    "folded lines": "    rule: >-\n      x == 1 &&\n      a.b == 1\n",
    "plain lines": "    rule: x == 1 &&\n      a.b == 1\n",
    "escapes": '    rule: "x == \\"1\\" && a.b == 1"\n',
    "doubled quotes": "    rule: 'x == ''1'' && a.b == 1'\n",
}


def expression(written: str) -> tuple[Expression, list[str]]:
    text = f"policies:\n  it:\n{written}"
    node, problems = parse(text.encode(), "m.yaml")
    assert not problems
    assert isinstance(node, Map)
    rule = node.get("policies", "it", "rule")
    assert isinstance(rule, Scalar)
    return Expression(str(rule.value), rule.location, rule.verbatim), text.splitlines()


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_each_character_has_its_place(written: str) -> None:
    found, lines = expression(written)
    place = found.place(found.text.index("a.b"))
    assert lines[place.line - 1][place.column - 1 :].startswith("a.b")


@pytest.mark.parametrize("written", CHANGED.values(), ids=CHANGED)
def test_where_yaml_changes_a_text_its_beginning_is_the_place(written: str) -> None:
    found, _ = expression(written)
    assert found.place(found.text.index("a.b")) == found.location == Location("m.yaml", 3, 11)


def test_only_policies_are_looked_at() -> None:
    node, _ = parse(b"flows: {train: {file: a.py}}", "m.yaml")
    assert isinstance(node, Map)
    file = node.get("flows", "train", "file")
    assert isinstance(file, Scalar)
    assert file.verbatim is None

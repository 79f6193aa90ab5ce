"""Who starts whom, in the words of a plan."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.views.plan_effects import own_rows
from deployer.views.starts_graph import starts_to_mermaid


def effect(word: str, *names: str) -> dict[str, Any]:
    return {"word": word, "names": list(names), "before": [], "after": [], "count": None, "more": False}


@pytest.mark.parametrize(
    ("effects", "rows"),
    [
        ([effect("starts", "prod/a", "prod/b")], [("starts", "prod/a and prod/b, when a run succeeds")]),
        ([effect("started by", "prod/a", "day")], [("started by", "the end of prod/a and the event day")]),
        (
            [effect("created paused"), effect("started by", "metaflow.A.end")],
            [("started by", "the event metaflow.A.end (once unpaused)")],
        ),
    ],
)
def test_starts_are_told_of_each_change(effects: list[dict[str, Any]], rows: list[tuple[str, str]]) -> None:
    change = {"action": "create", "effects": effects, "after": {"settings": {}}}
    assert [row for row in own_rows(change, ()) if row[0].startswith("start")] == rows


def test_who_starts_whom_is_a_picture() -> None:
    changes = [
        {"address": "prod/b", "effects": [effect("started by", "prod/a", 'x"]'), effect("starts", "prod/c")]},
        {"address": "prod/c", "effects": [effect("started by", "prod/b"), effect("first run")]},
    ]
    assert starts_to_mermaid(changes).splitlines() == [
        "flowchart LR",
        '    f0["prod#47;a"]',
        '    f1["prod#47;b"]',
        '    f2["prod#47;c"]',
        '    f3>"x#34;#93;"]',
        "    f0 --> f1",
        "    f1 --> f2",
        "    f3 --> f1",
    ]
    assert starts_to_mermaid([{"address": "prod/d", "effects": []}]) == ""

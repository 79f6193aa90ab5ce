"""A forecast as text and as Markdown; the text of the example is the one of docs/forecast.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import validate

from deployer.views.forecast_markdown import forecast_to_markdown
from deployer.views.forecast_text import forecast_to_text
from deployer.views.forecast_words import forecast_schema, forecast_to_json
from tests.forecast.example import example, unplanned

PAGE = Path(__file__).parents[2] / "docs" / "forecast.md"
BLOCK = re.compile(r"(?<=test_views\.py -->\n```\n).*?(?=```)", re.DOTALL)


@pytest.fixture(scope="module")
def data() -> dict[str, object]:
    return forecast_to_json(example())


def test_the_page_shows_the_example(data: dict[str, object], request: pytest.FixtureRequest) -> None:
    text = forecast_to_text(data, width=100)
    if request.config.getoption("--rewrite"):
        PAGE.write_text(BLOCK.sub(lambda _: text, PAGE.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == text


def test_the_json_is_as_its_schema_says(data: dict[str, object]) -> None:
    validate(json.loads(json.dumps(data)), forecast_schema())


def test_narrow_terminals_and_colour(data: dict[str, object]) -> None:
    narrow = forecast_to_text(data, width=60)
    assert max(map(len, narrow.splitlines())) <= 60
    coloured = forecast_to_text(data, width=60, colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == narrow
    assert "\x1b[31m" in coloured  # what waits


def test_without_a_plan_there_is_one_column() -> None:
    text = forecast_to_text(forecast_to_json(unplanned()), width=100)
    assert "An apply of the manifests changes nothing of it." in text
    assert "planned" not in text


def test_markdown(data: dict[str, object]) -> None:
    lines = forecast_to_markdown(data).splitlines()
    assert lines[0].startswith("### prod: what the schedules start, 2026-03-02 00:00 to 2026-03-09 00:00 UTC")
    assert any(line.startswith("| pods that wait | 37  2026-03-02 00:05 | 41  2026-03-02 00:05 | ") for line in lines)
    assert any("42 runs start at 2026-03-02 00:00 and 6 later times; 41 pods wait" in line for line in lines)
    plain = forecast_to_markdown(forecast_to_json(unplanned()))
    assert "An apply of the manifests changes nothing of it." in plain

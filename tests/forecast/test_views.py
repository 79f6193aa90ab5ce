"""A forecast as text and as Markdown; the text of the example is the one of docs/forecast.md."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import validate

from deployer.models.forecast import Forecast
from deployer.views.forecast_markdown import forecast_to_markdown
from deployer.views.forecast_text import forecast_to_text
from deployer.views.forecast_words import forecast_schema, forecast_to_json
from deployer.views.html.forecast import forecast_to_html
from tests.forecast.example import DAYS, example, unplanned
from tests.views.reading import Read

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
    assert any(
        line.startswith("| pods that wait | 37 at 2026-03-02 00:05 | 41 at 2026-03-02 00:05 | ") for line in lines
    )
    assert any("42 runs start at 2026-03-02 00:00 and 6 later times; 41 pods wait" in line for line in lines)
    plain = forecast_to_markdown(forecast_to_json(unplanned()))
    assert "An apply of the manifests changes nothing of it." in plain


def test_a_page_has_a_chart_of_each_amount_and_the_same_as_tables(data: dict[str, object]) -> None:
    page = Read(forecast_to_html(data))
    assert page.open == []
    names = [each.partition(":")[0] for each in page.texts["figcaption"]]
    assert names == [
        *("pods at once", "runs at once", "CPUs at once", "GB of memory at once", "GPUs at once", "pods that wait"),
    ]
    assert page.texts["figcaption"][0] == "pods at once: at most 128, in the hour of 2026-03-02 00:00"
    tags = [tag for tag, _ in page.tags]
    assert tags.count("svg") == tags.count("polyline") == 6
    assert tags.count("rect") == 4 * DAYS * 24 + 5 + DAYS  # GPUs on five days, and something waits on each
    assert page.attributes("class").count("waits") == 5 * DAYS
    assert "style" not in {name for _, attributes in page.tags for name in attributes}
    assert {"00:00", "23:00", "Sun 2026-03-08"} <= {*page.texts["th"]}


def test_a_page_without_a_plan_and_one_of_nothing() -> None:
    page = forecast_to_html(forecast_to_json(unplanned()))
    assert "<polyline" not in page
    assert "An apply of the manifests changes nothing of it." in page
    empty = json.loads(json.dumps(forecast_to_json(unplanned())))
    for hour in empty["now"]["hours"]:
        hour.update(waiting_tasks=0, most=dict.fromkeys(hour["most"], 0))
    assert "Nothing starts." in forecast_to_html(empty)


def test_names_of_others_stay_text() -> None:
    hostile = "prod/<script>alert(1)</script>`@ada`\x1b[31m"
    found = example()
    flows = tuple(each.model_copy(update={"address": hostile}) for each in found.now.flows)
    collisions = tuple(each.model_copy(update={"flows": (hostile,)}) for each in found.now.collisions)
    now = found.now.model_copy(update={"flows": flows, "collisions": collisions})
    hostile_data = forecast_to_json(Forecast(**{**dict(found), "environment": hostile, "now": now, "planned": None}))
    for text in (forecast_to_text(hostile_data), forecast_to_markdown(hostile_data), forecast_to_html(hostile_data)):
        assert "\x1b" not in text
    assert "<script>alert" not in forecast_to_html(hostile_data)
    assert "<script>alert" not in forecast_to_markdown(hostile_data)

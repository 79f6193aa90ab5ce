"""The pages in a real browser: what the script does, and what the page does not let happen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser

from deployer.models.desired import Deployed
from deployer.models.plan import Plan
from deployer.planning.inventory import inventory
from deployer.views.forecast_words import forecast_to_json
from deployer.views.history import history_to_json
from deployer.views.html.forecast import forecast_to_html
from deployer.views.html.inventory import inventory_to_html
from deployer.views.html.pages import history_to_html, list_to_html, status_to_html
from deployer.views.html.plan import plan_to_html
from deployer.views.inventory import inventory_to_json
from deployer.views.list_view import ListJson
from deployer.views.plan_json import plan_to_json
from deployer.views.source_diff import source_diffs
from tests.forecast.example import example
from tests.plan.made import deployed, desired, environment, site
from tests.views import samples
from tests.views.in_browser import SCHEMES, SIZES, barriers, opened, started_browser
from tests.views.large import STEPS, large_plan, long_plan
from tests.views.test_html_pages import FLOW

pytestmark = pytest.mark.slow


def _plan(plan: Plan) -> str:
    diffs = source_diffs({"prod/growth.prod.Score.py": ("a = 1\n", "a = 2\n")})
    return plan_to_html(plan_to_json(plan), sources=diffs)


def _list() -> ListJson:
    rows = [{"address": f"{env}/a", "environment": env, "flow": "a", "file": "a.yaml"} for env in ("prod", "dev")]
    found: Any = {"deployments": [{**row, "dag_id": "a", "schedule": None, "compiled": True} for row in rows]}
    return cast(ListJson, found)


def _inventory() -> dict[str, Any]:
    state = site(deployed(desired()), Deployed("other.py", "v", None), known=set())
    return inventory_to_json(inventory("growth", [state], {"prod": environment()}, {}))


PAGES: Mapping[str, Callable[[], str]] = {
    "plan": lambda: _plan(samples.EVERYTHING),
    "nothing": lambda: _plan(samples.NOTHING),
    "hostile": lambda: _plan(samples.HOSTILE),
    "large": lambda: _plan(large_plan()),
    "long": lambda: _plan(long_plan()),
    "history": lambda: history_to_html(
        history_to_json(samples.DEPLOYMENT.environment, samples.ENTRIES, 2, samples.UNRECORDED)
    ),
    "status": lambda: status_to_html({"flows": [FLOW, {**FLOW, "address": "dev/train", "import_error": "Traceback"}]}),
    "list": lambda: list_to_html(_list()),
    "inventory": lambda: inventory_to_html(_inventory()),
    "forecast": lambda: forecast_to_html(forecast_to_json(example())),
}


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with started_browser() as found:
        yield found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    for name, made in PAGES.items():
        (folder / f"{name}.html").write_text(made(), encoding="utf-8")
    return {name: Path(folder / f"{name}.html").as_uri() for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_a_page_that_fits_says_nothing_and_asks_nobody(
    name: str, chrome: Browser, files: dict[str, str]
) -> None:
    looks = [*zip(SIZES, SCHEMES, strict=True), *([(SIZES[0], SCHEMES[1])] if name == "plan" else [])]
    for size, scheme in looks:
        page, said = opened(chrome, files[name], size, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details.more').forEach(each => { each.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert said == []
        if name != "long":  # which has no other parts, and many of them
            assert barriers(page) == []
        page.context.close()


def test_search_and_filters(chrome: Browser, files: dict[str, str]) -> None:
    page, _ = opened(chrome, files["long"])
    shown = page.locator("article:visible")
    assert (shown.count(), page.get_by_role("status").inner_text()) == (300, "All 300 are shown.")
    page.get_by_label("Search").fill("flow_01 retries")
    assert page.get_by_role("status").inner_text() == "10 of 300 are shown."
    page.get_by_role("combobox", name="environment").select_option("=prod")
    assert [each.split()[1] for each in shown.all_inner_texts()] == [f"prod/flow_01{n}" for n in (1, 3, 5, 7, 9)]
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("combobox", name="action").select_option("=delete")
    assert shown.count() == 10
    assert page.locator("section[data-group]:visible").count() == 1
    page.get_by_role("button", name="Open all").click()
    assert page.locator("article > details[open]").count() == 10
    page.get_by_role("button", name="Fold all").click()
    assert page.locator("article > details[open]").count() == 0


def test_what_is_folded_is_drawn_when_it_is_opened_or_printed(chrome: Browser, tmp_path: Path) -> None:
    path = tmp_path / "plan.html"
    path.write_text(_plan(long_plan(40)), encoding="utf-8")
    page, said = opened(chrome, path.as_uri())
    assert page.locator("svg").count() == 0
    page.locator("article summary").first.press("Enter")
    page.locator("svg").wait_for()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("svg").count() == 40
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() < 40
    assert said == []


def test_a_drawing_of_many_steps_can_be_used(chrome: Browser, files: dict[str, str]) -> None:
    page, _ = opened(chrome, files["large"])
    drawing = page.get_by_role("img", name="Graph of prod/large, before and after")
    assert drawing.locator(".node").count() >= STEPS
    assert drawing.locator(".node.added").count() > 0
    assert "steps added" in str(drawing.locator("desc").text_content())
    boxes = drawing.locator(".node").evaluate_all(
        "all => all.map(each => { const b = each.getBBox(); return [b.x, b.y, b.width, b.height] })"
    )
    assert not [(a, b) for number, a in enumerate(boxes) for b in boxes[:number] if _overlap(a, b)]
    room = page.locator(".flow-drawing").bounding_box()
    assert room is not None and room["height"] < 900
    page.get_by_role("button", name="Fit the whole drawing").click()
    small = drawing.bounding_box()
    page.get_by_role("button", name="Larger").press("Enter")
    larger = drawing.bounding_box()
    assert small and larger and small["width"] <= room["width"] and larger["width"] > small["width"]


def _overlap(one: list[float], other: list[float]) -> bool:
    apart = 4.0  # the second box of a foreach
    return all(
        one[axis] + one[axis + 2] - apart > other[axis] and other[axis] + other[axis + 2] - apart > one[axis]
        for axis in (0, 1)
    )


def test_nothing_runs_that_is_not_ours(chrome: Browser, files: dict[str, str]) -> None:
    page, _ = opened(chrome, files["hostile"])
    blocked = page.evaluate(
        """async () => {
            const found = [];
            document.addEventListener('securitypolicyviolation', (event) => found.push(event.effectiveDirective));
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
            const add = (html) => document.body.insertAdjacentHTML('beforeend', html);
            add('<img src="https://a.example/x.png" onerror="window.ran = true"><p style="color: red">');
            await fetch('https://a.example/').catch(() => {});
            await new Promise((done) => setTimeout(done, 100));
            return [window.ran === undefined, [...new Set(found)].sort()];
        }"""
    )
    assert blocked == [
        True,
        ["connect-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"],
    ]


def test_without_scripts_everything_is_there(chrome: Browser, files: dict[str, str]) -> None:
    page, said = opened(chrome, files["plan"], java_script_enabled=False)
    assert page.get_by_role("row", name="evaluate_one").first.is_visible()
    assert not page.get_by_role("search").is_visible()
    assert page.locator("article:visible").count() == 12
    assert said == []


def test_the_keyboard_reaches_the_content_first(chrome: Browser, files: dict[str, str]) -> None:
    page, _ = opened(chrome, files["plan"])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

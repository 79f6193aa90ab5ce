"""The pages of a catalogue in a real browser, as files: what they load, who can use them, and the search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from deployer.cli.site_folder import write_site
from deployer.views.html.site import site_to_files
from deployer.views.site_json import site_to_json
from tests.airflow.browser import OPTIONS, chromium
from tests.views.site_samples import deployment, flow, site, small_site
from tests.views.test_html_browser import SCHEMES, SIZES
from tests.views.test_site import hostile_site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), headless=True, args=OPTIONS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sites")
    many = site(*(flow(f"flow_{n:03}", deployment(f"prod/flow_{n:03}", owner=f"team-{n % 7}")) for n in range(200)))
    for name, made in {"small": small_site(), "hostile": hostile_site(), "many": many}.items():
        write_site(found / name, site_to_files(site_to_json(made)))
    return found


def opened(
    chrome: Browser, page: Path, size: tuple[int, int] = SIZES[0], scheme: str = "light"
) -> tuple[Page, list[str]]:
    """The page, and what its console says, or it asks of others than its own folder."""
    context = chrome.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if scheme == "dark" else "light"
    )
    found, said = context.new_page(), list[str]()
    site = page.parent if page.name in ("index.html", "starts.html") else page.parents[1]
    found.on("console", lambda message: said.append(message.text))
    found.on("pageerror", lambda error: said.append(str(error)))
    found.on("dialog", lambda dialog: said.append(dialog.message))
    found.on("request", lambda request: said.append(request.url) if not request.url.startswith(site.as_uri()) else None)
    found.goto(page.as_uri())
    if found.locator("[data-graph]").count():
        found.locator("html[data-drawn=all]").wait_for(state="attached")
    return found, said


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_everybody_can_use_each_page_as_a_file(name: str, chrome: Browser, folder: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for path in sorted((folder / name).rglob("*.html")):
        if path.stem in ("old", "features"):  # which have no other parts than "train" has
            continue
        for size, scheme in zip(SIZES, SCHEMES, strict=True):
            page, said = opened(chrome, path, size, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
            assert said == []
            found = Axe().run(page).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], path
            page.context.close()


def test_search_and_filters(chrome: Browser, folder: Path) -> None:
    page, _ = opened(chrome, folder / "small" / "index.html")
    shown = page.locator("ul.catalogue > li:visible h2")
    assert shown.all_inner_texts() == ["broken", "features", "old", "train"]
    page.get_by_label("Search").fill("clicks of")
    assert shown.all_inner_texts() == ["train"]
    assert page.get_by_role("status").inner_text() == "1 of 4 are shown."
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("combobox", name="state").select_option("=not in the manifests")
    assert shown.all_inner_texts() == ["old"]
    page.get_by_role("link", name="old").press("Enter")
    assert page.get_by_role("heading", level=1).inner_text() == "old"
    page.get_by_role("link", name="All flows").click()
    page.get_by_role("link", name="Who starts whom").click()
    assert page.locator("svg .node").count() == 4


def test_many_flows_are_searched(chrome: Browser, folder: Path) -> None:
    page, said = opened(chrome, folder / "many" / "index.html")
    page.get_by_label("Search").fill("flow_09")
    page.get_by_role("combobox", name="owner").select_option("=team-3")
    assert page.get_by_role("status").inner_text() == "1 of 200 are shown."
    assert said == []


def test_without_scripts_everything_is_there(chrome: Browser, folder: Path) -> None:
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "small" / "index.html").as_uri())
    assert page.locator("ul.catalogue > li:visible").count() == 4
    page.goto((folder / "small" / "flows" / "train.html").as_uri())
    assert page.get_by_role("row", name="fit").first.is_visible()
    context.close()

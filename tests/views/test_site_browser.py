"""The pages of a catalogue in a real browser, as files: what they load, who can use them, and the search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from deployer.cli.site_folder import write_site
from deployer.views.html.site import site_to_files
from deployer.views.site_json import site_to_json
from tests.views.in_browser import SCHEMES, SIZES, barriers, opened, started_browser
from tests.views.site_samples import deployment, flow, site, small_site
from tests.views.test_site import hostile_site

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with started_browser() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sites")
    many = site(*(flow(f"flow_{n:03}", deployment(f"prod/flow_{n:03}", owner=f"team-{n % 7}")) for n in range(200)))
    for name, made in {"small": small_site(), "hostile": hostile_site(), "many": many}.items():
        write_site(found / name, site_to_files(site_to_json(made)))
    return found


def opened_page(
    chrome: Browser, page: Path, size: tuple[int, int] = SIZES[0], **options: Any
) -> tuple[Page, list[str]]:
    """As `opened`; a page may ask for what else is in the folder of its site."""
    site = page.parent if page.name in ("index.html", "starts.html") else page.parents[1]
    return opened(chrome, page.as_uri(), size, own=site.as_uri(), **options)


@pytest.mark.parametrize("name", ["small", "hostile"])
def test_everybody_can_use_each_page_as_a_file(name: str, chrome: Browser, folder: Path) -> None:
    for path in sorted((folder / name).rglob("*.html")):
        if path.stem in ("old", "features"):  # which have no other parts than "train" has
            continue
        for size, scheme in zip(SIZES, SCHEMES, strict=True):
            page, said = opened_page(chrome, path, size, color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
            assert said == []
            assert barriers(page) == [], path
            page.context.close()


def test_search_and_filters(chrome: Browser, folder: Path) -> None:
    page, _ = opened_page(chrome, folder / "small" / "index.html")
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
    page, said = opened_page(chrome, folder / "many" / "index.html")
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

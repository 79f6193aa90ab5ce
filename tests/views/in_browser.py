"""Pages that are opened as files in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.airflow.browser import OPTIONS, chromium

SIZES = ((1440, 900), (390, 844))
SCHEMES = ("light", "dark")


@contextmanager
def started_browser() -> Iterator[Browser]:
    """A browser for the block."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), headless=True, args=OPTIONS)
        yield found
        found.close()


def opened(
    browser: Browser, url: str, size: tuple[int, int] = SIZES[0], *, own: str = "", **options: Any
) -> tuple[Page, list[str]]:
    """The page, drawn, and all that it says: on its console, in dialogs, and which addresses it asks for.

    Nothing is said of itself and of what begins with `own`, the folder of a site. `options` are those of the browser.
    """
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: None if request.url.startswith(own or url) else said.append(request.url))
    page.goto(url)
    if options.get("java_script_enabled", True) and page.locator("[data-graph]").count():
        page.locator("html[data-drawn=all]").wait_for(state="attached")
    return page, said


def barriers(page: Page) -> list[tuple[str, str]]:
    """What keeps somebody from using the page, by the rules of axe: the rule, and an element that breaks it."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]

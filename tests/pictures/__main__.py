"""Takes the pictures of docs/pictures anew: ``python -m tests.pictures [NAME...]``, in a real browser.

It is no test: a person looks at each of them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Page

from tests.airflow.browser import browser
from tests.pictures.sites import write_sample
from tests.pictures.stage import DAG, RUN, stage

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
WIDTH = 1280
MOST_BYTES = 150_000
# The item that fails: the market of the south.
FAILED = 3


def dag(page: Page, url: str) -> None:
    page.goto(f"{url}/dags/{DAG}/runs/{RUN}")
    page.get_by_text("1.1: south, market").first.wait_for()


def graph(page: Page, url: str) -> None:
    page.goto(f"{url}/dags/{DAG}/runs/{RUN}")
    page.get_by_role("button", name="Show Graph").click()
    page.get_by_role("button", name="Expand all task groups").click()
    page.get_by_role("button", name="Collapse Details Panel").click()
    page.get_by_text("join_shops [").first.wait_for()
    page.wait_for_timeout(2000)  # it moves
    page.get_by_role("button", name="Fit View").click()
    page.wait_for_timeout(2000)


def trigger_form(page: Page, url: str) -> None:
    page.goto(f"{url}/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    page.locator("[name^=element_]").first.wait_for()
    page.wait_for_timeout(1000)


def log(page: Page, url: str) -> None:
    page.goto(f"{url}/dags/{DAG}/runs/{RUN}/tasks/fit/mapped/{FAILED}")
    page.get_by_text("This resumes the run").first.wait_for()
    page.get_by_text("AirflowException: ").first.click()  # folds its frames
    page.keyboard.press("w")  # long lines go on below
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="scroll to bottom").click()
    page.wait_for_timeout(2000)


def docs(page: Page, url: str) -> None:
    page.goto(f"{url}/dags/{DAG}")
    page.get_by_role("button", name="Dag Docs").first.click()
    page.get_by_text("When a run fails").wait_for()
    page.wait_for_timeout(1000)


def assets(page: Page, url: str) -> None:
    page.goto(f"{url}/assets")
    page.get_by_text("metaflow.ReportFlow.end").first.click()
    page.locator(".react-flow__node").first.wait_for()
    page.wait_for_timeout(3000)  # it moves
    page.get_by_role("button", name="Fit View").click()
    page.wait_for_timeout(2000)


# Each with the height of the window.
VIEWS: Mapping[str, tuple[Callable[[Page, str], None], int]] = {
    "dag": (dag, 760),
    "graph": (graph, 480),
    "trigger-form": (trigger_form, 900),
    "log": (log, 560),
    "docs": (docs, 560),
    "assets": (assets, 480),
}


# Of the catalogue's pages: the file, and the height of the window.
SITE: Mapping[str, tuple[str, int]] = {"site": ("index.html", 620), "site-flow": ("flows/train.html", 1180)}


def main(names: list[str]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        folder, wanted = Path(name), names or [*SITE, *VIEWS]
        write_sample(folder / "site")
        for each in (each for each in wanted if each in SITE):
            file, height = SITE[each]
            _take(folder, each, _opens(file), (folder / "site").as_uri(), height)
        if any(each in VIEWS for each in wanted):
            with stage(folder) as found:
                for each in (each for each in wanted if each in VIEWS):
                    show, height = VIEWS[each]
                    _take(folder, each, show, found.url, height)


def _opens(file: str) -> Callable[[Page, str], None]:
    def show(page: Page, url: str) -> None:
        page.goto(f"{url}/{file}")

    return show


def _take(folder: Path, name: str, show: Callable[[Page, str], None], url: str, height: int) -> None:
    # What a page keeps of how it was left is not for the next one.
    with browser(folder / f"browser-{name}") as context:
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.set_viewport_size({"width": WIDTH, "height": height})
        show(page, url)
        taken = page.screenshot(path=PICTURES / f"{name}.png", animations="disabled", caret="hide")
    if len(taken) > MOST_BYTES:
        sys.exit(f"{name}.png has {len(taken):,} bytes, more than {MOST_BYTES:,}")
    print(f"docs/pictures/{name}.png  {len(taken):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

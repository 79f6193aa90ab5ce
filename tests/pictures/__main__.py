"""Takes the pictures of docs/pictures anew: ``python -m tests.pictures [NAME...]``, in a real browser.

It is no test: a person looks at each of them.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from playwright.sync_api import Page

from deployer.views.forecast_words import forecast_to_json
from deployer.views.html.forecast import forecast_to_html
from tests.airflow.browser import browser
from tests.forecast.example import example
from tests.pictures.pages import plan_page, refused_page
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


def plan(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 1120, "height": VIEWS["plan"][1]})
    _drawn(page, url)


def opened(page: Page, url: str) -> None:
    page.goto(url)


def _drawn(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("html[data-drawn=all]").wait_for(state="attached")


def plan_dark(page: Page, url: str) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": VIEWS["plan-dark"][1]})
    _drawn(page, url)
    page.locator("article h4").nth(1).evaluate("each => each.scrollIntoView()")


# Each with the height of the window.
VIEWS: Mapping[str, tuple[Callable[[Page, str], None], int]] = {
    "dag": (dag, 760),
    "graph": (graph, 480),
    "trigger-form": (trigger_form, 900),
    "log": (log, 560),
    "docs": (docs, 560),
    "assets": (assets, 480),
    "plan": (plan, 1130),
    "plan-dark": (plan_dark, 844),
    "policies": (opened, 640),
    "site": (opened, 620),
    "site-flow": (_drawn, 1180),
    "forecast": (opened, 900),
}


def _written(make: Callable[[], str]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / "page.html"
        path.write_text(make(), encoding="utf-8")
        return path

    return write


def _page_of_site(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_sample(folder / "site")
        return folder / "site" / name

    return write


# These need no Airflow: each writes below a folder, and returns the file of the page.
PAGES: Mapping[str, Callable[[Path], Path]] = {
    "plan": _written(plan_page),
    "plan-dark": _written(plan_page),
    "policies": _written(refused_page),
    "site": _page_of_site("index.html"),
    "site-flow": _page_of_site("flows/train.html"),
    "forecast": _written(lambda: forecast_to_html(forecast_to_json(example()))),
}


@contextlib.contextmanager
def _shown(folder: Path, wanted: list[str]) -> Iterator[Callable[[str], str]]:
    """Where each view is found: the page of a file, else the Airflow, which is started if one of them needs it."""
    with contextlib.ExitStack() as stack:
        airflow = None if PAGES.keys() >= set(wanted) else stack.enter_context(stage(folder)).url

        def where(name: str) -> str:
            return PAGES[name](folder).as_uri() if name in PAGES else str(airflow)

        yield where


def main(names: list[str]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as name, _shown(Path(name), names or [*VIEWS]) as where:
        for wanted in names or VIEWS:
            show, height = VIEWS[wanted]
            # What a page keeps of how it was left is not for the next one.
            with browser(Path(name) / f"browser-{wanted}") as context:
                page = context.new_page()
                page.set_default_timeout(180_000)
                page.set_viewport_size({"width": WIDTH, "height": height})
                show(page, where(wanted))
                taken = page.screenshot(path=PICTURES / f"{wanted}.png", animations="disabled", caret="hide")
            if len(taken) > MOST_BYTES:
                sys.exit(f"{wanted}.png has {len(taken):,} bytes, more than {MOST_BYTES:,}")
            print(f"docs/pictures/{wanted}.png  {len(taken):,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])

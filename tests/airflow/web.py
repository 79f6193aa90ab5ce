"""The web interface of a real Airflow, and its trigger forms, as a person uses them with a browser."""

from __future__ import annotations

import contextlib
import json
import pickle
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.airflow.harness import Home
from tests.airflow.scheduler import Process, free_port

SERVE = Path(__file__).with_name("serve.py")
# Everybody may do everything, without a login.
SETTINGS_OF_2 = "AUTH_ROLE_PUBLIC = 'Admin'\n"


@contextlib.contextmanager
def serving(home: Home, seconds: float = 300) -> Iterator[str]:
    """The URL of an Airflow that knows the DAG files of `home`. The time is a limit for a test that fails."""
    port = free_port()
    (home.folder / "webserver_config.py").write_text(SETTINGS_OF_2)
    command = [str(home.airflow.python), str(SERVE), str(port)]
    process = Process("web", command, home.environment(), home.folder)
    url, limit = f"http://127.0.0.1:{port}", time.monotonic() + seconds
    try:
        while not _answers(url):
            assert process.keeper.poll() is None and time.monotonic() < limit, process.log.read_text()[-4000:]
            time.sleep(0.1)
        yield url
    finally:
        process.end()


def _answers(url: str) -> bool:
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Form:
    """The trigger form of one DAG, opened in a browser."""

    home: Home
    page: Page
    dag_id: str

    def fill(self, name: str, text: str) -> None:
        """Replace what is in a field: a number, or one or several lines of text."""
        self.page.locator(f"[name=element_{name}]").fill(text)

    def write(self, name: str, text: str) -> None:
        """Replace what is in an editor for JSON. Some Airflows have a field of text for it, or a switch that is off."""
        field = self.page.locator(f"[name=element_{name}]")
        editor = self.page.locator(f"[name=element_{name}] + .CodeMirror textarea, #element_{name} [contenteditable]")
        if editor.count():
            editor.focus()
            editor.press("Control+a")
            self.page.keyboard.insert_text(text)
        elif field.get_attribute("type") == "checkbox":
            self.switch(name)
        else:
            # Text needs no quotes there.
            value = json.loads(text)
            field.fill(value if isinstance(value, str) else text)

    def switch(self, name: str) -> None:
        """Click on a switch, which lies over the box for a boolean."""
        self.page.locator(f"label:has([name=element_{name}])").click()

    def can_be_sent(self) -> bool:
        """Whether the browser lets a person send the form as it is."""
        if self.home.airflow.is_2:
            return bool(self.page.locator("#trigger_form").evaluate("form => form.checkValidity()"))
        return self._button().is_enabled()

    def press_trigger(self) -> None:
        """Press the button, and wait for Airflow's answer."""
        if self.home.airflow.is_2:
            # What the page itself does a moment after it was opened, and a person is not faster than that.
            self.page.evaluate("updateJSONconf()")
            with self.page.expect_navigation():
                self._button().click()
            return
        with self.page.expect_response(lambda answer: answer.request.method == "POST" and "dagRuns" in answer.url):
            self._button().click()

    def confs(self) -> list[dict[str, Any]]:
        """The conf of each run of the DAG, the newest last, as it is in Airflow's database."""
        with contextlib.closing(sqlite3.connect(self.home.folder / "airflow.db")) as database:
            rows = database.execute("select conf from dag_run where dag_id = ? order by id", [self.dag_id]).fetchall()
        return [dict(pickle.loads(conf) if self.home.airflow.is_2 else json.loads(conf)) for (conf,) in rows]

    def _button(self) -> Locator:
        within = self.page if self.home.airflow.is_2 else self.page.get_by_role("dialog")
        return within.get_by_role("button", name="Trigger").last


def open_form(home: Home, url: str, page: Page, dag_id: str) -> Form:
    """The form as a person gets it who wants to trigger the DAG."""
    if home.airflow.is_2:
        page.goto(f"{url}/dags/{dag_id}/trigger")
    else:
        page.goto(f"{url}/dags/{dag_id}")
        page.get_by_role("button", name="Trigger").first.click()
        page.locator("[name^=element_]").first.wait_for()
    return Form(home, page, dag_id)

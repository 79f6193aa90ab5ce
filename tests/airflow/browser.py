"""A real browser: headless Chromium of the machine, which Debian's package manager installs where it is missing."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from tests.airflow.harness import cache, locked

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox: tests may run as root. The others keep it from asking its maker for anything.
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[BrowserContext]:
    """A browser that has never been used, whose files are in a folder."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder, executable_path=chromium(), headless=True, args=OPTIONS, viewport={"width": 1400, "height": 1000}
        )
        try:
            yield context
        finally:
            context.close()


def chromium() -> str:
    """The path of the browser, installed by the first who asks. Others wait, in other processes too."""
    cache().mkdir(parents=True, exist_ok=True)
    with locked(cache() / "chromium.lock"):
        found = _found() or _installed()
    if found is None:
        pytest.fail(
            "the tests of the trigger form need Chromium: install it (apt-get install chromium), or name its program "
            "in MFDEPLOY_CHROMIUM"
        )
    return found


def _found() -> str | None:
    named = os.environ.get("MFDEPLOY_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


def _installed() -> str | None:
    """By apt, which asks for root. None where that cannot be."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "--quiet"], ["install", "--quiet", "--yes", "--no-install-recommends", NAMES[0]]):
        # What it says of a failure is in the report of the test that fails for want of a browser.
        subprocess.run(["apt-get", *arguments], env=environment, check=False, timeout=600)
    return _found()

from __future__ import annotations

import io

import pytest

from deployer.views.page import Page
from deployer.views.terminal import terminal_of


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "width", "colour"),
    [
        (io.StringIO(), {}, 120, False),
        (io.StringIO(), {"COLUMNS": "70", "FORCE_COLOR": "1"}, 70, False),
        (Screen(), {"COLUMNS": "100"}, 100, True),
        (Screen(), {"COLUMNS": "wide"}, None, True),
        (io.StringIO(), {"COLUMNS": "9" * 5000}, 120, False),
        (io.StringIO(), {"COLUMNS": "99999"}, 120, False),
        (Screen(), {"NO_COLOR": "1"}, None, False),
        (Screen(), {"TERM": "dumb"}, None, False),
    ],
)
def test_what_a_stream_can_show(stream: io.StringIO, environ: dict[str, str], width: int | None, colour: bool) -> None:
    terminal = terminal_of(stream, environ)
    assert terminal.colour is colour
    assert width is None or terminal.width == width


@pytest.mark.parametrize("name", ["TERM", "NO_COLOR", "FORCE_COLOR", "COLUMNS"])
def test_the_environment_changes_no_page(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def text() -> str:
        page = Page(60, colour=True)
        page.line(("word " * 30, "red"), indent=2)
        return page.text()

    before = text()
    monkeypatch.setenv(name, "dumb" if name == "TERM" else "33")
    assert text() == before
    assert "\x1b[31m" in before


def test_markup_is_text() -> None:
    page = Page(60, colour=True)
    page.line("[red]:smile: 12 'x' http://a[/red]")
    assert page.text() == "[red]:smile: 12 'x' http://a[/red]\n"

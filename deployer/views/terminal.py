"""What a stream can show: whether it is a terminal, how wide, and whether in colour."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_WIDTH_OF_A_FILE = 120
_DIGITS = 5  # of no screen's width


@dataclass(frozen=True)
class Terminal:
    """`width` in columns; `colour` only on a terminal whose user did not set NO_COLOR."""

    interactive: bool
    width: int
    colour: bool


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """What `stream` can show. COLUMNS, where it is a number, is stronger than the terminal's own size."""
    interactive = stream.isatty()
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and len(columns) < _DIGITS and int(columns):
        width = int(columns)
    else:
        width = shutil.get_terminal_size((80, 24)).columns if interactive else _WIDTH_OF_A_FILE
    colour = interactive and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Terminal(interactive, width, colour)

"""The capabilities of an output stream: whether it is a terminal, its width, and whether it shows colour."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_WIDTH_OF_A_FILE = 120
_DIGITS = 5  # more than the width of any terminal has


@dataclass(frozen=True)
class Terminal:
    """`width` in columns; `colour` only on a terminal whose user did not set NO_COLOR."""

    interactive: bool
    width: int
    colour: bool


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """The capabilities of `stream`. COLUMNS, if it is a number, overrides the size of the terminal."""
    interactive = stream.isatty()
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and len(columns) < _DIGITS and int(columns):
        width = int(columns)
    else:
        width = shutil.get_terminal_size((80, 24)).columns if interactive else _WIDTH_OF_A_FILE
    colour = interactive and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Terminal(interactive, width, colour)

"""What a stream of this process can show."""

from __future__ import annotations

import os
from typing import TextIO

from deployer.views.terminal import Terminal, terminal_of

# Where rich and Typer read a width; they take the second one for a number without a look.
_WIDTHS = ("COLUMNS", "TERMINAL_WIDTH")
_MOST_DIGITS = 4


def terminal(stream: TextIO) -> Terminal:
    """Whether `stream` is a terminal, how wide it is, and whether to use colour: as the process environment says."""
    return terminal_of(stream, os.environ)


def has_sound_width() -> bool:
    """Whether each width in the process environment is one that a terminal can have."""
    widths = [os.environ[name] for name in _WIDTHS if os.environ.get(name)]
    return all(width.isdecimal() and len(width) <= _MOST_DIGITS and int(width) > 0 for width in widths)

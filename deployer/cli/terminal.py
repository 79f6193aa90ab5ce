"""What a stream of this process can show."""

from __future__ import annotations

import os
from typing import TextIO

from deployer.views.terminal import Terminal, terminal_of


def terminal(stream: TextIO) -> Terminal:
    """Whether `stream` is a terminal, how wide it is, and whether to use colour: as the process environment says."""
    return terminal_of(stream, os.environ)

"""Lines of styled text, wrapped to a width: the output of every view for a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

Part = str | tuple[str, str]
"""A string, or a string and its rich style. Strings are literal: rich markup is not interpreted."""

NARROWEST = 40


class Page:
    """Collects lines. `width` is in columns; without `colour` no escape sequence is written."""

    def __init__(self, width: int = 80, colour: bool = False) -> None:
        self.width = max(width, NARROWEST)
        self._file = io.StringIO()
        # rich reads from the environment what is not given, and uses 80 columns on a dumb terminal if the height is
        # not given.
        self._console = Console(
            file=self._file,
            width=self.width,
            height=100,
            color_system="standard" if colour else None,
            force_terminal=colour,
            no_color=not colour,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def line(self, *parts: Part, indent: int = 0, hang: int = 2) -> None:
        """A line that wraps; continuation lines are indented by `hang` more columns."""
        self._write(_assemble([" " * indent]), _assemble([" " * (indent + hang)]), parts)

    def entry(self, label: Part, *parts: Part, indent: int, label_width: int) -> None:
        """A label, and text in a second column, which it keeps when it wraps."""
        first = _assemble([" " * indent, label])
        first.pad_right(indent + label_width - first.cell_len)
        self._write(first, _assemble([" " * (indent + label_width)]), parts)

    def blank(self) -> None:
        """An empty line."""
        self._file.write("\n")

    def text(self) -> str:
        """Everything so far; the last line ends with a newline."""
        return self._file.getvalue()

    def _write(self, first: Text, rest: Text, parts: Sequence[Part]) -> None:
        room = max(self.width - max(first.cell_len, rest.cell_len), 8)
        lines = _assemble(parts).wrap(self._console, room, overflow="fold") or [_assemble([])]
        for number, line in enumerate(lines):
            whole = (first if number == 0 else rest) + line
            whole.rstrip()
            self._console.print(whole, soft_wrap=True)


def _assemble(parts: Sequence[Part]) -> Text:
    return Text.assemble(*parts)

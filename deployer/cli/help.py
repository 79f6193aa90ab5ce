"""Help pages: Typer's rich ones on a terminal, its plain ones elsewhere, so that a pipe or a file gets no frames.

What makes the rich pages takes 0.2 s to import; a script that asks for help does not wait for it.
"""

from __future__ import annotations

import io
import re
import sys
from contextlib import redirect_stdout
from typing import Any, Literal, TextIO

import typer
from typer.core import TyperOption

from deployer.cli import DONE
from deployer.cli.options import NO_TYPE
from deployer.cli.output import write
from deployer.cli.terminal import has_sound_width, terminal

# Typer's own methods and callbacks get the base class of `typer.Context`, which has no public name.
AnyContext = Any
Markup = Literal["rich"] | None
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class _Page(io.StringIO):
    """Takes a page that Typer prints for `stream`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self.colour = terminal(stream).colour

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Decides whether frames are drawn with other characters than those of ASCII."""
        return self._stream.encoding

    def isatty(self) -> bool:
        return self.colour


def rich_markup() -> Markup:
    """How Typer makes pages of help for standard output."""
    return "rich" if terminal(sys.stdout).interactive and has_sound_width() else None


def render_help(context: AnyContext, stream: TextIO) -> str:
    """The page of help of a command, for `stream`."""
    page = _Page(stream)
    with redirect_stdout(page):
        text = context.get_help()  # empty where it was printed with rich
    shown = page.getvalue() or f"{text}\n"
    # Typer takes some CI systems for a terminal in colour, whatever NO_COLOR says.
    return shown if page.colour else _STYLE.sub("", shown)


def examples_epilog(examples: str, markup: Markup) -> str:
    """Example command lines for the end of a page, each on a line of its own."""
    lines = "\n".join(f"  $ {line}" for line in examples.strip().splitlines())
    # A plain page wraps a paragraph without this mark. A rich one keeps the lines, but without a blank line before them
    # takes the indentation away.
    return f"\nExamples:\n{lines}" if markup else f"\b\nExamples:\n{lines}"


def print_help(context: AnyContext, option: object, asked: bool) -> None:
    """The callback of ``--help``: help is a result like any other, and refused where it cannot be written."""
    if asked and not context.resilient_parsing:
        write(render_help(context, sys.stdout))
        raise typer.Exit(DONE)


def use_checked_output(option: TyperOption) -> None:
    """Have Typer's ``--help`` printed by us."""
    option.callback = print_help
    as_plain_flag(option)


def as_plain_flag(option: TyperOption) -> None:
    """Make a flag of Typer's own look and behave as ours: without a type, and False when it is not given.

    It is None otherwise. Typer converts that with pydantic, whose import takes longer than the rest of a page of help.
    """
    if option.is_flag and option.default is None:
        option.default = False
        option.metavar = NO_TYPE

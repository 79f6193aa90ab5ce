"""What would change in the source of DAG files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from deployer.models.visible import escape_controls

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def source_diffs(sources: Mapping[str, tuple[str, str]], colour: bool = False) -> dict[str, str]:
    """The unified diff of each DAG file that differs; `sources` maps files to their (deployed, planned) content."""
    diffs = {file: _diff(file, *sources[file], colour) for file in sorted(sources)}
    return {file: diff for file, diff in diffs.items() if diff}


def _diff(file: str, before: str, after: str, colour: bool) -> str:
    name = escape_controls(file)
    names = (f"deployed/{name}" if before else "/dev/null", f"planned/{name}" if after else "/dev/null")
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return "".join(f"{_paint(line, number, colour)}\n" for number, line in enumerate(lines))


def _paint(line: str, number: int, colour: bool) -> str:
    text = line[:1] + escape_controls(line[1:])
    if not colour:
        return text
    if number < 2:  # the two lines that name the file
        return f"{_BOLD}{text}{_RESET}"
    paint = _COLOURS.get(line[:1], "")
    return f"{paint}{text}{_RESET}" if paint else text

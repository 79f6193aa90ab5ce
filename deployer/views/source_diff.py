"""What would change in the text of DAG files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from deployer.views.escape_controls import escape_controls, mask

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def source_diffs(
    sources: Mapping[str, tuple[str, str]], colour: bool = False, secrets: frozenset[str] = frozenset()
) -> dict[str, str]:
    """The unified diff of each DAG file whose text differs; `sources` maps files to (deployed, planned) texts."""
    diffs = {file: _one(file, *sources[file], colour, secrets) for file in sorted(sources)}
    return {file: diff for file, diff in diffs.items() if diff}


def _one(file: str, before: str, after: str, colour: bool, secrets: frozenset[str]) -> str:
    name = escape_controls(file)
    old, new = mask(before, secrets).splitlines(), mask(after, secrets).splitlines()
    names = (f"deployed/{name}" if before else "/dev/null", f"planned/{name}" if after else "/dev/null")
    lines = difflib.unified_diff(old, new, *names, lineterm="")
    return "".join(f"{_paint(line, number, colour)}\n" for number, line in enumerate(lines))


def _paint(line: str, number: int, colour: bool) -> str:
    text = line[:1] + escape_controls(line[1:])
    if not colour:
        return text
    if number < 2:  # the two lines that name the file
        return f"{_BOLD}{text}{_RESET}"
    paint = _COLOURS.get(line[:1], "")
    return f"{paint}{text}{_RESET}" if paint else text

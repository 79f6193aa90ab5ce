"""Text of others in Markdown, as code: nothing in it is interpreted."""

from __future__ import annotations

import re


def code_span(text: str) -> str:
    """`text`, one line that is not empty, as a code span with a fence longer than any run of backticks in it."""
    fence = "`" * (_longest_run(text) + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def block_fence(text: str) -> str:
    """The line around a code block of `text`: longer than any run of backticks in it."""
    return "`" * max(3, _longest_run(text) + 1)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)

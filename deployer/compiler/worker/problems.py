"""Problems of a flow: where, what, what to do. The client adds the lines of the manifest."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from metaflow.exception import MetaflowException

from ..protocol import Problem

Result = TypeVar("Result")


class FlowError(Exception):
    """The flow cannot be compiled, for the reasons given."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


def together(*parts: Callable[[], Result]) -> list[Result]:
    """The results of functions that do not depend on each other. Raises FlowError with the problems of all that do."""
    results: list[Result] = []
    problems: list[Problem] = []
    for part in parts:
        try:
            results.append(part())
        except FlowError as error:
            problems += error.problems
    if problems:
        raise FlowError(*dict.fromkeys(problems))
    return results


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the most similar known name; empty if none is similar."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


def one_line(text: str) -> str:
    """A message of Metaflow in one line, without the asterisks around words that it highlights on a terminal."""
    return re.sub(r"\*([^*\s](?:[^*]*[^*\s])?)\*", r"\1", " ".join(text.split()))


def location_of(error: BaseException, folder: Path) -> tuple[str, int]:
    """File and line of the innermost frame of the user's own code; ``("", 0)`` if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 1
    found = ("", 0)
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        if path.is_absolute() and folder in path.parents and "site-packages" not in path.parts:
            found = (frame.filename, frame.lineno or 1)
    return found


def refusal_text(error: MetaflowException) -> str:
    """A MetaflowException in one line, with its headline where that says more than that something failed."""
    text = one_line(error.message)
    plain = error.headline in ("Flow failed", "Validity checker found an issue")
    return text if plain else f"{error.headline}: {text}"


def describe_error(error: BaseException) -> str:
    """Type and text of an exception, as the last line of a traceback shows them."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

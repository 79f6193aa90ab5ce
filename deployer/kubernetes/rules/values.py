"""Violations, and the pieces that rules are made of: types, words, lists and maps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]


class Violation(NamedTuple):
    """A value that Kubernetes or Metaflow would refuse, or drop.

    `path` starts with the attribute: ``("tolerations", 0, "operator")``; `message` does not repeat it. `of_key` is true
    if the last key of the path is wrong, not its value.
    """

    path: Path
    message: str
    hint: str = ""
    code: str = "bad-value"
    of_key: bool = False


# What is wrong with a value at a path; nothing for one that is right.
Rule = Callable[[Any, Path], Iterator[Violation]]
# What is expected of a text, in words; empty for a text that is right.
Syntax = Callable[[str], str]


def dotted(path: Path) -> str:
    """``tolerations[0].operator``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def found(value: Any) -> str:
    """A value in words, short enough for a message."""
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return f"the text {shorten(value)!r}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"the number {value!r}"
    return shorten(repr(value))


def shorten(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def wrong(expected: str, value: Any, path: Path, hint: str = "") -> Violation:
    """The violation of a value that is not what is expected."""
    return Violation(path, f"expected {expected}, found {found(value)}", hint)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known name which is meant; empty if none is similar."""
    names = list(known)
    plain = _plain(name)
    same = [each for each in names if _plain(each) == plain]
    close = same or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(names)}" if names else ""


def _plain(name: str) -> str:
    """A name without what people write differently: capital letters, `_` and `-`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def boolean(value: Any, path: Path) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield wrong("True or False", value, path)


def whole(value: Any, path: Path) -> Iterator[Violation]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield wrong("a whole number", value, path)


def between(least: int, most: int) -> Rule:
    """A whole number of a range."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield wrong(f"a whole number from {least} to {most}", value, path)

    return check


def text(value: Any, path: Path) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield wrong("text", value, path)


def word(*words: str) -> Rule:
    """One of some words, in the letters that Kubernetes writes them with."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, str) or value not in words:
            hint = nearest(value, words) if isinstance(value, str) else ""
            *most, last = words
            yield wrong(f"{', '.join(most)} or {last}", value, path, hint)

    return check


def named(what: str, syntax: Syntax) -> Rule:
    """A text of a form; `what` says what it names."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, str):
            yield wrong("text", value, path)
        elif expected := syntax(value):
            yield Violation(path, f"{shorten(value)!r} is not {what}", _repaired(value, syntax, expected))

    return check


def or_empty(rule: Rule) -> Rule:
    """An empty text stands for an absent value."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if value != "":
            yield from rule(value, path)

    return check


def _repaired(value: str, syntax: Syntax, expected: str) -> str:
    """What is expected, with the text that is probably meant."""
    meant = re.sub(r"[^a-z0-9.-]+", "-", value.lower()).strip("-.")
    return f"expected {expected}" if not meant or syntax(meant) else f"expected {expected}, as in {meant!r}"


def each(rule: Rule) -> Rule:
    """A list, with a rule for its items."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, (list, tuple)):
            yield wrong("a list", value, path)
            return
        for number, item in enumerate(value):
            yield from rule(item, (*path, number))

    return check


def mapping(what: str, key_syntax: Syntax, rule: Rule) -> Rule:
    """A map, with a syntax for its keys and a rule for its values; `what` says what a key is."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            yield wrong("a map", value, path)
            return
        for key, item in value.items():
            below = (*path, str(key))
            expected = key_syntax(key) if isinstance(key, str) else "text"
            if expected:
                message = f"{shorten(str(key))!r} is not {what}"
                yield Violation(below, message, f"expected {expected}", of_key=True)
            yield from rule(item, below)

    return check


def optional(rule: Rule) -> Rule:
    """None stands for an absent value."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if value is not None:
            yield from rule(value, path)

    return check


def fields(rules: Mapping[str, Rule]) -> Rule:
    """A map with fixed keys, each of which may be absent or None."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if not isinstance(value, Mapping):
            yield wrong("a map", value, path)
            return
        for key, item in value.items():
            below = (*path, str(key))
            if key not in rules:
                message = f"unknown key {shorten(str(key))!r}"
                yield Violation(below, message, nearest(str(key), rules), "unknown-key", of_key=True)
            elif item is not None:
                yield from rules[key](item, below)

    return check

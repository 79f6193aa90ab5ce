"""A parsed document: plain values that remember where they were written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeGuard

from deployer.errors import Diagnostic, Location, Severity

Path = tuple[str | int, ...]


class SecretText(str):
    """A text that came from `${env...}`: it keeps its mark through merges and never shows in a repr.

    `written` is the text with the references in the place of their values, `references` each of them with its value.
    """

    __slots__ = ("references", "written")

    written: str
    references: tuple[tuple[str, str], ...]

    def __new__(cls, value: str, written: str = "***", references: tuple[tuple[str, str], ...] = ()) -> SecretText:
        made = super().__new__(cls, value)
        made.written, made.references = written, references
        return made

    def __repr__(self) -> str:
        return "SecretText('***')"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `text` is how it was written; `plain` says that it was written without quotes.

    A `broken` scalar has no usable value, and that has been reported: nothing else about it is. In a scalar that
    `varies`, somebody gave a variable another value than the declared one; `declared` is the text with the declared
    values, or None if a variable has none. `verbatim` is where the first character of the value stands, if the file has
    the value as it is; it is known below `policies:` only.
    """

    value: str | int | float | bool | None
    location: Location
    text: str = ""
    plain: bool = True
    broken: bool = False
    varies: bool = False
    declared: str | None = None
    verbatim: Location | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple[Node, ...]
    location: Location


class Entry(NamedTuple):
    """A key's location and its value."""

    key: Location
    node: Node


@dataclass(frozen=True, slots=True)
class Map:
    """A map. `short` says that it was written as one scalar (``retries: 3``), so paths stop before its key."""

    entries: dict[str, Entry]
    location: Location
    short: bool = False

    def get(self, *names: str) -> Node | None:
        """The node below, or None where a key is absent or the node above it is not a map."""
        node: Node | None = self
        for name in names:
            entry = node.entries.get(name) if isinstance(node, Map) else None
            node = entry.node if entry else None
        return node


Node = Scalar | Items | Map


def to_data(node: Node) -> Any:
    """The node as dicts, lists and scalars."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [to_data(item) for item in node.nodes]
    return {name: to_data(entry.node) for name, entry in node.entries.items()}


def is_text(node: Node | None) -> TypeGuard[Scalar]:
    """Whether a node is a text that can be checked further: present, not empty, not broken."""
    return isinstance(node, Scalar) and isinstance(node.value, str) and node.value != "" and not node.broken


def dotted(path: Iterable[str | int]) -> str:
    """``flows.train.tags[2]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[str, Location]]:
    """Each setting's dotted path with its location: scalars and whole lists."""
    if not isinstance(node, Map):
        yield dotted(path), node.location
        return
    for name, entry in node.entries.items():
        yield from leaves(entry.node, (*path, name))


def locations(node: Node, path: Path) -> Iterator[tuple[str, Location]]:
    """Each setting's dotted path with its location, as `leaves` does, and that of each map's key."""
    if not isinstance(node, Map):
        yield dotted(path), node.location
        return
    for name, entry in node.entries.items():
        below = (*path, name)
        if isinstance(entry.node, Map):
            yield dotted(below), entry.key
        yield from locations(entry.node, below)


def has_broken(node: Node) -> bool:
    """Whether a scalar of the node is broken."""
    if isinstance(node, Scalar):
        return node.broken
    if isinstance(node, Map):
        return any(has_broken(entry.node) for entry in node.entries.values())
    return any(map(has_broken, node.nodes))


def describe(node: Node) -> str:
    """What was found, in words: ``the text 'x'``."""
    if isinstance(node, Map):
        return "a map"
    if isinstance(node, Items):
        return "a list"
    value = node.value
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SecretText):
        return "a secret text"
    if isinstance(value, str):
        return f"the text {shorten(value)!r}"
    return f"the number {node.text or value}"


def shown(node: Scalar) -> str:
    """The value as a message may hold it: of a secret the references alone."""
    return node.value.written if isinstance(node.value, SecretText) else str(node.value)


def shorten(text: str, limit: int = 60) -> str:
    """`text` cut to a length that a message can hold."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


@dataclass
class Report:
    """The problems found so far. `errors` counts those that leave nothing to compile."""

    found: list[Diagnostic] = field(default_factory=list)
    errors: int = 0

    def error(self, code: str, message: str, location: Location | None, path: Path = (), hint: str = "") -> None:
        """Add an error."""
        self.errors += 1
        self.found.append(Diagnostic(code, message, location, dotted(path), hint))

    def refuse(self, code: str, message: str, location: Location | None, path: Path = (), hint: str = "") -> None:
        """Add an error with which the flows can still be compiled: it is reported together with theirs."""
        self.found.append(Diagnostic(code, message, location, dotted(path), hint))

    def warn(self, code: str, message: str, location: Location | None, path: Path = (), hint: str = "") -> None:
        """Add a warning."""
        self.found.append(Diagnostic(code, message, location, dotted(path), hint, Severity.WARNING))

"""YAML text to nodes: strict, bounded, every value with its location.

Works on libyaml's events and not on PyYAML's composer: events need no recursion, so depth and size are refused before
they cost anything, and no tag ever builds an object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from deployer.errors import Diagnostic, Location
from deployer.manifest.nodes import Entry, Items, Map, Node, Scalar, dotted, shorten
from deployer.manifest.scalars import resolve

MAX_BYTES: Final = 10_000_000
MAX_DEPTH: Final = 50
MAX_COPIES: Final = 100_000  # nodes that aliases may add to a file
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ParseError(Exception):
    """A file cannot be read as a document; what was read of it is not to be used."""

    def __init__(self, code: str, message: str, location: Location, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, location, path, hint)


def parse(data: bytes, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """The document of a file and what is wrong in it; None for an empty document or one that cannot be used.

    `file` is the name for locations.
    """
    reader = _Reader(file)
    try:
        node = reader.read(_decode(data, file))
    except ParseError as error:
        return None, [*reader.problems, error.diagnostic]
    return node, reader.problems


def _decode(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise ParseError(
            "yaml-syntax", f"the file has {len(data):,} bytes, at most {MAX_BYTES:,} are read", Location(file)
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        location = Location(file, before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise ParseError("yaml-syntax", message, location, "save the file as UTF-8") from None
    return text


@dataclass
class _Open:
    """A list or map whose end has not been read."""

    location: Location
    anchor: str | None
    is_map: bool
    tagged: bool = False  # what a tag would make of it is not known
    entries: dict[str, Entry] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    key: tuple[str, Location] | None = None
    skip: bool = False  # the next value belongs to a key that was refused
    size: int = 1
    depth: int = 1


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.anchors: dict[str, tuple[Node, int, int]] = {}  # node, its size, its depth
        self.copies = 0
        self.lines: list[str] = []

    def location(self, mark: Any) -> Location:
        return Location(self.file, mark.line + 1, mark.column + 1)

    def path(self, *names: str) -> str:
        """Where in the document the reader is."""
        holders = (
            (holder.key[0] if holder.key else None) if holder.is_map else len(holder.nodes) for holder in self.open
        )
        return dotted([*(part for part in holders if part is not None), *names])

    def problem(self, code: str, message: str, location: Location, hint: str = "", path: str = "") -> None:
        self.problems.append(Diagnostic(code, message, location, path, hint))

    def read(self, text: str) -> Node | None:
        """The document. Raises ParseError."""
        documents = 0
        self.lines = text.splitlines()
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    self.check_document(event, documents)
                else:
                    self.take(event)
        except yaml.MarkedYAMLError as error:
            raise _syntax_error(error, text, self.file) from None
        except yaml.reader.ReaderError as error:
            raise _unreadable(error, text, self.file) from None
        return self.root

    def check_document(self, event: Any, number: int) -> None:
        if number > 1:
            raise ParseError(
                "yaml-syntax",
                "a second document starts here, expected one in each file",
                self.location(event.start_mark),
            )
        if event.version or event.tags:
            raise ParseError("yaml-syntax", "YAML directives (%YAML, %TAG) are not supported", Location(self.file))

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self.take_scalar(event)
        elif isinstance(event, yaml.AliasEvent):
            self.take_alias(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self.start(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.end()

    def start(self, event: Any) -> None:
        location = self.location(event.start_mark)
        if len(self.open) >= MAX_DEPTH:
            message = f"lists and maps are nested more than {MAX_DEPTH} deep"
            raise ParseError("too-large", message, location, path=shorten(self.path()))
        tagged = self.refuse_tag(event, location)
        if self.expects_key():
            self.refuse_key("a list or map", location)
        self.open.append(_Open(location, event.anchor, isinstance(event, yaml.MappingStartEvent), tagged))

    def end(self) -> None:
        done = self.open.pop()
        node: Node = Map(done.entries, done.location) if done.is_map else Items(tuple(done.nodes), done.location)
        if done.tagged:
            node = Scalar(None, done.location, broken=True)
        self.add(node, done.size, done.depth, done.anchor)

    def take_scalar(self, event: Any) -> None:
        location = self.location(event.start_mark)
        broken = self.refuse_tag(event, location)
        plain = bool(event.implicit[0])
        if self.expects_key():
            self.take_key(event.value, plain, location)
            return
        value: Any = event.value.replace("\0", "")
        if "\0" in event.value:
            broken = True
            hint = "no process, file or database takes one"
            self.problem("bad-text", "the text holds a NUL character", location, hint, self.path())
        elif plain:
            try:
                value = resolve(event.value)
            except ValueError as error:
                self.problem("bad-number", str(error), location, "put it in quotes if it is text", self.path())
                broken = True
        verbatim = self.verbatim(event) if self.is_of_a_policy() else None
        self.add(Scalar(value, location, event.value, plain, broken, verbatim=verbatim), 1, 0, event.anchor)

    def is_of_a_policy(self) -> bool:
        return bool(self.open) and self.open[0].key is not None and self.open[0].key[0] == "policies"

    def verbatim(self, event: Any) -> Location | None:
        """Where the value stands in the file as it is, so that a part of it has a place; None where YAML changes it."""
        line, column = event.start_mark.line, event.start_mark.column + (event.style in ("'", '"'))
        values = event.value.split("\n")
        # Blank lines at the beginning of a block do not say how far it is indented.
        blank = next((number for number, value in enumerate(values) if value), 0)
        if event.style == "|":
            line += 1
            written = self.line(line + blank)
            column = len(written) - len(written.lstrip(" "))
        elif len(values) > 1:
            return None
        is_there = self.line(line + blank).startswith(values[blank], column)
        return Location(self.file, line + 1, column + 1) if is_there else None

    def line(self, number: int) -> str:
        """A line of the file, from 0; empty beyond its end."""
        return self.lines[number] if number < len(self.lines) else ""

    def take_key(self, text: str, plain: bool, location: Location) -> None:
        holder = self.open[-1]
        if plain and text == "<<":
            hint = "write the keys out, or put what is shared in `defaults`"
            self.problem("merge-key", "merge keys (<<) are not supported", location, hint, self.path())
            holder.skip = True
            return
        try:
            is_text = "\0" not in text and (not plain or isinstance(resolve(text), str))
        except ValueError:
            is_text = False
        if not is_text:
            found = f"{shorten(text)}" if text else "nothing"
            hint = f'put it in quotes: "{text}"'
            self.problem("bad-key", f"expected a name as key, found {found}", location, hint, self.path())
            holder.skip = True
        elif text in holder.entries:
            first = holder.entries[text].key
            message = f"the key {shorten(text)!r} is already at line {first.line}"
            self.problem("duplicate-key", message, location, "keep one of the two", self.path(text))
            holder.skip = True
        else:
            holder.key = (text, location)

    def take_alias(self, event: Any) -> None:
        location = self.location(event.start_mark)
        if self.expects_key():
            self.refuse_key("an alias", location)
        known = self.anchors.get(event.anchor)
        if known is None:
            # Also an alias inside its own anchor: anchors count once their value is complete.
            raise ParseError(
                "yaml-syntax", f"the alias *{shorten(event.anchor)} has no anchor before it", location, "", self.path()
            )
        node, size, depth = known
        self.copies += size
        if self.copies > MAX_COPIES or len(self.open) + depth > MAX_DEPTH:
            raise ParseError("too-large", f"aliases repeat more than {MAX_COPIES:,} values", location, "", self.path())
        self.add(node, size, depth, None)

    def add(self, node: Node, size: int, depth: int, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size, depth)
        if not self.open:
            self.root = node
            return
        holder = self.open[-1]
        holder.size += size
        holder.depth = max(holder.depth, depth + 1)
        if not holder.is_map:
            holder.nodes.append(node)
        elif holder.key is not None:
            name, location = holder.key
            holder.entries[name] = Entry(location, node)
            holder.key = None
        else:
            holder.skip = False

    def expects_key(self) -> bool:
        return bool(self.open) and self.open[-1].is_map and self.open[-1].key is None and not self.open[-1].skip

    def refuse_key(self, found: str, location: Location) -> None:
        raise ParseError("bad-key", f"expected a name as key, found {found}", location, "", self.path())

    def refuse_tag(self, event: Any, location: Location) -> bool:
        """Report a tag; what has one has no value that can be used."""
        if event.tag is None:
            return False
        hint = "put the value in quotes if it is text" if event.tag.endswith(":str") else "remove it"
        self.problem("yaml-tag", f"YAML tags are not supported, found {_tag(event.tag)}", location, hint, self.path())
        return True


def _tag(tag: str) -> str:
    return shorten(tag.replace("tag:yaml.org,2002:", "!!") if tag.startswith("tag:yaml.org,2002:") else tag)


def _syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> ParseError:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return ParseError("yaml-syntax", str(error.problem or error), Location(file))
    location = Location(file, mark.line + 1, mark.column + 1)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    message = error.problem or "the YAML cannot be read"
    if error.context and error.context_mark and error.context_mark.line != mark.line:
        message += f" ({error.context} that starts at line {error.context_mark.line + 1})"
    return ParseError("yaml-syntax", message, location, _syntax_hint(message, line, mark.column))


def _syntax_hint(message: str, line: str, column: int) -> str:
    at = line[column : column + 1]
    before = line[max(column - 1, 0) : column]
    if at == "\t" or "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces, not with a tab"
    if at in ("@", "`", "%") or before in ("*", "&", "!") or at in ("*", "&"):
        return f"put a value that starts with {at if at in ('@', '`', '%', '*', '&') else before} in quotes"
    if "${" in line and ("flow mapping" in message or "'}'" in message):
        return "put ${...} in quotes inside { }"
    if "mapping values" in message:
        return "put a value that contains ': ' in quotes, or check the indentation"
    return ""


def _unreadable(error: yaml.reader.ReaderError, text: str, file: str) -> ParseError:
    # PyYAML counts in the whole text and names no line: the first character that YAML excludes is found again.
    code = ord(error.character) if isinstance(error.character, str) else int(error.character)
    position = text.find(chr(code))
    before = text[: max(position, 0)]
    location = Location(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
    return ParseError("yaml-syntax", f"the character U+{code:04X} is not allowed in YAML", location)

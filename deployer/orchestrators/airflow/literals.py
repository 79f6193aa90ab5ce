"""Builds Python source from data. Values of users get into a DAG file only through this module.

Only the functions here can build a `Source`, and the template environment writes nothing else. So a value can never
become code, and evaluating a literal gives the value that it was made from.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime, timedelta, timezone

WIDTH = 110
_SEAL = object()


@dataclass(frozen=True)
class Source:
    """A piece of Python source that is safe to write unchanged."""

    text: str
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("build a Source with the functions of this module, such as literal() and identifier()")

    def __str__(self) -> str:
        return self.text


def finalize(value: object) -> str:
    """The source of a value that a template writes. Raises TypeError for anything but a Source."""
    if isinstance(value, Source):
        return value.text
    raise TypeError(f"a template tried to write a raw {type(value).__name__}: {value!r}")


def literal(value: object, indent: int = 0, width: int = WIDTH, breaks: str = "\n") -> Source:
    """`value` (None, bool, int, finite float, str, list, tuple, mapping with str keys) as a Python literal.

    Mappings are sorted by key. A value that does not fit into `width` columns is split into lines that are indented by
    `indent` columns, a string after each of its `breaks`. Raises TypeError or ValueError for other values.
    """
    return Source(_write(_sorted(value), indent, width - indent, breaks), _SEAL)


def ordered_literal(value: object, indent: int = 0) -> Source:
    """Like `literal`, but mappings keep the order of their keys: for the values that a flow gets."""
    return Source(_write(value, indent, WIDTH - indent, "\n"), _SEAL)


def triple_quoted(text: str) -> Source:
    """A readable string literal: in triple quotes if they represent exactly `text`, else a plain literal."""
    readable = all(character.isprintable() or character == "\n" for character in text)
    source = f'"""{text}"""'
    if readable and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return Source(source, _SEAL)
    return literal(text)


def lines_of(text: str) -> Source:
    """Like `triple_quoted`, but the string starts on its own line."""
    source = triple_quoted(text).text
    if source.startswith('"""'):
        return Source(f'"""\\\n{source[3:]}', _SEAL)
    return Source(source, _SEAL)


def identifier(name: str, taken: Collection[str] = ()) -> Source:
    """`name` as a valid variable name that is not a keyword, a builtin or in `taken`."""
    cleaned = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not cleaned or cleaned[0].isdigit():
        cleaned = f"_{cleaned}"
    while (
        cleaned in taken or keyword.iskeyword(cleaned) or keyword.issoftkeyword(cleaned) or hasattr(builtins, cleaned)
    ):
        cleaned += "_"
    return Source(cleaned, _SEAL)


def constant(name: str) -> Source:
    """A name that the renderer itself chose. Raises ValueError if it is not a valid name."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise ValueError(f"not a valid name: {name!r}")
    return Source(name, _SEAL)


def duration(value: timedelta) -> Source:
    """A call of `timedelta` with the largest unit that needs no fraction: days, hours, minutes or seconds."""
    seconds = value.total_seconds()
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds and seconds % size == 0:
            return Source(f"timedelta({unit}={int(seconds // size)})", _SEAL)
    whole = int(seconds) if seconds == int(seconds) else seconds
    return Source(f"timedelta(seconds={whole!r})", _SEAL)


def utc_datetime(value: datetime) -> Source:
    """A call of `datetime` in UTC, to the second. `value` must be aware."""
    at = value.astimezone(timezone.utc)
    parts = [at.year, at.month, at.day, at.hour, at.minute, at.second]
    while len(parts) > 3 and not parts[-1]:
        parts.pop()
    return Source(f"datetime({', '.join(map(str, parts))}, tzinfo=timezone.utc)", _SEAL)


def call(
    function: str, positional: Sequence[Source], keywords: Mapping[str, Source], indent: int, before: int = 0
) -> Source:
    """A call of a function that the DAG file has: on one line if it fits after `before` columns, else on several."""
    arguments = [source.text for source in positional]
    arguments += [f"{constant(name)}={source.text}" for name, source in keywords.items()]
    line = f"{constant(function)}({', '.join(arguments)})"
    if indent + before + len(line) < WIDTH and "\n" not in line:
        return Source(line, _SEAL)
    space = " " * (indent + 4)
    inner = "".join(f"{space}{argument},\n" for argument in arguments)
    return Source(f"{function}(\n{inner}{' ' * indent})", _SEAL)


def task_call(function: str, task_id: str, argument: str) -> Source:
    """A call of a task function of the DAG file that makes a task with the id `task_id`."""
    return Source(f"{constant(function)}.override(task_id={literal(task_id)})({literal(argument)})", _SEAL)


def output(name: Source) -> Source:
    """The output of an operator."""
    return Source(f"{name.text}.output", _SEAL)


def attribute(owner: Source, name: str) -> Source:
    """An attribute that the renderer itself chose."""
    return Source(f"{owner.text}.{constant(name)}", _SEAL)


def assignment(name: Source, value: Source) -> Source:
    """An assignment of `value` to the variable `name`."""
    return Source(f"{name.text} = {value.text}", _SEAL)


def names(found: Sequence[Source]) -> Source:
    """A single variable, or a list of several."""
    text = ", ".join(source.text for source in found)
    return Source(text if len(found) == 1 else f"[{text}]", _SEAL)


def list_of(found: Sequence[Source], indent: int = 0) -> Source:
    """A list of sources: on one line, or each on its own where that is too long."""
    line = f"[{', '.join(source.text for source in found)}]"
    if indent + len(line) < WIDTH:
        return Source(line, _SEAL)
    inner = "".join(f"{' ' * (indent + 4)}{source.text},\n" for source in found)
    return Source(f"[\n{inner}{' ' * indent}]", _SEAL)


def joined(found: Iterable[Source], between: str) -> Source:
    """Sources joined by the Python operator `between`."""
    if between not in (" >> ", " + ", " or "):
        raise ValueError(f"not an operator: {between!r}")
    return Source(between.join(source.text for source in found), _SEAL)


def _sorted(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return type(value)([_sorted(item) for item in value])
    return value


def _write(value: object, indent: int, width: int, breaks: str) -> str:
    line = _one_line(value)
    if len(line) <= width:
        return line
    inner = indent + 4
    space = " " * inner
    if isinstance(value, str):
        parts = _split_after(value, breaks)
        if len(parts) < 2:
            return line
        return "(\n" + "".join(f"{space}{_one_line(part)}\n" for part in parts) + " " * indent + ")"
    if isinstance(value, Mapping) and value:
        items = []
        for key, item in value.items():
            name = f"{_one_line(key)}: "
            items.append(space + name + _write(item, inner, WIDTH - inner - len(name) - 1, breaks) + ",\n")
        return "{\n" + "".join(items) + " " * indent + "}"
    if isinstance(value, (list, tuple)) and value:
        items = [space + _write(item, inner, WIDTH - inner - 1, breaks) + ",\n" for item in value]
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        return opening + "\n" + "".join(items) + " " * indent + closing
    return line


def _one_line(value: object) -> str:
    if value is None or isinstance(value, bool) or type(value) is int:
        return repr(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} has no literal")
        return repr(value)
    if isinstance(value, str):
        return _quoted(str(value))
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a mapping's keys must be strings")
        return "{" + ", ".join(f"{_quoted(key)}: {_one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_one_line(item) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(f"{_one_line(item)}, " for item in value).rstrip() + ")" if value else "()"
    raise TypeError(f"a {type(value).__name__} has no literal here")


def _quoted(text: str) -> str:
    """`repr`, but with double quotes if no escape has to change."""
    source = repr(text)
    if source.startswith("'") and '"' not in text and "'" not in text:
        source = f'"{source[1:-1]}"'
    if ast.literal_eval(source) != text:
        raise ValueError("the string has no literal in Python")
    return source


def _split_after(text: str, breaks: str) -> list[str]:
    """`text` split after each of its `breaks`; the pieces joined give `text`."""
    pieces = text.split(breaks)
    return [piece + breaks for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])

"""The expressions of workflow files, as far as ours use them.

https://docs.github.com/en/actions/reference/evaluate-expressions-in-workflows-and-actions
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>&&|\|\||[!=]=|[!(),]))")

Context = Mapping[str, Any]


def fill(text: object, context: Context) -> str:
    """The value of a key: text with expressions in it."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: as_text(evaluate(found[1], context)), as_text(text))


def condition(step: Mapping[str, Any], context: Context) -> bool:
    """Whether a step or a job runs. What asks for no status runs only while nothing has failed."""
    text = str(step.get("if", "true")).strip()
    text = text.removeprefix("${{").removesuffix("}}") if text.startswith("${{") else text
    asks = any(f"{name}()" in text for name in ("always", "cancelled", "failure"))
    return (asks or not context["failed"]) and bool(evaluate(text, context))


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def evaluate(text: str, context: Context) -> Any:
    tokens = _tokens(text)
    value = _or(tokens, context)
    assert not tokens, f"not understood: {text}"
    return value


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, f"not understood: {text[at:]}"
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _or(tokens: list[str], context: Context) -> Any:
    value = _and(tokens, context)
    while tokens[:1] == ["||"]:
        other = _and(_rest(tokens), context)
        value = value or other
    return value


def _and(tokens: list[str], context: Context) -> Any:
    value = _equal(tokens, context)
    while tokens[:1] == ["&&"]:
        other = _equal(_rest(tokens), context)
        value = value and other
    return value


def _equal(tokens: list[str], context: Context) -> Any:
    value = _unary(tokens, context)
    if tokens[:1] in (["=="], ["!="]):
        same = tokens[0] == "=="
        other = _unary(_rest(tokens), context)
        return (as_text(value).lower() == as_text(other).lower()) == same
    return value


def _unary(tokens: list[str], context: Context) -> Any:
    token = tokens.pop(0)
    if token == "!":
        return not _unary(tokens, context)
    if token == "(":
        value = _or(tokens, context)
        assert tokens.pop(0) == ")"
        return value
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    if tokens[:2] == ["(", ")"]:
        del tokens[:2]
        return _FUNCTIONS[token](context)
    if token in ("true", "false"):
        return token == "true"
    return _look_up(token, context)


def _look_up(name: str, context: Context) -> Any:
    value: Any = context
    for word in name.split("."):
        assert isinstance(value, Mapping), name
        assert value is not context or word in value, f"there is no context {word}"
        value = value.get(word)
        if value is None:
            return None
    return value


def _rest(tokens: list[str]) -> list[str]:
    """The same list, without its first token."""
    del tokens[0]
    return tokens


_FUNCTIONS: Mapping[str, Callable[[Context], bool]] = {
    "always": lambda _: True,
    "cancelled": lambda _: False,
    "failure": lambda context: bool(context["failed"]),
    "success": lambda context: not context["failed"],
}

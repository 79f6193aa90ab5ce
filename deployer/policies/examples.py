"""Runs the examples that policies carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import Diagnostic, nearest
from deployer.models.policies import Example, Policy
from deployer.policies.cel.times import read_timestamp
from deployer.policies.cel.types import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Basic,
    ListType,
    MapType,
    Record,
    Type,
    words_of,
)
from deployer.policies.cel.values import kind_of
from deployer.policies.inputs import input_types
from deployer.policies.rules import BAD_POLICY, Outcome, Rule, evaluate


@dataclass(frozen=True)
class Tested:
    """An example with what came of it."""

    policy: Policy
    example: Example
    number: int
    outcome: Outcome

    @property
    def passed(self) -> bool:
        """Whether the outcome is the expected one."""
        return self.outcome.verdict == ("holds" if self.example.passes else "violated")


def run_examples(rule: Rule) -> tuple[list[Tested], list[Diagnostic]]:
    """The outcome of each example, and what is wrong with the inputs of those that cannot be run."""
    tested: list[Tested] = []
    problems: list[Diagnostic] = []
    for number, example in enumerate(rule.policy.examples):
        found = list(_problems(rule, example, number))
        problems += found
        if not found:
            outcome = evaluate(rule, _variables(rule, example))
            tested.append(Tested(rule.policy, example, number + 1, outcome))
    return tested, problems


def _variables(rule: Rule, example: Example) -> Mapping[str, Any]:
    """The variables of an example; those that it leaves out are null."""
    found: dict[str, Any] = dict.fromkeys(rule.reads) | dict(example.input)
    if isinstance(found.get("now"), str):
        found["now"] = read_timestamp(found["now"])
    return found


def _problems(rule: Rule, example: Example, number: int) -> Iterator[Diagnostic]:
    path = f"{rule.policy.path}.examples[{number}].input"
    kinds = input_types()
    for below, message, hint in _misfits(dict(example.input), Record("the input", kinds), ""):
        yield Diagnostic(BAD_POLICY, message, example.location, path + below, hint)


def _misfits(value: Any, kind: Type, path: str) -> Iterator[tuple[str, str, str]]:
    """Where a value is none of its type: a path, what is wrong, and a hint. Anything may be null or left out."""
    if value is None or kind == DYN:
        return
    if isinstance(kind, Record | MapType) and isinstance(value, dict):
        for name, item in value.items():
            if isinstance(kind, MapType):
                yield from _misfits(item, kind.value, f"{path}.{name}")
            elif name in kind.fields:
                yield from _misfits(item, kind.fields[name], f"{path}.{name}")
            else:
                hint = nearest(name, kind.fields) or f"the fields are {', '.join(kind.fields)}"
                yield f"{path}.{name}", f"unknown field {name!r}", hint
    elif isinstance(kind, ListType) and isinstance(value, list):
        for at, item in enumerate(value):
            yield from _misfits(item, kind.item, f"{path}[{at}]")
    elif not _is_of(value, kind):
        yield path, f"expected {words_of(kind)}, found {kind_of(value)}", ""


def _is_of(value: Any, kind: Type) -> bool:
    if kind == TIMESTAMP:
        return isinstance(value, str) and _is_timestamp(value)
    if not isinstance(kind, Basic):
        return False
    if kind == STRING:
        return isinstance(value, str) and (not kind.words or value in kind.words)
    if kind == BOOL:
        return isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (kind == INT and whole) or (kind == DOUBLE and (whole or isinstance(value, float)))


def _is_timestamp(text: str) -> bool:
    try:
        read_timestamp(text)
    except ValueError:
        return False
    return True

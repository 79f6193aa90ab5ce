"""How the tests ask for the value of an expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.policies.cel import CelError, EvaluationError, Program, check, parse
from deployer.policies.cel.types import DYN, Type


def compiled(text: str, types: Mapping[str, Type] | None = None, wanted: Type = DYN) -> Program | list[CelError]:
    """The program of an expression, or what is wrong with it."""
    try:
        found = check(parse(text), types or {}, wanted)
    except CelError as error:
        return [error]
    return found if isinstance(found, list) else Program(found)


def value_of(text: str, /, **variables: Any) -> Any:
    """The value of an expression over variables of any type. Raises EvaluationError."""
    program = compiled(text, dict.fromkeys(variables, DYN))
    assert isinstance(program, Program), [str(error) for error in program]
    return program.evaluate(variables)


def problem_of(text: str, types: Mapping[str, Type] | None = None, wanted: Type = DYN) -> tuple[str, int, str]:
    """The only thing that is wrong with an expression: the message, where, and the hint."""
    found = compiled(text, types, wanted)
    assert isinstance(found, list), "nothing is wrong"
    (error,) = found
    return error.message, error.at, error.hint


def failure_of(text: str, /, **variables: Any) -> tuple[str, int]:
    """Why the evaluation of an expression fails, and where."""
    try:
        value = value_of(text, **variables)
    except EvaluationError as error:
        return error.message, error.at
    raise AssertionError(f"the value is {value!r}")

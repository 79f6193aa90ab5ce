"""Policies compiled, and what each says of the values of its variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from deployer.errors import Diagnostic, Location, nearest
from deployer.models.policies import Expression, Policy
from deployer.policies.cel import BudgetError, CelError, EvaluationError, Program, check, compile_checked, parse
from deployer.policies.cel.types import BOOL, DYN, STRING, MapType, Record, Type
from deployer.policies.cel.values import kind_of
from deployer.policies.inputs import input_types

BAD_POLICY: Final = "bad-policy"
"""The code of what is wrong with an expression, whatever it is evaluated for."""
MAX_MESSAGE: Final = 1_000  # characters


@dataclass(frozen=True)
class Rule:
    """A policy that can be evaluated. `reads` are the variables of both its expressions."""

    policy: Policy
    program: Program
    message: Program | None
    reads: frozenset[str]


@dataclass(frozen=True)
class Outcome:
    """What a policy says: its rule holds, is violated, or has no value (`failed`).

    `message` is what a violation says, or why there is no value; `location` is then the place in the expression, and
    `spent` says that the evaluation was ended because of its cost.
    """

    verdict: Literal["holds", "violated", "failed"]
    message: str = ""
    hint: str = ""
    location: Location | None = None
    spent: bool = False


HOLDS: Final = Outcome("holds")


def compile_policy(policy: Policy) -> Rule | list[Diagnostic]:
    """The policy as a rule, or everything that is wrong with its expressions, each with its place."""
    rule = _compile(policy, "rule", policy.rule, BOOL)
    message: Program | list[Diagnostic] | None = None
    if policy.message_expression is not None:
        message = _compile(policy, "message_expression", policy.message_expression, STRING)
    problems = [problem for part in (rule, message) if isinstance(part, list) for problem in part]
    problems += _check_field(policy)
    if problems or isinstance(rule, list) or isinstance(message, list):
        return problems
    return Rule(policy, rule, message, rule.reads | (message.reads if message else frozenset()))


def _check_field(policy: Policy) -> list[Diagnostic]:
    """What is wrong with the field that violations point to: with one that nothing has they would point elsewhere."""
    kind = input_types()["after"]
    for name in policy.field.split(".") if policy.field else ():
        if kind == DYN:
            break
        if isinstance(kind, MapType):
            kind = kind.value
        elif isinstance(kind, Record) and name in kind.fields:
            kind = kind.fields[name]
        elif isinstance(kind, Record) and name == "*":
            kind = DYN
        else:
            fields = kind.fields if isinstance(kind, Record) else ()
            hint = nearest(name, fields) or (f"the fields are {', '.join(fields)}" if fields else "leave it out")
            path = f"{policy.path}.field"
            return [Diagnostic(BAD_POLICY, f"unknown field {name!r}", policy.field_location, path, hint)]
    return []


def _compile(policy: Policy, key: str, expression: Expression, wanted: Type) -> Program | list[Diagnostic]:
    try:
        found = check(parse(expression.text), input_types(), wanted)
    except CelError as error:
        found = [error]
    if isinstance(found, list):
        return [_diagnostic(policy, key, expression, error) for error in found]
    return compile_checked(found)


def _diagnostic(policy: Policy, key: str, expression: Expression, error: CelError) -> Diagnostic:
    message = f"{error.message} ({_in_expression(expression, error.at)})"
    return Diagnostic(BAD_POLICY, message, expression.place(error.at), f"{policy.path}.{key}", error.hint)


def _in_expression(expression: Expression, at: int) -> str:
    """The place inside the expression, which YAML may have changed."""
    before = expression.text[:at]
    line, column = before.count("\n") + 1, at - before.rfind("\n")
    return f"column {column} of the expression" if line == 1 else f"line {line}, column {column} of the expression"


def evaluate(rule: Rule, variables: Mapping[str, Any]) -> Outcome:
    """What the rule says of these variables, which have at least those that it reads."""
    try:
        value = rule.program.evaluate(variables)
    except EvaluationError as error:
        return _failed(rule.policy.rule, error)
    if value is True:
        return HOLDS
    if value is not False:
        return Outcome("failed", f"the rule is {kind_of(value)}, expected a bool", location=rule.policy.rule.location)
    return Outcome("violated", *_message(rule, variables))


def _failed(expression: Expression, error: EvaluationError) -> Outcome:
    message = f"{error.message} ({_in_expression(expression, error.at)})"
    return Outcome("failed", message, error.hint, expression.place(error.at), isinstance(error, BudgetError))


def _message(rule: Rule, variables: Mapping[str, Any]) -> tuple[str, str]:
    """What a violation says, and a hint: `message` where the expression for it fails, as in Kubernetes."""
    expression = rule.policy.message_expression
    if rule.message is None or expression is None:
        return rule.policy.message, ""
    try:
        text = rule.message.evaluate(variables)
    except EvaluationError as error:
        return rule.policy.message, f"its message_expression failed: {_failed(expression, error).message}"
    if not isinstance(text, str) or not text.strip():
        return rule.policy.message, "its message_expression gave no text"
    return (text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} ..."), ""


Values = Mapping[str, Callable[[], Any]]
"""What gives the value of each variable."""


class Input:
    """The variables of one change, each made when the first rule reads it."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._known: dict[str, Any] = {}

    def of(self, rule: Rule) -> Mapping[str, Any]:
        """The variables that a rule reads."""
        for name in rule.reads:
            if name not in self._known:
                self._known[name] = self._values[name]()
        return self._known

"""Expressions that would take for ever, need all memory, or break the stack: each is ended by a count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.policies.cel import BudgetError, CelError, EvaluationError, Program, parse
from tests.policies.language import compiled, failure_of, problem_of, value_of

TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"


def nested(inner: str, wrap: str, times: int) -> str:
    for number in range(times):
        inner = wrap.format(inner=inner, number=number)
    return inner


EXPENSIVE = {
    "loops in loops": nested("true", TEN + ".all(v{number}, {inner})", 12),
    "lists of lists": nested(TEN, TEN + ".map(v{number}, {inner})", 12),
    "strings that double": nested("['aaaaaaaaaa']", "{inner}.map(v{number}, v{number} + v{number})", 35),
    "lists that double": nested("[[1]]", "{inner}.map(v{number}, v{number} + v{number})", 35),
    "strings that grow": "'aaaaaaaaaa'" + ".replace('a', 'aaaaaaaaaaaaaaaaaaaa')" * 12,
    "failures that are absorbed": nested("1 / 0 == 1", TEN + ".all(v{number}, {inner})", 12) + " || true",
}


@pytest.mark.parametrize("text", EXPENSIVE.values(), ids=EXPENSIVE)
def test_an_evaluation_that_costs_too_much_is_ended(text: str) -> None:
    program = compiled(text)
    assert isinstance(program, Program)
    with pytest.raises(BudgetError, match="takes more than 1,000,000 steps"):
        program.evaluate({})


def test_large_values_are_charged() -> None:
    large = {str(number): number for number in range(2_000)}
    message, at = failure_of("large.all(a, large.all(b, a != b || true))", large=large)
    assert (message, at) == ("the evaluation takes more than 1,000,000 steps", 19)
    assert value_of("large.all(a, large[a] >= 0)", large=large) is True


# Patterns that Python's own engine would look at for years.
PATTERNS = ("(a+)+$", "^(a|a)*$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_regular_expressions_take_linear_time(pattern: str) -> None:
    assert value_of("text.matches(pattern)", text="a" * 20_000 + "!", pattern=pattern) is False


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)b", "look-around, including look-ahead and look-behind, is not supported"),
        (r"(a)\1", "backreferences are not supported"),
        ("((a{1000}){1000}){1000}", "SchemaError: Compiled regex exceeds size limit of 10485760 bytes."),
    ],
)
def test_patterns_that_cannot_be_linear_are_refused(pattern: str, reason: str) -> None:
    message, at, _ = problem_of(f"'a'.matches(r'{pattern}')")
    assert message.endswith(f"is not a regular expression: {reason}")
    assert at == 12


def test_a_long_pattern_is_refused() -> None:
    assert problem_of(f"'a'.matches('{'a' * 1001}')")[0] == "the pattern has 1,001 characters, at most 1,000 are read"


DEEP = {
    "brackets": "(" * 3_000 + "1" + ")" * 3_000,
    "lists": "[" * 3_000,
    "signs": "!" * 3_000 + "true",
    "calls": "size(" * 1_500,
    "conditions": "true ? 1 : " * 800 + "1",
    "sums": " + ".join("1" * 1_000),
    "fields": "a" + ".a" * 3_000,
    "indexes": "a" + "[0]" * 3_000,
    "maps": "{1:" * 1_500,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_expressions_are_refused(text: str) -> None:
    message, _, _ = problem_of(text)
    assert "deep" in message or "too many signs" in message


def test_long_expressions_are_refused() -> None:
    expected = ("the expression has 10,001 characters, at most 10,000 are read", 0, "")
    assert problem_of("1" + " " * 10_000) == expected
    assert value_of(" || ".join(["false"] * 900)) is False


@given(st.text(alphabet="ab.([{)]}'\"\\r0x19 \n!&|=<>+-*/%?:,_in", max_size=60))
def test_any_text_is_an_expression_or_an_error_with_a_place_in_it(text: str) -> None:
    try:
        parse(text)
    except CelError as error:
        assert 0 <= error.at <= len(text)


OPERANDS = st.sampled_from(["1", "2.5", "'a'", "true", "null", "[1, 'a']", "{'a': 1}", "x", "x.a", "x['b']", "[]"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "in", "&&", "||"])


@given(st.lists(st.tuples(OPERANDS, OPERATORS), min_size=1, max_size=6), OPERANDS)
def test_any_expression_has_a_value_or_an_error(parts: list[tuple[str, str]], last: str) -> None:
    text = " ".join(f"{operand} {operator}" for operand, operator in parts) + f" {last}"
    try:
        value_of(text, x={"a": 2, "b": [1]})
    except EvaluationError as error:
        assert 0 <= error.at <= len(text)
    except AssertionError:
        pass  # found by the check of types

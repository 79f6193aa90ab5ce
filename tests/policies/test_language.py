"""The language: what is an expression, what it means, and where it says that something is wrong.

Where Google's implementation is installed (Python 3.11 and later), each expression has the same value there.
"""

from __future__ import annotations

import importlib
import importlib.util
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from deployer.policies.cel.types import BOOL, INT, STRING, ListType, Record, from_schema
from tests.policies.language import failure_of, problem_of, value_of

UTC = timezone.utc
# An expression and its value.
VALUES: dict[str, Any] = {
    "1 + 2 * 3": 7,
    "(1 + 2) * 3": 9,
    "7 / 2": 3,
    "-7 / 2": -3,
    "-7 % 3": -1,
    "7.0 / 2.0": 3.5,
    "1.0 / 0.0 > 1e308": True,
    "-9223372036854775808": -(2**63),
    "0x1F": 31,
    "1e3": 1000.0,
    ".5": 0.5,
    "10 - 3 - 2": 5,
    "-(-3)": 3,
    "!!true": True,
    "'a' + \"b\"": "ab",
    "'''a\nb'''": "a\nb",
    r"r'\d\n'": r"\d\n",
    r"'\u00e4\x41\101\n'": "äAA\n",
    "true ? 1 : 2": 1,
    "false ? 1 : true ? 2 : 3": 2,
    "1 < 2 && 'a' < 'b' && false < true": True,
    "[1, 2] == [1, 2]": True,
    "[1, 2] + [3]": [1, 2, 3],
    "{'a': 1}.a": 1,
    "{'a': 1}['a']": 1,
    "{'a': {'b': 2}}.a.b": 2,
    "[1, 2, 3][1]": 2,
    "'a' in {'a': 1}": True,
    "2 in [1, 2]": True,
    "has({'a': 1}.a)": True,
    "has({'a': 1}.b)": False,
    "dyn(1) == dyn(1.0)": True,
    "dyn(1) == dyn('1')": False,
    "dyn(1) == dyn(true)": False,
    "dyn(1) < dyn(1.5)": True,
    "size('äb')": 2,
    "[1, 2].size()": 2,
    "size({'a': 1})": 1,
    "'mfdeploy'.startsWith('mf') && 'mfdeploy'.endsWith('oy') && 'mfdeploy'.contains('dep')": True,
    "'abc'.matches('b')": True,
    "'abc'.matches('^b')": False,
    "matches('abc', '[a-c]{3}$')": True,
    "int('12') + int(1.9)": 13,
    "double('1.5') + double(1)": 2.5,
    "string(12) + string(true) + string(1.5)": "12true1.5",
    "bool('true')": True,
    "[1, 2, 3].all(x, x > 0)": True,
    "[1, 2, 3].exists(x, x > 2)": True,
    "[1, 2, 3].exists_one(x, x > 1)": False,
    "[1, 2, 3].filter(x, x > 1)": [2, 3],
    "[1, 2, 3].map(x, x * 2)": [2, 4, 6],
    "[1, 2, 3].map(x, x > 1, x * 2)": [4, 6],
    "{'a': 1, 'b': 2}.all(key, key < 'c')": True,
    "[].all(x, x > 0) && ![].exists(x, x > 0)": True,
    "[[1], [2, 3]].map(x, x.map(x, x + 1))": [[2], [3, 4]],
    # One decisive part decides, even if another fails.
    "false && 1 / 0 == 1": False,
    "1 / 0 == 1 && false": False,
    "true || 1 / 0 == 1": True,
    "1 / 0 == 1 || true": True,
    "[0, 1].exists(x, 1 / x == 1)": True,
    "[0, 2].all(x, 1 / x == 1)": False,
    "timestamp('2026-01-02T03:04:05Z').getDayOfWeek()": 5,
    "timestamp('2026-01-01T23:30:00Z').getDayOfWeek('Europe/Helsinki')": 5,
    "timestamp('2026-01-01T23:30:00Z').getHours('-01:30')": 22,
    "timestamp('2026-01-02T03:04:05.250Z').getMilliseconds()": 250,
    "timestamp('2026-03-01T00:00:00Z').getMonth() + timestamp('2026-03-01T00:00:00Z').getDayOfYear()": 61,
    "timestamp('2026-03-05T00:00:00Z').getDate() - timestamp('2026-03-05T00:00:00Z').getDayOfMonth()": 1,
    "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')": True,
    "timestamp('2026-01-01T00:00:00Z') + duration('90m')": datetime(2026, 1, 1, 1, 30, tzinfo=UTC),
    "duration('1h30m').getMinutes()": 90,
    "duration(duration('90s')).getSeconds()": 90,
    "int(timestamp('1970-01-01T00:01:00Z'))": 60,
    "timestamp(timestamp('2026-01-01T00:00:00Z')).getFullYear()": 2026,
    "duration('1h') - duration('90s') < duration('1h')": True,
    "2.5 * 2.0 - 1.5": 3.5,
    "bool('false')": False,
    "1.5 in [1.5, 2.5] && !('a' in ['b'])": True,
    "[[1], [2]] == [[1], [2]] && {'a': [1]} == {'a': [1]} && {'a': 1} != {'b': 1}": True,
    "duration('1.5s') + duration('500ms')": timedelta(seconds=2),
}
# What Kubernetes has beside the standard, and Google's package for Python has not.
EXTENSIONS: dict[str, Any] = {
    "'aBÄ'.lowerAscii() + 'aB'.upperAscii()": "abÄAB",
    "' a '.trim()": "a",
    "'abc'.split('', 2) + 'ab'.split('') + 'a,b'.split(',', 0) + 'a,b'.split(',', 1)": ["a", "bc", "a", "b", "a,b"],
    "string(2.0) + string(duration('90s')) + string(timestamp('2026-01-01T00:00:00Z'))": "290s2026-01-01T00:00:00Z",
    "'a,b,c'.split(',')": ["a", "b", "c"],
    "'a,b,c'.split(',', 2)": ["a", "b,c"],
    "['a', 'b'].join('-') + ['c'].join()": "a-bc",
    "'banana'.replace('a', 'o', 2)": "bonona",
    "'mfdeploy'.substring(2) + 'mfdeploy'.substring(0, 2)": "deploymf",
    "'banana'.indexOf('an') + 'banana'.lastIndexOf('an')": 4,
    "[1, 2, 1].indexOf(1) + [1, 2, 1].lastIndexOf(1)": 2,
    "[3, 1, 2].min() + [3, 1, 2].max() + [3, 1, 2].sum()": 10,
    "{'a': 1, 'b': 2}.all(key, value, value < 3)": True,
    "[5, 6].exists(index, value, index == 1 && value == 6)": True,
    "[1, 2].existsOne(x, x == 1)": True,
    "null == 1": False,
    "1 == 1.0": True,
    "1 < 2.0": True,
    "null == null": True,
}


@pytest.mark.parametrize("text", [*VALUES, *EXTENSIONS])
def test_an_expression_has_its_value(text: str) -> None:
    expected = {**VALUES, **EXTENSIONS}[text]
    found = value_of(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.skipif(importlib.util.find_spec("cel_expr_python") is None, reason="it needs Python 3.11")
@pytest.mark.parametrize("text", VALUES)
def test_google_s_implementation_says_the_same(text: str) -> None:
    reference = importlib.import_module("cel_expr_python.cel")
    assert reference.NewEnv(variables={}).compile(text).eval(data={}).plain_value() == VALUES[text]


# What cannot be read: the message, the offset, the hint.
SYNTAX = {
    "": ("expected a value, found the end", 0, ""),
    "1 +": ("expected a value, found the end", 3, ""),
    "a b": ("expected the end of the expression, found 'b'", 2, ""),
    "a = b": ("'=' has no meaning here", 2, "write == to compare"),
    "a & b": ("'&' has no meaning here", 2, "write && for and"),
    "f(1": ("expected ')', found the end", 3, ""),
    "[1, 2": ("expected ']', found the end", 5, ""),
    "{'a' 1}": ("expected ':', found '1'", 5, ""),
    "a.1": ("expected the end of the expression, found '.1'", 1, ""),
    "a.": ("expected a field or a function after the point, found the end", 2, ""),
    "'abc": ("the string has no ' at its end", 0, ""),
    "'a\nb'": ("the string has no ' at its end", 0, ""),
    r"'\q'": (r"'\\q' is not an escape sequence", 1, "write the string as r'...' to keep each backslash"),
    r"'\ud800'": (r"'\\ud800' is not an escape sequence", 1, "write the string as r'...' to keep each backslash"),
    "b'a'": ("bytes are not supported", 0, "write a string, without the b"),
    "1u": ("unsigned numbers are not supported", 0, "write 1"),
    "9223372036854775808": ("the number is larger than 9223372036854775807", 0, ""),
    "while": ("'while' is a reserved word of CEL", 0, ""),
    "has(1)": ("has() takes one field, as in has(after.settings.owner)", 0, ""),
    "[1].all(1, true)": ("expected all(x, ...): a name for each item, and what is asked of it", 4, ""),
    "[1].map(x, y, z, 1)": ("expected map(x, ...): a name for each item, and what is asked of it", 4, ""),
    "[1].all(x, x, true)": ("'x' is the name of both", 11, ""),
    "T{a: 1}": ("expected the end of the expression, found '{'", 1, ""),
}


@pytest.mark.parametrize("text", SYNTAX)
def test_a_text_that_is_no_expression_has_its_place(text: str) -> None:
    assert problem_of(text) == SYNTAX[text]


TYPES = from_schema(
    {
        "properties": {
            "flow": {"$ref": "#/$defs/Flow"},
            "action": {"enum": ["create", "update"]},
            "amount": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "anything": {},
            "now": {"type": "string", "format": "date-time"},
        },
        "$defs": {
            "Flow": {
                "type": "object",
                "properties": {
                    "owner": {"type": "string"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "steps": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Step"}},
                    "next": {"$ref": "#/$defs/Flow"},
                },
                "additionalProperties": False,
            },
            "Step": {"type": "object", "properties": {"retries": {"type": "integer"}}, "additionalProperties": False},
        },
    }
)
# What is wrong with an expression whose parts may never be evaluated.
CHECKED = {
    "has(flow.ownr)": ("unknown field 'ownr'", 9, "did you mean 'owner'?"),
    "false && flow.ownr == ''": ("unknown field 'ownr'", 14, "did you mean 'owner'?"),
    "flow.steps.all(s, flow.steps[s].retris > 0)": ("unknown field 'retris'", 32, "did you mean 'retries'?"),
    "flow.steps.all(name, step, step.retris > 0)": ("unknown field 'retris'", 32, "did you mean 'retries'?"),
    "'ownr' in flow || 'owner' in flow": ("unknown field 'ownr'", 0, "did you mean 'owner'?"),
    "flow['ownr'] == ''": ("unknown field 'ownr'", 5, "did you mean 'owner'?"),
    "flow.qqq == ''": ("unknown field 'qqq'", 5, "the fields are owner, tags, steps, next"),
    "flw.owner == ''": ("unknown variable 'flw'", 0, "did you mean 'flow'?"),
    "flow.tags.exists(t, s == '')": (
        "unknown variable 's'",
        20,
        "the variables are t, flow, action, amount, anything, now",
    ),
    "flow.tags.exist(flow)": ("unknown function 'exist'", 10, "did you mean 'exists'?"),
    "size(flow.owner) > 0 && flow.owner.startWith('a')": (
        "unknown function 'startWith'",
        35,
        "did you mean 'startsWith'?",
    ),
    "startsWith(flow.owner, 'a')": ("unknown function 'startsWith'", 0, "write x.startsWith(...)"),
    "flow.owner.int() > 1": ("unknown function 'int'", 11, "write int(x)"),
    "action == 'creat'": ("it is never 'creat'", 10, "did you mean 'create'?"),
    "action in ['create', 'delete']": ("it is never 'delete'", 21, "it is one of create, update"),
    "flow.owner == 1": ("a string is never equal to a whole number", 11, ""),
    "1 in flow.tags": ("a whole number is never equal to a string", 2, ""),
    "'a' in flow.owner": ("'in' is of a list or the keys of a map, found a string", 4, ""),
    "flow.owner > 1": ("> does not take a string and a whole number", 11, ""),
    "flow.owner + 1 == ''": ("+ does not take a string and a whole number", 11, ""),
    "amount + 1.0 > 0.0": ("+ does not take a whole number and a number", 7, ""),
    "flow.owner && true": ("&& is of bools, found a string", 5, ""),
    "flow.owner ? true : false": ("a condition is a bool, found a string", 5, ""),
    "flow.tags.all(t, t)": ("what all() asks of each item is a bool, found a string", 17, ""),
    "flow.owner.all(t, true)": ("all() is of a list or a map, found a string", 11, ""),
    "flow.tags['a'] == ''": ("the index of a list is a whole number, found a string", 10, ""),
    "flow.steps[1].retries > 0": ("the keys are strings, found a whole number", 11, ""),
    "flow.owner[0] == ''": ("a string has no items", 10, ""),
    "flow.owner.name == ''": ("a string has no field 'name'", 11, ""),
    "flow.owner.matches('(a')": ("'(a' is not a regular expression: unclosed group", 19, ""),
    "flow.owner.split() == []": ("split() does not take a string", 11, ""),
    "now > '2026-01-01'": ("> does not take a timestamp and a string", 4, ""),
    "flow.owner": ("expected a bool as the result, found a string", 5, ""),
}


@pytest.mark.parametrize("text", CHECKED)
def test_what_cannot_be_right_is_found_without_values(text: str) -> None:
    assert problem_of(text, TYPES, BOOL) == CHECKED[text]


def test_everything_that_is_wrong_is_reported() -> None:
    from tests.policies.language import compiled

    found = compiled("flow.ownr == '' || flow.tgas == [] || flw", TYPES, BOOL)
    assert isinstance(found, list)
    assert [error.at for error in found] == [5, 24, 38]


def test_a_field_of_any_type_is_not_checked() -> None:
    assert value_of("anything.a.b == 1 && anything.a.b.c == 2 || true", anything={"a": {"b": 1}}) is True


def test_types_of_a_schema() -> None:
    flow = TYPES["flow"]
    assert isinstance(flow, Record)
    assert flow.fields["tags"] == ListType(STRING)
    assert TYPES["amount"] == INT


# Expressions without a value for some variables.
FAILURES = {
    "flow.owner == ''": ("flow has no 'owner' here", 5),
    "flow.a.b == ''": ("flow has no 'a' here", 5),
    "nothing.owner == ''": ("nothing is null and has no field 'owner'", 8),
    "has(nothing.owner)": ("nothing is null and has no field 'owner'", 12),
    "flow['x']": ("the map has no key 'x'", 4),
    "[1][1]": ("the list has 1 items, and none at 1", 3),
    "1 / 0": ("division by zero", 2),
    "1 % 0": ("division by zero", 2),
    "9223372036854775807 + 1": ("the result has more than 64 bits", 20),
    "-(nothing)": ("- is of a number, found null", 0),
    "int('x')": ("'x' is not a whole number", 0),
    "int('１')": ("'１' is not a whole number", 0),
    "double('1_0')": ("'1_0' is not a number", 0),
    "timestamp('Friday')": ("'Friday' is not a timestamp like 2026-01-31T12:00:00Z", 0),
    "duration('1 day')": ("'1 day' is not a duration like 1h30m", 0),
    "timestamp('2026-01-01T00:00:00Z').getHours('Mars')": ("'Mars' is not a timezone", 34),
    "flow.size > 'a'": ("> does not take a whole number and a string", 10),
    "flow.size && true": ("&& is of bools, found a whole number", 5),
    "flow.size ? 1 : 2": ("a condition is a bool, found a whole number", 5),
    "[flow.size].all(x, x)": ("what all() asks of each item is a bool, found a whole number", 19),
    "flow.size.all(x, true)": ("all() is of a list or a map, found a whole number", 10),
    "'a'.matches(nothing)": ("expected a string, found null", 4),
    "'a'.matches(flow.pattern)": ("'(' is not a regular expression: unclosed group", 4),
    "'abc'.substring(2, 1)": ("the string has 3 characters: no part from 2 to 1", 6),
    "[].min()": ("an empty list has no min()", 3),
    "['a', flow.size].sum()": ("expected numbers, found a string", 17),
    "flow.pattern - 1": ("- does not take a string and a whole number", 13),
    "1 % dyn(2.5) == 0": ("% does not take a whole number and a number", 2),
    "!flow.size": ("! is of a bool, found a whole number", 0),
    "'a' in flow.size": ("'in' is of a list or the keys of a map, found a whole number", 4),
    "timestamp('2026-01-01T00:00:00Z') + dyn(timestamp('2026-01-01T00:00:00Z'))": (
        "+ does not take a timestamp and a timestamp",
        34,
    ),
    "timestamp('9999-12-31T00:00:00Z') + duration('48h')": ("the time is out of range", 34),
    "size(flow.size)": ("size() is of a string, a list or a map, found a whole number", 0),
    "int(flow)": ("int() is of a number or a string, found a map", 0),
    "int(1e300)": ("the result has more than 64 bits", 0),
    "double(flow)": ("double() is of a number or a string, found a map", 0),
    "double('x')": ("'x' is not a number", 0),
    "string(flow)": ("string() is of a single value, found a map", 0),
    "bool('maybe')": ("bool() is of 'true' or 'false'", 0),
    "'a'.substring(nothing)": ("expected a whole number, found null", 4),
    "nothing.join()": ("expected a list, found null", 8),
    "[nothing].min() == 1 || ['a', 1].min() == 1": ("min() is of values that can be compared", 10),
    "flow.size.getHours()": ("getHours() is of a timestamp, found a whole number", 10),
    "{[1]: 1}": ("a list cannot be the key of a map", 1),
    "flow.size['a']": ("a whole number has no item by a string", 9),
    "{flow.size: 1, 3: 2}": ("the key 3 is there twice", 15),
}


@pytest.mark.parametrize("text", FAILURES)
def test_what_fails_says_where(text: str) -> None:
    assert failure_of(text, flow={"size": 3, "pattern": "("}, nothing=None) == FAILURES[text]


def test_names_of_a_macro_hide_others_and_come_back() -> None:
    assert value_of("[1, 2].all(x, x > 0) && x == 'outer'", x="outer") is True
    assert value_of("[0].all(x, 1 / x > 0) || x == 'outer'", x="outer") is True

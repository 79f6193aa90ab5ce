from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.models.plan import FileChanges, Plan, Reason
from deployer.models.visible import escape_controls
from deployer.views.escape_controls import pair_text, value_text
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_markdown import MOST_CHARACTERS, code, code_html, plan_to_markdown, prose
from tests.views import samples


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    assert not {unicodedata.category(c) for c in escape_controls(text)} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(escape_controls(text).splitlines()) <= 1


@given(st.text(), st.integers(20, 90))
def test_values_are_short(text: str, limit: int) -> None:
    assert len(value_text(text, limit)) <= max(limit, 40)


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=60, max_size=200))
def test_a_difference_is_in_view(one: str, other: str, common: str) -> None:
    if one[0] != other[0]:
        before, after = pair_text(common + one, common + other)
        assert before != after


@given(st.text())
def test_a_code_span_cannot_be_ended(text: str) -> None:
    span = code(text)
    fence = span[: len(span) - len(span.lstrip("`"))]
    assert span.endswith(fence)
    assert fence not in escape_controls(text)


@given(st.text(alphabet="<>|`@#&*_[]()!\\ \nabc"))
def test_html_and_prose_hold_no_markup(text: str) -> None:
    assert not set("<>|`@") & set(code_html(text).removeprefix("<code>").removesuffix("</code>"))
    plain = prose(text)
    assert all(plain[i - 1] == "\\" for i, c in enumerate(plain) if c in "<>|`@[*_")
    assert "@a" not in plain


@pytest.mark.parametrize("number", [10, 400, 3000])
def test_markdown_keeps_to_its_limit_and_says_so(number: int) -> None:
    files = FileChanges(changed=tuple(f"lib/{'x' * 100}{n}.py" for n in range(30)))
    plan = Plan(tuple(samples.change(f"flow{n}", "update", Reason("code", files=files)) for n in range(number)))
    text = plan_to_markdown(plan_to_json(plan))
    assert len(text) <= MOST_CHARACTERS
    assert ("see the full plan" in text) == (number > 10)

"""Characters that show as nothing or as a blank: values that differ in one of them look different wherever they are."""

from __future__ import annotations

import unicodedata

import pytest

from deployer.errors import Diagnostic, Location
from deployer.models.visible import escape_controls
from deployer.views.diagnostics import diagnostics_to_text
from deployer.views.escape_controls import pair_text, value_text
from deployer.views.plan_markdown import code, code_html, prose

INVISIBLE = {
    "Hangul fillers": "\u3164\uffa0\u115f\u1160",
    "empty braille": "\u2800",
    "blanks": "\xa0\u1680\u2000\u2007\u200a\u202f\u205f\u3000",
    "of no width": "\u200b\u200c\u200d\u2060\ufeff\xad\u180e\u034f",
    "directions": "\u202a\u202e\u2066\u2069\u061c\u200f",
    "selectors": "\ufe0f\ufe00\U000e0100\u180b",
    "tags": "\U000e0041\U000e007f",
    "nothing": "\U0001d159\u17b4\ufff0\uffff",
    "private": "\ue000\U000f0000",
    "line ends": "\u2028\u2029\x85\v\f",
}
SHOWN = (
    "plain text, with (punctuation) ~`!",
    "Größe naïve Ελληνικά кириллица 漢字 ひらがな 한국어 ไทยที่ हिन्दी עִבְרִית العربية ✓ → 🙂",
    "Vie\u0302\u0323t cafe\u0301 s\u0307\u0323",
)


@pytest.mark.parametrize("kind", INVISIBLE)
def test_each_is_written_as_its_code(kind: str) -> None:
    for character in INVISIBLE[kind]:
        text = f"a{character}b"
        for shown in (escape_controls(text), value_text(text), code(text), prose(text), code_html(text)):
            assert character not in shown
            assert f"{ord(character):02x}" in shown.lower() or character in "\v\f"
        before, after = pair_text("ab", text)
        assert before != after
        message = diagnostics_to_text([Diagnostic("x", text, Location("m.yaml"), hint=text)])
        assert character not in message


@pytest.mark.parametrize("text", SHOWN)
def test_what_can_be_read_stays(text: str) -> None:
    assert escape_controls(text) == text


def test_marks_that_are_stacked_or_stand_on_nothing() -> None:
    assert escape_controls("e" + "\u0301\u0302\u0303" + "\u0304" * 50).startswith("e\u0301\u0302\u0303\\u0304\\u0304")
    assert escape_controls("e\u0301\u0301") == "e\u0301\\u0301"
    assert escape_controls("\u0301e") == "\\u0301e"
    assert escape_controls("a \u20dd") == "a \\u20dd"
    assert escape_controls("\u200b\u0301") == "\\u200b\\u0301"
    wall = "".join(chr(mark) for mark in range(0x300, 0x34F)) * 20
    assert sum(unicodedata.category(each) == "Mn" for each in escape_controls(f"a{wall}")) == 3


def test_every_format_character_and_blank_of_unicode() -> None:
    for number in range(0x110000):
        character = chr(number)
        if unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs") and character != " ":
            assert character not in escape_controls(character)

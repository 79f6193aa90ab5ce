"""What GitHub's runner makes of our workflow commands, read by its rules."""

from __future__ import annotations

import re

from deployer.errors import Diagnostic, Location, Severity
from deployer.views.annotations import diagnostics_to_annotations, plan_to_annotations
from tests.views import samples

HOSTILE = "a%0A::set-output name=x::y\r\n::stop-commands::z\u2028::error::100%, b: c" + samples.EVIL


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Commands as the runner parses them: a line that begins with ``::``, with its escapes undone."""
    found = []
    for line in re.split(r"\r\n|\r|\n", text.removesuffix("\n")):
        match = re.fullmatch(r"::([a-z-]+)(?: (.*?))?::(.*)", line.lstrip())
        assert match, line
        properties = dict(pair.split("=", 1) for pair in (match[2] or "").split(","))
        found.append((match[1], {name: undo(value) for name, value in properties.items()}, undo(match[3])))
    return found


def undo(text: str) -> str:
    for escape, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_a_problem_is_at_its_line() -> None:
    place = Location("deployments/a.yaml", 3, 5)
    found = Diagnostic("unknown-key", "unknown key 'retrys'", place, "flows.train.retrys", "did you mean 'retries'?")
    assert diagnostics_to_annotations([found]) == (
        "::error file=deployments/a.yaml,line=3,col=5,title=flows.train.retrys::"
        "unknown key 'retrys'; did you mean 'retries'?\n"
    )


def test_a_warning_without_a_place() -> None:
    found = Diagnostic("old", "on its way out", severity=Severity.WARNING)
    assert diagnostics_to_annotations([found]) == "::warning title=old::on its way out\n"


def test_a_whole_line_has_no_column() -> None:
    assert diagnostics_to_annotations([Diagnostic("x", "y", Location("a.py", 7))]) == (
        "::error file=a.py,line=7,title=x::y\n"
    )


def test_no_text_begins_a_command_or_a_property() -> None:
    found = Diagnostic("x", HOSTILE, Location(HOSTILE, 1, 2), HOSTILE, HOSTILE)
    ((kind, properties, message),) = read(diagnostics_to_annotations([found]))
    assert kind == "error"
    assert list(properties) == ["file", "line", "col", "title"]
    assert properties["line"] == "1"
    assert "::stop-commands::z" in message
    assert "100%, b: c" in properties["title"]
    assert "\x1b" not in message


def test_lines_of_a_message_stay_lines() -> None:
    ((_, _, message),) = read(diagnostics_to_annotations([Diagnostic("x", "cannot be loaded:\nTraceback\r\n  boom")]))
    assert message == "cannot be loaded:\nTraceback\n  boom"


def test_violations_and_warnings_of_a_plan() -> None:
    text = plan_to_annotations(samples.VIOLATING)
    assert text.startswith(
        "::error file=a.yaml,line=3,col=12,title=settings.owner::prod/train: owner-in-prod: a flow names its owner\n"
        "::error file=p.yaml,line=9,col=14,title=policy::prod/train: the policy retries could not be evaluated: "
    )
    assert "gpu-limit" not in text  # it is exempted
    assert text.endswith("::warning title=exemption-ended::the exemption from team-tag ended on 2026-01-31\n")
    assert all(line.startswith("::") for line in plan_to_annotations(samples.HOSTILE).splitlines())

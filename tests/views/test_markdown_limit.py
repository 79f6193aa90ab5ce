"""GitHub refuses a comment of more than 65,536 characters: whatever a plan holds, its Markdown is shorter."""

from __future__ import annotations

import re

import pytest
from pydantic import JsonValue

from deployer.models.plan import Action, Change, FieldChange, FileChanges, Plan, Reason, ReasonWord
from deployer.views.plan_json import plan_to_json
from deployer.views.plan_markdown import MOST_CHARACTERS, plan_to_markdown
from tests.views import samples

HUGE = "`*_[]<>#!|~@&$ä" * 6_000
TARGETS = {f"env{number}": HUGE for number in range(3)}


ACTIONS: tuple[Action, ...] = ("create", "update", "delete", "conflict")


def changes(number: int, name: str = "flow", note: str = "", value: JsonValue = 1) -> tuple[Change, ...]:
    """So many changes in seven environments, every action among them."""
    found = []
    for count in range(number):
        action = ACTIONS[count % 4]
        code = Reason("code", files=FileChanges(changed=tuple(f"lib/part_{part}.py" for part in range(12))))
        word: ReasonWord = "conflict" if action == "conflict" else "settings"
        settings = Reason(word, (FieldChange("settings.x", value, "new"),), note=note)
        found.append(samples.change(f"{name}{count}", action, code, settings, environment=f"env{count % 7}"))
    return tuple(found)


PLANS = {
    "changes": Plan(changes(5_000)),
    "values": Plan(changes(8, value=HUGE)),
    "notes": Plan(changes(8, note=HUGE)),
    "names": Plan(changes(8, name=HUGE)),
    "targets": Plan(changes(8), targets=TARGETS),
    "patterns": Plan(changes(8), flows=tuple(f"flow_{number}*" for number in range(20_000)), exclude=(HUGE,)),
    "environments": Plan(
        tuple(samples.change("a", "create", Reason("new"), environment=f"e{n}") for n in range(3_000))
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_it_fits_and_is_whole(name: str) -> None:
    text = plan_to_markdown(plan_to_json(PLANS[name]))
    assert len(text) <= MOST_CHARACTERS
    assert text.startswith("### mfdeploy plan\n\n**Plan: ")
    assert text.count("<details>") == text.count("</details>") == text.count("</summary>")
    assert len(re.findall(r"(?m)^`{3,}", text)) % 2 == 0


def test_what_is_left_out_is_counted() -> None:
    text = plan_to_markdown(plan_to_json(PLANS["changes"]))
    lines = len(re.findall(r"(?m)^- \*\*|^#### ", text))
    assert "\n#### For several changes\n\n- all 1,250 deletes: Airflow stops running it." in text
    assert f"{5_008 - lines:,} more lines left out here" in text
    assert "**Plan: 1,250 to create, 1,250 to update, 1,250 to delete, 1,250 conflicts; 0 unchanged.**" in text


def test_a_huge_value_costs_its_change_no_details() -> None:
    text = plan_to_markdown(plan_to_json(PLANS["values"]))
    assert text.count("<details>") == 8
    assert "left out here" not in text


def test_details_come_after_the_summary_of_all_changes() -> None:
    text = plan_to_markdown(plan_to_json(Plan(changes(8))))
    assert text.rindex("\n- **") < text.index("<details>")

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest

from deployer.commands.schema import schema
from deployer.errors import DeployError
from deployer.models.plan import Plan
from deployer.views.plan_json import plan_from_json, plan_from_text, plan_to_json
from deployer.views.plan_text import plan_to_text
from tests.views import samples


@pytest.mark.parametrize("plan", [samples.EVERYTHING, samples.NOTHING, samples.HOSTILE, samples.AGAINST, Plan(())])
def test_a_plan_comes_back_as_it_was(plan: Plan) -> None:
    text = json.dumps(plan_to_json(plan))
    assert plan_from_text(text) == plan
    # Also what makes no two plans differ: origins, edits, effects.
    assert json.dumps(plan_to_json(plan_from_text(text))) == text
    jsonschema.validate(json.loads(text), schema("plan"), cls=jsonschema.Draft202012Validator)


def test_a_plan_of_an_earlier_version_is_read() -> None:
    """One without what was added since, and with an effect that is no longer written."""
    data = plan_to_json(samples.EVERYTHING)
    for change in data["changes"]:
        del change["values"], change["marks"]
        change["effects"].append({"word": "foreach", "names": ["fit"]})
        for reason in change["reasons"]:
            del reason["sentences"]
            for field in reason["fields"]:
                del field["follows"]
    plan = plan_from_json(data)
    assert plan == samples.EVERYTHING
    assert "max_map_length" not in plan_to_text(plan_to_json(plan))


def edited(*path: Any, value: Any = None, remove: bool = False) -> dict[str, Any]:
    data = copy.deepcopy(plan_to_json(samples.EVERYTHING))
    holder: Any = data
    for part in path[:-1]:
        holder = holder[part]
    if remove:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            edited("format", value=3),
            "plan.json:1: error: format: 3 is the format of a later mfdeploy; this one reads 1 and 2",
        ),
        (edited("format", value=True), "format: "),
        (edited("format", remove=True), "format: None is not a format that this mfdeploy reads (1 and 2)"),
        (edited("extra", value=1), "extra: unknown key"),
        (edited("changes", 1, "adress", value="a"), "changes[1].adress: unknown key; did you mean 'address'?"),
        (edited("changes", 1, "address", remove=True), "changes[1].address: the key is missing"),
        (edited("changes", 1, "action", value="explode"), "changes[1].action: input should be 'create'"),
        (edited("changes", 1, "version", value=3), "changes[1].version: input should be a valid string"),
        (edited("changes", 3, "reasons", 0, "word", value="whim"), "changes[3].reasons[0].word: "),
        (edited("changes", 3, "reasons", 1, "files", "moved", value=[]), "changes[3].reasons[1].files.moved: unknown"),
        (edited("changes", 1, "action", value="none"), "summary: the counts are not those of the changes"),
        (edited("summary", remove=True), "summary: input should be"),
        (edited("summary", "create", value="1"), "summary.create: input should be a valid integer"),
        (edited("targets", value=[]), "targets: input should be"),
        (edited("changes", 1, "after", "graph", "start", value=7), "changes[1].after.graph.start: input should be a"),
        (edited("changes", 1, "after", "graph", "strat", value="a"), "changes[1].after.graph.strat: unknown key; did"),
        (edited("changes", 1, "after", "schedule", "kind", value="event"), "changes[1].after.schedule: input tag"),
        (edited("changes", 1, "after", "schedule", "cron", value="x"), "changes[1].after.schedule.cron: unknown key"),
        (edited("changes", 1, "before", value={"graph": 7}), "changes[1].before.code: the key is missing"),
        (edited("changes", 1, "version", value=float("inf")), "a number is not finite"),
        ([], "error: expected an object, found a value of the type list"),
        ("plan", "error: expected an object, found a value of the type str"),
    ],
)
def test_what_is_no_plan_is_refused(data: Any, expected: str) -> None:
    with pytest.raises(DeployError) as refusal:
        plan_from_json(data, "plan.json")
    assert expected in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "plan.json:1:2: error: not a saved plan"),
        ('{"format": 1, "format": 1}', "the key 'format' is duplicated"),
        ("[" * 100_000, "not a saved plan"),
        ("", "not a saved plan"),
    ],
)
def test_text_that_is_no_plan_is_refused(text: str, expected: str) -> None:
    with pytest.raises(DeployError) as refusal:
        plan_from_text(text, "plan.json")
    assert expected in str(refusal.value)

"""What the log of a task says for a person whom a failure has called."""

from __future__ import annotations

import shlex

import pytest

from deployer.models.deployment import ResolvedPath
from deployer.models.record import UNKNOWN_ORIGIN, Origin
from deployer.orchestrators.airflow.on_call import deployed, resume_command
from deployer.orchestrators.airflow.render import render
from tests.hostile.payloads import payloads
from tests.renderer import flows

COMMIT = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (UNKNOWN_ORIGIN, "prod/train"),
        (Origin(COMMIT, version="0151196c48ba"), "prod/train, version 0151196c48ba, commit 0123456789ab"),
        (Origin(f"{COMMIT}-dirty"), "prod/train, commit 0123456789ab-dirty"),
    ],
)
def test_what_was_deployed(origin: Origin, said: str) -> None:
    assert deployed(flows.deployment(), origin) == said
    flow = flows.linear()
    assert f'DEPLOYED = "{said}"' in render(flows.deployment(), flow, flows.package(flow), origin=origin)


def test_the_command_that_resumes() -> None:
    command = 'eval "$(mfdeploy env train --env prod)" && python flows/train.py resume --origin-run-id'
    assert resume_command(flows.deployment()) == command


@pytest.mark.parametrize("name", payloads())
def test_a_hostile_name_is_one_word_of_the_command(name: str) -> None:
    hostile = ResolvedPath(payloads()[name], "/srv/train.py")
    command = resume_command(flows.deployment(file=hostile))
    assert command.splitlines() == [command]
    words = shlex.split(command)
    assert words[:1] + words[2:4] + words[5:] == ["eval", "&&", "python", "resume", "--origin-run-id"]


def test_items_are_not_handed_on_where_the_manifest_says_so() -> None:
    flow = flows.nested()
    for shown in (True, False):
        text = render(flows.deployment(show_items=shown), flow, flows.package(flow))
        assert 'step.map_index_template = "{{ metaflow_item }}"' in text
        for part in ('"MFDEPLOY_SHOW_ITEMS": "1"', "ITEM_VALUES", 'items_of="all-spread-items"', "xcom_push"):
            assert (part in text) == shown, part
    linear = flows.linear()
    text = render(flows.deployment(), linear, flows.package(linear))
    assert "metaflow_item" not in text and "MFDEPLOY_SHOW_ITEMS" not in text

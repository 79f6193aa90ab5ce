"""Tasks that events started, and tasks whose code publishes some."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compiler.by_hand import Operator, deployed, read

pytestmark = pytest.mark.slow

TRIGGERS = [
    {"timestamp": 1700000001, "id": "UpFlow/1/end/2", "name": "metaflow.UpFlow.end", "type": "run"},
    {"timestamp": None, "id": None, "name": "orders", "type": "event"},
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Operator, Path, list[str]]:
    """Both steps of a run, and what they said."""
    folder = tmp_path_factory.mktemp("events")
    operator = deployed(folder, "publishing.py")
    started = {"MFDEPLOY_EVENTS": "1", "MFDEPLOY_TRIGGERS": json.dumps(TRIGGERS)}
    start = operator.task("start", variables=started)
    in_pod = {"MFDEPLOY_EVENTS": "1", "METAFLOW_KUBERNETES_WORKLOAD": "1"}
    end = operator.task("end", operator.path("start"), variables={**in_pod, "METAFLOW_KUBERNETES_POD_NAME": "p"})
    assert start.returncode == 0, start.stderr
    assert end.returncode == 0, end.stderr
    return operator, folder, [start.stderr, end.stderr]


def test_what_is_published_is_the_result_of_the_step(ran: tuple[Operator, Path, list[str]]) -> None:
    operator, folder, said = ran
    first, second = operator.results["start"]["events"]
    assert (first["name"], first["payload"]) == ("stock.arrived", {"place": "north", "amount": "3", "day": 1})
    assert second["payload"] == {"id": "mine"}
    ids = read(folder, "PublishingFlow", "[run['start'].task.data.first, run['start'].task.data.second]")
    assert ids == [first["id"], "mine"]
    assert "The event stock.arrived is published when the step has succeeded." in said[0]


def test_what_cannot_be_published_is_said(ran: tuple[Operator, Path, list[str]]) -> None:
    operator, folder, said = ran
    assert "Unable to publish the event stock.arrived: Object of type object is not JSON serializable" in said[0]
    assert read(folder, "PublishingFlow", "run['start'].task.data.bad") is None
    # A pod says little as it ends; and what has an address of its own is for Argo, which is not here.
    assert "4000 bytes at most" in read(folder, "PublishingFlow", "run['end'].task.data.error")
    assert "Argo Event (elsewhere) was not published" in said[1]
    assert "end" not in operator.results


def test_a_step_knows_what_started_its_run(ran: tuple[Operator, Path, list[str]]) -> None:
    _, folder, _ = ran
    assert read(folder, "PublishingFlow", "run['start'].task.data.trigger") == [
        ["metaflow.UpFlow.end", "run"],
        ["orders", "event"],
    ]
    metadata = "[run[step].task.metadata_dict.get('execution-triggers') for step in ('start', 'end')]"
    assert read(folder, "PublishingFlow", metadata) == [json.dumps(TRIGGERS), None]

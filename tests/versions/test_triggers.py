"""What starts a flow is read alike with each supported Metaflow, also where functions say it at deploy time."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.models.deployment import ResolvedPath
from tests.compiler.compiling import deployment
from tests.compiling import compile_flows
from tests.versions.metaflows import VERSIONS, interpreter

pytestmark = pytest.mark.versions

AFTER = Path(__file__).parents[1] / "kubernetes" / "triggers" / "after_others.py"
EVENTS = """\
from metaflow import FlowSpec, Parameter, project, step, trigger


def prices(context):
    return "prices"


@project(name="growth")
@trigger(
    events=[
        {"name": "orders", "parameters": {"region": "area"}},
        {"name": prices, "parameters": ["limit", ("share", "part")]},
        "day",
    ]
)
class EventsFlow(FlowSpec):
    region = Parameter("region", required=True)
    limit = Parameter("limit", default=1)
    share = Parameter("share", default=0.5)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_triggers_are_read_alike(version: str, tmp_path: Path) -> None:
    file = tmp_path / "events.py"
    file.write_text(EVENTS)
    python = ResolvedPath("python", interpreter(version))
    deployments = [deployment(each, each.stem, python=python) for each in (AFTER, file)]
    compiled = compile_flows(deployments)
    assert compiled.diagnostics == ()
    after, events = (compiled.flows[each.address].triggers for each in deployments)
    assert [each.name for each in after] == [
        "metaflow.PlainFlow.end",
        "metaflow.growth.prod.LabelsFlow.end",
        "metaflow.growth.test.ada.FeaturesFlow.end",
    ]
    assert {each.name: dict(each.parameters) for each in events} == {
        "day": {},
        "orders": {"region": "area"},
        "prices": {"limit": "limit", "share": "part"},
    }

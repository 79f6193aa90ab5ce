"""The triggers of flows are those of Metaflow's own compiler for Argo Workflows: names, parameters and conditions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployer.models.flow import Flow
from tests.compiler.compiling import deployment, local
from tests.compiling import compile_flows
from tests.kubernetes.argo import compiled
from tests.s3 import BUCKET

pytestmark = pytest.mark.slow

FLOWS = sorted(Path(__file__).with_name("triggers").glob("*.py"))
NAMES = [file.stem for file in FLOWS]
PRINTS = Path(__file__).with_name("argo_triggers.py")
SETTINGS = {
    "METAFLOW_ARGO_EVENTS_EVENT": "metaflow",
    "METAFLOW_ARGO_EVENTS_EVENT_SOURCE": "webhook",
    "METAFLOW_ARGO_EVENTS_SERVICE_ACCOUNT": "events",
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/triggers",
    "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example/flows:1",
    "METAFLOW_KUBERNETES_NAMESPACE": "jobs",
}


@pytest.fixture(scope="module")
def argo(s3: str, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What Metaflow makes of each flow, in the branch `dev` where it has a project."""
    home = tmp_path_factory.mktemp("argo")
    (home / "config_plain.json").write_text(json.dumps({**SETTINGS, "METAFLOW_S3_ENDPOINT_URL": s3}))

    def of_argo(file: Path) -> dict[str, Any]:
        options = ("--branch=dev",) if "@project" in file.read_text() else ()
        return compiled(file, home, "plain", *options, prints=PRINTS)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NAMES, pool.map(of_argo, FLOWS), strict=True))


@pytest.fixture(scope="module")
def ours() -> Mapping[str, Flow]:
    deployments = [deployment(file, file.stem, local()) for file in FLOWS]
    found = compile_flows(deployments)
    assert found.diagnostics == ()
    return {each.name: found.flows[each.address] for each in deployments}


@pytest.mark.parametrize("name", NAMES)
def test_events_and_parameters_are_those_of_argo(name: str, argo: Mapping[str, Any], ours: Mapping[str, Flow]) -> None:
    wanted = [(each["name"], each["type"], each.get("parameters", {})) for each in argo[name]["triggers"]]
    found = [(each.name, each.kind, dict(each.parameters)) for each in ours[name].triggers]
    assert sorted(found, key=str) == sorted(wanted, key=str)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_waits_for_all_events_as_under_argo(name: str, argo: Mapping[str, Any], ours: Mapping[str, Flow]) -> None:
    spec = argo[name]["sensor"]["spec"]
    (trigger,) = spec["triggers"]
    assert "conditions" not in trigger["template"]  # which means that all dependencies are needed
    expressions = [each["expr"] for each in spec["dependencies"] for each in each["filters"]["exprs"]]
    named = {found[1] for text in expressions if (found := re.fullmatch(r"name == '(.*)'", text))}
    assert named == {each.name for each in ours[name].triggers}
    # A required parameter must be in the payload.
    needed = sum(text == "true == true" for text in expressions)
    required = [each.name for each in ours[name].parameters if each.required]
    mapped = [parameter for each in ours[name].triggers for parameter in each.parameters]
    assert needed == len(set(required) & set(mapped))

"""A folder of flows that cannot be deployed, each with the exact messages that its user sees."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from deployer.compiler.client import Compiled
from deployer.models.deployment import Deployment
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiling import compile_flows

CASES = Path(__file__).parent.parent / "errors" / "flows"
# What Metaflow refuses when a decorator is called.
BY_THE_LINE_OF_A_CALL = ("decorator_attribute", "sensor_argument")
NAMES = sorted(path.name for path in CASES.iterdir())
# What the manifest says about a case's flow, where that is what is wrong.
SETTINGS: dict[str, dict[str, Any]] = {
    "unknown_class": {"class_name": "SecondFlo"},
    "class_of_another_name": {"class_name": "TrainFlow"},
    "unknown_decorator": {"decorators": ("retri:times=2", "card")},
    "bad_decorator_option": {"decorators": ("retry:tries=2",)},
    "unknown_config": {"config_values": {"setings": {}}},
    "unknown_step": {"steps": {"strat": {"cpu": 1}}},
    "package_environment": {"package_environment": "pypi"},
    "unknown_environment": {"package_environment": "fast-bakery", "environment": KUBERNETES},
    "bad_branch": {"branch": "pr-12"},
    "parallel": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "several_refusals": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "missing_image": {"environment": KUBERNETES},
    "pod_names": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "pod_values": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "security_context_typo": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "variable_names": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}},
    "no_service": {
        "environment": KUBERNETES.model_copy(update={"metaflow": {"METAFLOW_DEFAULT_METADATA": "service"}}),
        "kubernetes": {"image": "a:1"},
        "steps": {"start": {"secrets": ["metadata"]}},
    },
    "unknown_metadata": {"environment": local(metaflow={"METAFLOW_DEFAULT_METADATA": "servce"})},
    "pod_value": {"environment": KUBERNETES, "kubernetes": {"image": "a:1"}, "steps": {"end": {"labels": {"a": "/"}}}},
}


def _deployment(name: str) -> Deployment:
    return deployment(CASES / name / "flow.py", name, **{"branch": "dev", **SETTINGS.get(name, {})})


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """All cases at once, so that none can disturb another."""
    return compile_flows([_deployment(name) for name in NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_each_bad_flow_is_one_message_with_its_place(
    name: str, compiled: Compiled, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = CASES / name
    addresses = [address for address in compiled.flows if address.endswith(f"/{name}")]
    places = (str(folder), str(folder.relative_to(Path.cwd())))
    found = [
        str(diagnostic)
        for diagnostic in compiled.diagnostics
        if diagnostic.location and str(Path(diagnostic.location.file).parent) in places
    ]
    shown = "".join(f"{line}\n" for line in found) or "compiles\n"
    for place in places:
        shown = shown.replace(f"{place}/", "")
    assert bool(addresses) == (not found)
    expected = folder / "expected.txt"
    if request.config.getoption("--rewrite", default=False):
        expected.write_text(shown, encoding="utf-8")
    wanted = expected.read_text(encoding="utf-8")
    if name in BY_THE_LINE_OF_A_CALL and sys.version_info < (3, 11):
        # There a decorator is called in the line of what it decorates.
        shown, wanted = (re.sub(r"^flow.py:\d+", "flow.py", text) for text in (shown, wanted))
    assert shown == wanted

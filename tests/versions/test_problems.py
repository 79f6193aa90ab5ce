"""With each supported Metaflow: values that Kubernetes refuses, and modules that are not packaged, are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import Diagnostic
from deployer.models.deployment import ResolvedPath
from tests.compiler.compiling import KUBERNETES, deployment
from tests.compiling import compile_flows
from tests.versions.metaflows import VERSIONS, interpreter

pytestmark = pytest.mark.versions

FLOW = """
import sys; from pathlib import Path; sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from metaflow import FlowSpec, kubernetes, resources, step

import near
import shared.tables


class ToldFlow(FlowSpec):
    {decorator}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def found_in(folder: Path, version: str, decorator: str) -> list[Diagnostic]:
    for name in ("shared/__init__.py", "shared/tables.py", "flows/near.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "flows" / "flow.py").write_text(FLOW.format(decorator=decorator))
    python = ResolvedPath(interpreter(version), interpreter(version))
    told = deployment(folder / "flows" / "flow.py", environment=KUBERNETES, kubernetes={"image": "a:1"}, python=python)
    return list(compile_flows([told]).diagnostics)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_wrong_is_told(version: str, tmp_path: Path) -> None:
    (found,) = found_in(tmp_path, version, '@kubernetes(memory="4Gi")')
    assert found.location and found.location.line == 10
    assert "memory: expected a number of MB" in found.message and found.hint == "write 4295"
    (found,) = found_in(tmp_path, version, "@kubernetes(port=70000)")
    assert "port: expected a port from 1 to 65535" in found.message
    (found,) = found_in(tmp_path, version, "@resources(memory=4096)")
    assert found.code == "not-packaged" and found.location and found.location.line == 6
    asks = {"2.15.0": None, "2.16.0": "METAFLOW_PACKAGE = True"}.get(version, 'METAFLOW_PACKAGE_POLICY = "include"')
    assert f"write {asks} into" in found.hint if asks else "METAFLOW_PACKAGE" not in found.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_the_statement_that_is_told_packages_the_module(version: str, tmp_path: Path) -> None:
    (found,) = found_in(tmp_path, version, "@resources(memory=4096)")
    statement = found.hint.partition("write ")[2].partition(" into")[0]
    if not statement:
        pytest.skip("this Metaflow packages the flow's folder alone")
    (tmp_path / "shared" / "__init__.py").write_text(f"{statement}\n")
    flow = deployment(tmp_path / "flows" / "flow.py", python=ResolvedPath(interpreter(version), interpreter(version)))
    compiled = compile_flows([flow])
    assert compiled.diagnostics == ()
    assert any(path.endswith("shared/tables.py") for path in compiled.flows[flow.address].code.files)

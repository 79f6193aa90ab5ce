"""Where a value of a pod was written that Kubernetes would refuse: in the code, in the manifest, or in a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.errors import Location
from tests.compiling import compile_flows

from .compiling import KUBERNETES, deployment

FLOW = """
from metaflow import Config, FlowSpec, StepMutator, config_expr, environment, kubernetes, resources, step


class add_pod(StepMutator):
    def mutate(self, mutable_step):
        mutable_step.add_decorator("kubernetes", deco_kwargs={"port": 70000}, duplicates=mutable_step.OVERRIDE)


class PodFlow(FlowSpec):
    settings = Config("settings", default_value={"memory": "4Gi", "port": 8080})

    @DECORATOR
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
DECORATOR_LINE = 13


def told(folder: Path, decorator: str = "", **changes: Any) -> list[str]:
    """Each problem, and where it is: a line of the flow, or a setting whose location is its line here."""
    text = FLOW.replace("    @DECORATOR\n", f"    {decorator}\n" if decorator else "    # none\n")
    (folder / "flow.py").write_text(text)
    sources = {
        "steps.start.security_context.run_as_user": Location("manifest.yaml", 20),
        "kubernetes.tolerations": Location("manifest.yaml", 21),
        "kubernetes.annotations.a/b/c": Location("manifest.yaml", 22),
        "with": Location("manifest.yaml", 23),
    }
    settings = changes.pop("metaflow", {})
    given = {"kubernetes": {"image": "a:1"}, "sources": sources, **changes}
    environment = KUBERNETES.model_copy(update={"metaflow": settings})
    found = compile_flows([deployment(folder / "flow.py", environment=environment, **given)]).diagnostics
    return [f"{Path(one.location.file).name}:{one.location.line}: {one.message}" for one in found if one.location]


def test_a_value_of_the_code(tmp_path: Path) -> None:
    (found,) = told(tmp_path, "@kubernetes(port=70000)")
    assert found == "flow.py:13: step start: @kubernetes: port: expected a port from 1 to 65535, found the number 70000"


def test_a_value_of_the_code_that_the_manifest_replaces_is_nobodys(tmp_path: Path) -> None:
    assert told(tmp_path, "@kubernetes(port=70000)", kubernetes={"image": "a:1", "port": 80}) == []


def test_a_value_of_the_manifest(tmp_path: Path) -> None:
    """The loader of manifests refuses it before; what is wrong only beside the code is told here."""
    steps = {"start": {"security_context": {"run_as_user": 0}}}
    (found,) = told(tmp_path, '@kubernetes(security_context={"run_as_non_root": True})', steps=steps)
    assert found.startswith("manifest.yaml:20: step start: security_context.run_as_user: the user 0, root, contradicts")


def test_a_key_of_a_map_that_both_have(tmp_path: Path) -> None:
    kubernetes = {"image": "a:1", "annotations": {"a/b/c": "x"}}
    found = told(tmp_path, '@kubernetes(annotations={"d/e/f": "x"})', kubernetes=kubernetes)
    assert [each.partition(" is not")[0] for each in found] == [
        "flow.py:13: step start: @kubernetes: annotations.d/e/f: 'd/e/f'",
        "manifest.yaml:22: step end: annotations.a/b/c: 'a/b/c'",
        "manifest.yaml:22: step start: annotations.a/b/c: 'a/b/c'",
    ]


def test_a_decorator_of_the_manifest(tmp_path: Path) -> None:
    """It is for all steps, and one error."""
    (found,) = told(tmp_path, decorators=("kubernetes:memory=4Gi",))
    assert found == "manifest.yaml:23: memory: expected a number of MB, more than 0, found the text '4Gi'"


def test_variables_of_a_decorator_of_the_manifest(tmp_path: Path) -> None:
    (found,) = told(tmp_path, decorators=('environment:vars={"1ST": "1"}',))
    assert found.startswith("manifest.yaml:23: @environment: '1ST' is not the name")


def test_a_setting_of_metaflow(tmp_path: Path) -> None:
    settings = {"METAFLOW_KUBERNETES_TOLERATIONS": '[{"key": "a", "operator": "Equals"}]'}
    (found,) = told(tmp_path, metaflow=settings)
    assert ": METAFLOW_KUBERNETES_TOLERATIONS: tolerations[0].operator: expected Exists or Equal" in found


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("METAFLOW_KUBERNETES_TOLERATIONS", "{not json", "expected JSON"),
        ("METAFLOW_KUBERNETES_SECRETS", "fine,Not_fine", "'Not_fine' is not the name of a secret"),
        ("METAFLOW_KUBERNETES_MEMORY", "4Gi", "memory: expected a number of MB"),
        ("METAFLOW_KUBERNETES_NAMESPACE", "Team", "'Team' is not the name of a namespace"),
    ],
)
def test_other_settings_of_metaflow(name: str, value: str, message: str, tmp_path: Path) -> None:
    (found,) = told(tmp_path, metaflow={name: value})
    assert name in found and message in found


def test_a_value_of_a_config(tmp_path: Path) -> None:
    (found,) = told(tmp_path, '@resources(memory=config_expr("settings.memory"))')
    assert "memory" in found and "'4Gi'" in found and found.startswith(f"flow.py:{DECORATOR_LINE}")
    assert told(tmp_path, '@kubernetes(port=config_expr("settings.port"))') == []


def test_a_value_of_a_mutator(tmp_path: Path) -> None:
    (found,) = told(tmp_path, "@add_pod")
    assert "port: expected a port" in found and found.startswith("flow.py:")


def test_nothing_is_said_where_there_are_no_pods(tmp_path: Path) -> None:
    text = FLOW.replace("@DECORATOR", '@kubernetes(port=70000)\n    @environment(vars={"1ST": "1"})')
    (tmp_path / "flow.py").write_text(text)
    found = compile_flows([deployment(tmp_path / "flow.py")]).diagnostics
    assert [each.code for each in found] == ["inert"]

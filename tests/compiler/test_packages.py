"""Packages that steps ask for: compared as asked, resolved by an apply alone, installed by the step's script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.flow import Flow
from tests.compiler.compiling import FLOWS, KUBERNETES, deployment, local
from tests.compiling import build_packages, compile_flows

CONDA = deployment("packaged.py", "packaged", KUBERNETES, kubernetes={"image": "a:1"}, package_environment="conda")
ON_S3 = {"datastore_type": "s3"}


@pytest.fixture(scope="module")
def packaged() -> Flow:
    compiled = compile_flows([CONDA])
    assert compiled.diagnostics == ()
    return compiled.flows[CONDA.address]


def test_what_is_compared_is_what_the_code_asks_for(packaged: Flow) -> None:
    assert {step.name: dict(step.packages) for step in packaged.steps} == {
        "start": {"conda": {"numpy": "1.26.4"}},
        "fit": {"conda": {"numpy": "1.26.4", "pandas": "2.2.0"}, "python": "3.11.5"},
        "plain": {},
        "end": {"conda": {"numpy": "1.26.4"}},
    }


def test_the_python_that_applies_is_no_part_of_it(packaged: Flow) -> None:
    assert not [option for step in packaged.steps for option in step.options if "3.1" in option]
    assert packaged.step("start").options == ("--with=conda", "--with=kubernetes", "--environment=conda")


def test_a_plan_asks_no_solver_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bin", "home", "temp"):
        (tmp_path / name).mkdir()
    solver = tmp_path / "bin" / "micromamba"
    solver.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\nexit 1\n')
    solver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{solver.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert compile_flows([CONDA]).flows
    assert build_packages([CONDA], upload=False, user="ann")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_each_environment_has_a_script_of_its_own() -> None:
    [package] = build_packages([CONDA], upload=False, user="ann").values()
    scripts = package.scripts
    assert scripts["start"] == scripts["end"] and len(set(scripts.values())) == 3
    assert "exec python -m mfdeploy_task packaged.py\n" in scripts["plain"]
    assert "bootstrap" not in scripts["plain"]
    for step in ("start", "fit"):
        [line] = [line for line in scripts[step].splitlines() if "metaflow.plugins.pypi.bootstrap" in line]
        identity = line.split()[5]
        assert line.endswith(' "s3" || exit 1')
        assert f"exec $MF_ARCH/{identity}/bin/python -s -m mfdeploy_task packaged.py\n" in scripts[step]


def test_on_a_worker_the_interpreter_that_is_there_installs_them() -> None:
    one = deployment("packaged.py", "packaged", local("s3://acme/x", **ON_S3), package_environment="pypi")
    [package] = build_packages([one], upload=False, user="ann").values()
    assert 'python() { "$MFDEPLOY_PYTHON" "$@"; }\n' in package.scripts["start"]
    assert "exec $MF_ARCH/" in package.scripts["start"]
    assert 'exec "$MFDEPLOY_PYTHON" -m mfdeploy_task' in package.scripts["plain"]


@pytest.mark.parametrize("environment", [local(), local("s3://acme/x", **ON_S3)], ids=["folder", "s3"])
def test_uv_gets_its_lock_and_runs_the_task(environment: object) -> None:
    one = deployment("uv_flow/flow.py", "uv", environment, package_environment="uv")  # type: ignore[arg-type]
    compiled = compile_flows([one])
    assert compiled.diagnostics == ()
    assert any(name.endswith("uv.lock") for name in compiled.flows[one.address].code.files)
    [package] = build_packages([one], upload=False, user="ann").values()
    lines = package.scripts["start"].splitlines()
    assert any("python -m metaflow.plugins.uv.bootstrap" in line for line in lines)
    assert lines[-1] == "exec uv run --no-sync python -m mfdeploy_task flow.py"
    assert 'python() { "$MFDEPLOY_PYTHON" "$@"; }' in lines


def test_a_deploy_time_function_may_ask_the_service_and_a_plan_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_SERVICE_AUTH_KEY", "hush-hush")
    monkeypatch.setenv("METAFLOW_SERVICE_URL", "http://of-somebody")
    one = deployment(FLOWS / "asking.py", environment=local(tmp_path / "datastore"))
    compiled = compile_flows([one])
    assert compiled.flows[one.address].parameters[0].help == ""
    assert "METAFLOW_SERVICE_AUTH_KEY" not in compiled.flows[one.address].environment
    [package] = build_packages([one], upload=True, user="ann").values()
    assert package.parameters == {"first": "hush"}
    assert "hush-hush" not in repr(package)


def test_headers_that_metaflow_cannot_read_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_SERVICE_HEADERS", "hush-hush")
    with pytest.raises(DeployError) as refused:
        build_packages([deployment("linear.py", environment=local(tmp_path))], upload=True, user="ann")
    assert "METAFLOW_SERVICE_HEADERS" in str(refused.value)
    assert "hush-hush" not in str(refused.value)

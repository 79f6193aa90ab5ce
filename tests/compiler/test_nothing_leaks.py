"""Who compiles, where and when leaves no trace: neither in what is compared nor on the disk."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.compiler import client
from deployer.compiler.client import runtime_digest
from deployer.models.deployment import Deployment, ResolvedPath
from tests.compiler.compiling import FLOWS, deployment, local
from tests.compiling import build_packages, compile_flows

NAMES = ("linear.py", "decorated.py", "package_flow/flow.py", "include_flow/flow.py")


def _deployments(folder: Path) -> list[Deployment]:
    return [deployment(folder / name, name) for name in NAMES]


def _tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def test_another_folder_user_home_and_shell_give_equal_flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = compile_flows(_deployments(FLOWS))
    elsewhere = tmp_path / "elsewhere" / "flows"
    shutil.copytree(FLOWS, elsewhere)
    home = tmp_path / "home"
    (home / ".metaflowconfig").mkdir(parents=True)
    setting = {"METAFLOW_DEFAULT_DATASTORE": "s3", "METAFLOW_KUBERNETES_NAMESPACE": "other"}
    (home / ".metaflowconfig" / "config.json").write_text(json.dumps(setting))
    # Metaflow looks for one of these from the working directory upwards.
    (tmp_path / ".metaflow").mkdir()
    (tmp_path / ".metaflow" / "config.json").write_text(json.dumps({"METAFLOW_SERVICE_URL": "http://other"}))
    for name, value in {
        "HOME": str(home),
        "USER": "bob",
        "USERNAME": "bob",
        "METAFLOW_USER": "bob",
        "METAFLOW_DATASTORE_SYSROOT_S3": "s3://bob/s3",
        "METAFLOW_PROFILE": "bob",
        "METAFLOW_DECOSPECS": "retry",
        "PYTHONHASHSEED": "99",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert dict(compile_flows(_deployments(elsewhere)).flows) == dict(here.flows)


def test_a_package_has_the_same_bytes_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = build_packages(_deployments(FLOWS), upload=False, user="ann")
    elsewhere = tmp_path / "flows"
    shutil.copytree(FLOWS, elsewhere)
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    monkeypatch.setenv("USER", "bob")
    there = build_packages(_deployments(elsewhere), upload=False, user="bob")
    assert {address: package.sha for address, package in there.items()} == {
        address: package.sha for address, package in here.items()
    }


def test_planning_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("flows", "home", "work", "temp"):
        (tmp_path / name).mkdir()
    shutil.copytree(FLOWS, tmp_path / "flows", dirs_exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    monkeypatch.chdir(tmp_path / "work")
    before = _tree(tmp_path)
    deployments = [deployment(tmp_path / "flows" / name, name, local(tmp_path / "datastore")) for name in NAMES]
    assert compile_flows(deployments).flows
    assert build_packages(deployments, upload=False, user="ann")
    assert _tree(tmp_path) == before


def test_what_is_built_is_what_is_stored(tmp_path: Path) -> None:
    one = deployment("linear.py", environment=local(tmp_path))
    [built] = build_packages([one], upload=False, user="ann").values()
    assert list(tmp_path.iterdir()) == []
    [stored] = build_packages([one], upload=True, user="bob").values()
    assert (built.url, built.sha, built.scripts) == (stored.url, stored.sha, stored.scripts)
    assert Path(stored.url).is_file()
    assert stored.environment["METAFLOW_DATASTORE_SYSROOT_LOCAL"] == str(tmp_path)


def test_the_program_does_not_import_metaflow() -> None:
    code = "import sys, deployer.compiler; print('metaflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_runtime_has_a_digest() -> None:
    assert len(runtime_digest()) == 16


def test_an_interpreter_without_metaflow_is_said_once_for_each_flow(tmp_path: Path) -> None:
    missing = tmp_path / "python"
    one = deployment("linear.py", python=ResolvedPath("../python", str(missing)))
    compiled = compile_flows([one, deployment("fan.py", "fan")])
    assert list(compiled.flows) == ["local/fan"]
    [diagnostic] = compiled.diagnostics
    assert diagnostic.code == "bad-interpreter"
    assert "No such file" in diagnostic.message


def test_what_is_known_is_asked_for_once_the_helper_has_started_and_no_helper_stays(tmp_path: Path) -> None:
    class Gone(Exception):
        pass

    started, helper = tmp_path / "started", tmp_path / "python"
    os.mkfifo(started)
    helper.write_text(f'#!/bin/sh\necho $$ > "{started}"\nexec sleep 600\n')
    helper.chmod(0o755)
    found: list[int] = []

    flow = deployment("linear.py", python=ResolvedPath("../python", str(helper)))
    with pytest.raises(Gone), client.starting([flow], os.environ):
        found.append(int(started.read_text()))  # which waits for it
        raise Gone
    with pytest.raises(ProcessLookupError):
        os.kill(found[0], 0)

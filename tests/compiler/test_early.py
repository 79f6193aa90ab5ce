"""A helper that is started before the manifests are read: it is as any other, or it is not used."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.compiler import client, handover
from deployer.compiler.early import EarlyHelper
from deployer.compiler.environment import environment_to_load
from deployer.compiler.helpers import helper_command
from deployer.compiler.worker.waiting import IMPORTED_BY_METAFLOW
from deployer.models.deployment import Deployment
from deployer.models.progress import silent
from tests.compiler.compiling import deployment, local

OWN = helper_command(sys.executable)


def variables() -> dict[str, str]:
    """Those of this process but for one that pytest changes during a test."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@pytest.fixture
def early() -> Iterator[EarlyHelper]:
    helper = EarlyHelper(variables())
    yield helper
    helper.close()


def compiled(one: Deployment, early: EarlyHelper | None) -> client.Compiled:
    with client.starting([one], variables(), early) as compiler:
        compiler.begin(silent, note_inputs=True)
        return compiler.result()


@pytest.mark.parametrize("settings", [{}, {"METAFLOW_DEFAULT_METADATA": "local", "METAFLOW_DEBUG_SUBCOMMAND": "0"}])
def test_it_compiles_as_any_other(tmp_path: Path, early: EarlyHelper, settings: dict[str, str]) -> None:
    environment = local(tmp_path / "metaflow").model_copy(update={"metaflow": settings})
    one = deployment("linear.py", environment=environment)
    found = compiled(one, early)
    assert early.pid is None
    assert found.flows.keys() == {one.address}
    assert found == compiled(one, None)


def test_it_serves_one_compiler_only(tmp_path: Path, early: EarlyHelper) -> None:
    one = deployment("linear.py", environment=local(tmp_path / "metaflow"))
    first = compiled(one, early)
    assert first == compiled(one, early)


def test_it_is_not_for_a_flow_that_is_given_more_variables(
    tmp_path: Path, early: EarlyHelper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_TOKEN", "t0p-secret")
    one = deployment("linear.py", environment=local(tmp_path / "metaflow"), compile_environment=("ACME_TOKEN",))
    assert compiled(one, early).flows.keys() == {one.address}
    assert early.pid is not None


def test_it_is_not_for_another_interpreter_or_what_python_reads_when_it_starts(early: EarlyHelper) -> None:
    environ = environment_to_load(variables())
    assert early.take(helper_command("/usr/bin/python3"), environ) is None
    assert early.take(OWN, {**environ, "PYTHONPATH": "/elsewhere"}) is None
    assert early.pid is not None


def test_one_that_was_killed_is_not_used(tmp_path: Path, early: EarlyHelper) -> None:
    assert early.pid is not None
    os.kill(early.pid, signal.SIGKILL)
    os.waitid(os.P_PID, early.pid, os.WEXITED | os.WNOWAIT)
    one = deployment("linear.py", environment=local(tmp_path / "metaflow"))
    assert compiled(one, early).flows.keys() == {one.address}


def test_it_ends_with_the_process_that_started_it() -> None:
    code = """
import os, sys
from deployer.compiler.early import EarlyHelper
helper = EarlyHelper(os.environ)
print(helper.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    with contextlib.suppress(ProcessLookupError):  # it has ended by now
        ended = os.pidfd_open(pid)
        assert select.select([ended], [], [], 30)[0]
        os.close(ended)


def test_an_environment_may_hold_any_bytes() -> None:
    environ = {"NAME": "Ä 中 \udcff\n", "EMPTY": ""}
    reader, writer = os.pipe()
    os.write(writer, handover.pack(environ) + b"the request")
    os.close(writer)
    assert handover.unpack(reader) == environ
    assert os.read(reader, 100) == b"the request"
    with pytest.raises(EOFError):
        handover.unpack(reader)
    os.close(reader)


def test_what_it_imports_is_imported_by_metaflow() -> None:
    """What Metaflow would not import would be no input of a flow's description that imports it."""
    code = "import sys, metaflow; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {*IMPORTED_BY_METAFLOW} <= {*output.split()}

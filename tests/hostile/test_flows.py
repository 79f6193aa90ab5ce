"""Values in the code of a flow that no DAG file holds and no process takes: refused, by the plan or by the apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer import cli
from tests.hostile.test_target import assert_inert

MANIFEST = """version: 1
project: growth
environments:
  prod: {target: ../dags, compute: local, datastore: ../data, production: true}
flows:
  train: {file: flow.py}
"""
FLOW = """from metaflow import FlowSpec, JSONType, Parameter, environment, schedule, step

def infinite(context):
    return float("inf")

def deep(context):
    found = []
    for _ in range(900):
        found = [found]
    return found

def huge(context):
    return 10**5000

FLOW_DECORATOR
class TrainFlow(FlowSpec):
    MEMBER

    DECORATOR
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
IN_NO_FILE = "flow.py:17: error: flows.train.parameters.a: the default of 'a' is not valid in a DAG file"
NO_PROCESS = "its name or value is not valid in an environment"
# The code, and what the plan says of it.
PLANNED = {
    "not a number": ("a = Parameter('a', default=float('nan'))", f"{IN_NO_FILE}: a number is not finite"),
    "infinite": ("a = Parameter('a', type=JSONType, default='[1e999]')", f"{IN_NO_FILE}: a number is not finite"),
    "deep": (
        f"a = Parameter('a', type=JSONType, default='{'[' * 150}{']' * 150}')",
        f"{IN_NO_FILE}: values are nested more than 100 deep",
    ),
    "deeper": (f"a = Parameter('a', type=JSONType, default='{'[' * 5000}{']' * 5000}')", "RecursionError"),
    "huge": ("a = Parameter('a', default=10**5000)", "ValueError"),
    "half a character": (r"@environment(vars={'A': '\ud800'})", NO_PROCESS),
    "nul": (r"@environment(vars={'A': 'a\0b'})", NO_PROCESS),
    "a name": (r"@environment(vars={'A=B': 'x'})", NO_PROCESS),
    "no name": (r"@environment(vars={'': 'x'})", NO_PROCESS),
    "long cron": (f"@schedule(cron='{'1,' * 100_000}1 * * * *')", "characters, at most 1,000 are allowed"),
    "digits": (f"@schedule(cron='{'1' * 900} * * * *')", "is not a cron expression"),
    "a message": (r"raise ValueError('\x1b[31m\u202e::error::x' * 1_000_000)", "characters) ..."),
}
APPLIED = {
    "infinite": ("a = Parameter('a', type=float, default=infinite)", "Out of range float values"),
    "deep": ("a = Parameter('a', type=JSONType, default=deep)", "values are nested more than 100 deep"),
    "huge": ("a = Parameter('a', type=int, default=huge)", "its deploy-time function failed: ValueError"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "m.yaml").write_text(MANIFEST)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "deployments"


def write(folder: Path, code: str) -> None:
    places = {"@schedule": "FLOW_DECORATOR", "@environment": "DECORATOR"}
    place = places.get(code.partition("(")[0], "MEMBER")
    parts = {"FLOW_DECORATOR": "", "MEMBER": "pass", "DECORATOR": ""} | {place: code}
    text = FLOW
    for name, part in parts.items():
        text = text.replace(name, part)
    (folder / "flow.py").write_text(text)


def refused(said: pytest.CaptureFixture[str], command: list[str], words: str) -> None:
    code = cli.run(command)
    found = said.readouterr()
    assert (code, words in found.err) == (1, True), found.err
    assert_inert(found.out + found.err)
    assert len(found.err) < 10_000


@pytest.mark.parametrize("code", PLANNED)
def test_the_plan_refuses(code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, PLANNED[code][0])
    refused(capsys, ["plan"], PLANNED[code][1])


@pytest.mark.parametrize("code", APPLIED)
def test_the_apply_refuses_what_a_function_gives(code: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, APPLIED[code][0])
    refused(capsys, ["apply", "--yes"], APPLIED[code][1])
    assert not (folder.parent / "dags").exists()

"""Manifests, options and files beside them that no one would write who means well: refused, with a word and a place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer import cli
from tests.hostile.payloads import CANARY, ran
from tests.hostile.test_target import assert_inert
from tests.sources import two_steps

MANIFEST = """version: 1
project: growth
environments:
  prod: {target: TARGET, compute: local, datastore: ../data, production: true, metaflow: {SETTINGS}}
flows:
  train: {file: flow.py, SETTING}
"""
LONG = "a" * 200_000
TARGETS = {
    "a long repository": (f"git+file:///{LONG}", "the address has 200,012 characters"),
    "a long folder in it": (f"git+file:///x//{'a/' * 100_000}b", "the address has 200,016 characters"),
    "a long branch": (f"git+file:///x?ref={LONG}", "the address has 200,018 characters"),
    "an option for ssh": (f"git+ssh://%2DoProxyCommand=touch%20{CANARY}/x.git", "names no host"),
    "another way to git": (f"git+ext://sh -c touch {CANARY}", "git+ext:// is not a supported kind of target"),
    "a command": (f"ext::sh -c 'touch {CANARY}'", ""),
    "an option": (f"--upload-pack=touch {CANARY}", ""),
    "a line of its own": ("git+https://host.invalid/%0aurl=x", "control character"),
    "up": ("s3://bucket/../x", "the prefix has a part '..'"),
    "a long prefix": (f"s3://bucket/{LONG}", "environments.prod.target: the prefix has 200,000 characters"),
    "a long path": (LONG, "File name too long"),
    "a deep path": ("a/" * 50_000, "File name too long"),
    "a device": ("/dev/null", "Not a directory"),
    "a file": ("flow.py", "Not a directory"),
    "nul": (r"a\0b", "the text holds a NUL character"),
}
SETTINGS = {
    "a tag with nul": (r'tags: ["a\0b"]', "flows.train.tags[0]: the text holds a NUL character"),
    "a namespace with nul": (r'namespace: "a\0b"', "flows.train.namespace: the text holds a NUL character"),
    "a key with nul": (r'parameters: {"a\0b": 1}', "expected a name as key"),
    "a parameter with nul": (r'parameters: {a: [{b: "\0"}]}', "the text holds a NUL character"),
    "a decorator with nul": (r'with: ["retry:times=\0"]', "the text holds a NUL character"),
    "a deep decorator": (f"with: ['environment:vars={'{' * 5000}']", "error"),
    "a large number": (f"with: ['retry:times={'9' * 5000}']", "error"),
    "a module": ("with: ['../x', 'os.system:x']", "unknown decorator"),
    "an interpreter that says yes": ("python: /usr/bin/yes", "it does not answer like a Python interpreter"),
    "an interpreter that is none": ("python: /bin/true", "it exited without an answer"),
    "an interpreter that is a device": ("python: /dev/zero", "Permission denied"),
    "a long interpreter": (f"python: {LONG}", "File name too long"),
    "a step's name": ('steps: {"../x": {cpu: 1}, __class__: {cpu: 2}}', "the flow has no step '__class__'"),
    "a class": ("class: __import__", "flow.py has no flow '__import__'"),
}
PROFILES = {
    "half a character": ('{"METAFLOW_X": "a\\ud800"}', "holds a character that no process takes"),
    "nul": ('{"METAFLOW_X": "a\\u0000"}', "holds a character that no process takes"),
    "long": (json.dumps({"METAFLOW_X": LONG}), "more than a process takes in a variable"),
    "deep": ("[" * 100_000, "the profile cannot be read"),
    "a long number": ('{"METAFLOW_X": ' + "9" * 5000 + "}", "the profile cannot be read"),
}
Said = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "deployments").mkdir()
    (tmp_path / "deployments" / "flow.py").write_text(two_steps("TrainFlow"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, target: str = "../dags", settings: str = "", setting: str = "") -> None:
    text = MANIFEST.replace("TARGET", f'"{target}"').replace("SETTINGS", settings).replace("SETTING", setting)
    (project / "deployments" / "m.yaml").write_text(text)


def refused(project: Path, capsys: Said, *command: str) -> str:
    assert cli.run([*command]) == 1
    said = capsys.readouterr()
    assert_inert(said.out + said.err)
    assert len(said.err) < 10_000
    assert ran(project) == []
    assert not (project / "dags").exists()
    return said.err


@pytest.mark.parametrize("target", [name for name, (_, said) in TARGETS.items() if said])
def test_a_target(target: str, project: Path, capsys: Said) -> None:
    written, said = TARGETS[target]
    write(project, target=written)
    assert said in refused(project, capsys, "plan")


@pytest.mark.parametrize("target", [name for name, (_, said) in TARGETS.items() if not said])
def test_a_target_that_is_a_folder_with_such_a_name(target: str, project: Path, capsys: Said) -> None:
    write(project, target=TARGETS[target][0])
    code = cli.run(["apply", "--yes"])
    assert code in (0, 1), capsys.readouterr().err
    assert ran(project) == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting(setting: str, project: Path, capsys: Said) -> None:
    written, said = SETTINGS[setting]
    write(project, setting=written)
    assert said in refused(project, capsys, "plan")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile(profile: str, project: Path, capsys: Said) -> None:
    written, said = PROFILES[profile]
    write(project, settings="profile: p")
    (project / "deployments" / "config_p.json").write_text(written)
    assert said in refused(project, capsys, "plan")


def test_variables_that_grow(project: Path, capsys: Said) -> None:
    write(project, setting=f'description: "{"${var.x}" * 5_000}"')
    (project / "deployments" / "v.yaml").write_text(f"variables: {{x: {'y' * 1_000_000}}}\n")
    assert "variables put in more than 10,000,000 characters" in refused(project, capsys, "plan")


@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--manifests", LONG),
        ("plan", "--manifests", "a" * 300),
        ("plan", "--manifests", "\udcff"),
        ("plan", "--manifests", "/dev/zero"),
        ("plan", "--env", "\x1b[31m"),
        ("plan", "--flow", "*a" * 3000 + "b"),
        ("plan", "--flow", "\udcff["),
        ("plan", "--var", LONG),
        ("plan", "--out", "."),
        ("plan", "--out", LONG),
        ("plan", "--out", "/nonexistent/plan.json"),
        ("plan", "--against", f"--output={CANARY}"),
        ("plan", "--against", LONG),
        ("plan", "--\udcff"),
        ("init", LONG),
        ("init", "b" * 300),
        ("apply", LONG, "--yes"),
        ("apply", "a\udcff", "--yes"),
        ("show", "__class__", "--env", "prod"),
        ("rollback", "../../x", "--env", "prod"),
        ("history", "--env", LONG),
        ("\x1b[31m",),
    ],
    ids=lambda command: " ".join(command)[:24].encode("ascii", "backslashreplace").decode(),
)
def test_an_option(command: tuple[str, ...], project: Path, capsys: Said) -> None:
    write(project)
    refused(project, capsys, *command)


NESTED: dict[str, Callable[[], str]] = {
    "signs": lambda: f"x = {'-' * 200_000}1\n",
    "brackets": lambda: f"x = {'[' * 100_000}\n",
    "names": lambda: f"x = a{'.a' * 200_000}\n",
    "words": lambda: f"x = {'not ' * 200_000}1\n",
    "nul": lambda: "x = 1\0\n",
}


@pytest.mark.parametrize("text", NESTED)
def test_code_that_python_itself_cannot_read(text: str, project: Path, capsys: Said) -> None:
    (project / "deployments" / "flow.py").write_text(NESTED[text]() + two_steps("TrainFlow"))
    write(project)
    assert "deployments/flow.py" in refused(project, capsys, "plan")
    os.remove(project / "deployments" / "m.yaml")
    assert "no flow was found" in refused(project, capsys, "init", "deployments")

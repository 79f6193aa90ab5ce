"""A repository with one flow, and what runs the steps of CI examples on it: GitHub's runner and GitLab's, in small."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.project import MFDEPLOY, OFFLINE, ROOT

ACTION = ROOT / ".github" / "actions" / "mfdeploy" / "action.yml"
EXAMPLES = ROOT / "docs" / "examples"
MANIFEST = """\
version: 1
project: growth
environments:
  prod:
    production: true
    branches: [main]
    target: ../../airflow/dags
    compute: local
    datastore: ../../metaflow
flows:
  hourly: {file: ../flows/hourly.py}
"""


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@dataclass
class Repository:
    """A clone with a detached head, as CI services leave it; `home` holds what lies outside of it."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.home / "clone"

    @property
    def dags(self) -> list[str]:
        return sorted(path.name for path in (self.home / "airflow" / "dags").glob("*.py"))

    @property
    def manifest(self) -> Path:
        return self.folder / "deployments" / "mfdeploy.yaml"

    @property
    def flow(self) -> Path:
        return self.folder / "flows" / "hourly.py"

    def make(self) -> Repository:
        self.manifest.parent.mkdir(parents=True)
        self.manifest.write_text(MANIFEST)
        self.flow.parent.mkdir()
        shutil.copy(ROOT / "deployments" / "flows" / "hourly" / "hourly.py", self.flow)
        (self.folder / "requirements.txt").write_text("mfdeploy\n")
        self.git("init", "--quiet")
        self.commit()
        tools = self.home / "bin"
        tools.mkdir()
        (tools / "mfdeploy").symlink_to(MFDEPLOY)
        for name, script in (("pip", "#!/bin/sh\nexit 0\n"), ("gh", f"#!{sys.executable}\n{GH.read_text()}")):
            (tools / name).write_text(script)
            (tools / name).chmod(0o755)
        return self

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        done = subprocess.run(["git", *identity, *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "a change")
        self.git("checkout", "--quiet", "--detach")
        return self.git("rev-parse", "HEAD")

    def bash(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script as the services do."""
        environ = {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "USER": "runner",
            **OFFLINE,
            **self.variables,
            **variables,
        }
        path = self.home / "step.sh"
        path.write_text(script)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(path)]
        return subprocess.run(command, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)


GH = Path(__file__).with_name("gh.py")


@dataclass
class GitHub:
    """A repository on GitHub whose state (comments, plans of pull requests) is one file, which `gh` works on."""

    repository: Repository
    state: Path

    def on(self, **variables: str) -> None:
        """What the runner tells of the event."""
        home = self.repository.home
        self.repository.variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/flows",
            "GITHUB_SHA": self.repository.git("rev-parse", "HEAD"),
            "GITHUB_OUTPUT": str(home / "output"),
            "GITHUB_STEP_SUMMARY": str(home / "summary"),
            "RUNNER_TEMP": str(home),
            "FAKE_GITHUB": str(self.state),
            **variables,
        }

    def comments(self) -> list[dict[str, Any]]:
        return list(json.loads(self.state.read_text())["comments"]) if self.state.exists() else []

    def use(self, inputs: Mapping[str, str]) -> list[subprocess.CompletedProcess[str]]:
        """Run the action's steps, up to the first that fails."""
        action = load(ACTION)
        known = {name: str(value.get("default", "")) for name, value in action["inputs"].items()}
        assert inputs.keys() <= known.keys()
        given = {**known, "pull-request": "", "token": "a token", **inputs}
        done: list[subprocess.CompletedProcess[str]] = []
        for step in action["runs"]["steps"]:
            if not condition(step.get("if", "true"), given) or (done and done[-1].returncode):
                continue
            variables = {name: fill(value, given) for name, value in step.get("env", {}).items()}
            done.append(self.repository.bash(step["run"], **variables))
        return done


def fill(text: str, inputs: Mapping[str, str]) -> str:
    """The value of a step's variable: text, or one expression."""
    found = re.fullmatch(r"\$\{\{ (?:inputs\.([\w-]+)|(github\.token)) \}\}", text)
    assert found, text
    return inputs[found[1]] if found[1] else "a token"


def condition(text: str, inputs: Mapping[str, str]) -> bool:
    """An `if:` of comparisons of inputs with texts, joined by ``&&``."""
    for part in text.split(" && "):
        found = re.fullmatch(r"inputs\.([\w-]+) (==|!=) '(.*)'", part)
        assert found or part == "true", text
        if found and (inputs[found[1]] == found[3]) != (found[2] == "=="):
            return False
    return True

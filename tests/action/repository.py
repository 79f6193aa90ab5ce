"""A repository with one flow, and bash as the runners of GitHub and GitLab run the script of a step in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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
  staging:
    target: ../../airflow/staging
    compute: local
    datastore: ../../metaflow
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
        (tools / "python3").symlink_to(sys.executable)
        (tools / "pip").write_text("#!/bin/sh\nexit 0\n")
        (tools / "pip").chmod(0o755)
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

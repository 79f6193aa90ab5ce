"""A copy of the example deployments in a folder of its own, and the real command line run on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MFDEPLOY = Path(sys.executable).with_name("mfdeploy")

# A proxy where nothing listens: whoever looks for the network fails at once, and loudly.
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


@dataclass(frozen=True)
class Project:
    """One person's checkout: where it is, who works on it, and what else is set in the shell."""

    folder: Path
    home: Path
    user: str = "ada"
    variables: Mapping[str, str] = field(default_factory=lambda: OFFLINE)

    @property
    def dags(self) -> Path:
        return self.folder / "build" / "dags"

    @property
    def datastore(self) -> Path:
        return self.folder / "build" / "metaflow"

    def flow_file(self, name: str) -> Path:
        return next((self.folder / "deployments" / "flows").glob(f"*/{name}.py"))

    def environ(self) -> dict[str, str]:
        """Nothing of the shell that the tests run in but the search path."""
        self.home.mkdir(parents=True, exist_ok=True)
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "USER": self.user, **self.variables}

    def run(self, *arguments: str, cwd: Path | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """`mfdeploy ARGUMENTS` as the user would type it in the project's folder."""
        return subprocess.run(
            [MFDEPLOY, *arguments],
            cwd=cwd or self.folder,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def do(self, *arguments: str, cwd: Path | None = None, code: int = 0, timeout: float = 120) -> str:
        """The standard output of a command that must end with `code`."""
        done = self.run(*arguments, cwd=cwd, timeout=timeout)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def plan(self, *options: str, env: str = "local", code: int = 0) -> dict[str, dict[str, Any]]:
        """The plan's changes by address. With a conflict among them the exit code is 1."""
        plan = json.loads(self.do("plan", "--env", env, "--format", "json", *options, code=code))
        return {change["address"]: change for change in plan["changes"]}

    def pending(self, *options: str, env: str = "local", code: int = 0) -> dict[str, str]:
        """What the plan would do, by address."""
        changes = self.plan(*options, env=env, code=code).values()
        return {change["address"]: change["action"] for change in changes if change["action"] != "none"}

    def apply(self, *options: str) -> str:
        return self.do("apply", "--env", "local", "--yes", *options)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text that must be there once, in a file below deployments/."""
        path = self.folder / "deployments" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def copy(self, folder: Path) -> Project:
        """The same project elsewhere, with what was built."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)

    def as_user(self, user: str, home: Path, **variables: str) -> Project:
        return replace(self, user=user, home=home, variables={**self.variables, **variables})


def checkout(folder: Path, home: Path) -> Project:
    """A fresh copy of the example deployments, nothing built."""
    ignored = shutil.ignore_patterns("__pycache__", ".metaflow")
    shutil.copytree(ROOT / "deployments", folder / "deployments", ignore=ignored)
    return Project(folder, home)

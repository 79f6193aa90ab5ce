"""Environments with one Metaflow each, made once below .cache/metaflow."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from pathlib import Path

from deployer.compiler.versions import TESTED
from tests.airflow.harness import locked
from tests.interpreters import uv

ROOT = Path(__file__).parents[2]
VERSIONS = tuple(".".join(str(part) for part in version) for version in TESTED)
NEWEST = VERSIONS[-1]


@cache
def interpreter(version: str) -> str:
    """The Python of the environment with that Metaflow, installed by the first who asks."""
    minor = f"py{sys.version_info[0]}{sys.version_info[1]}"
    root = Path(os.environ.get("MFDEPLOY_METAFLOW_VENVS") or ROOT / ".cache" / "metaflow")
    folder = root / f"{version}-{minor}"
    python, made = folder / "bin" / "python", folder / "made"
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / f"{folder.name}.lock"):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv("venv", "--quiet", "--python", sys.executable, str(folder))
            uv("pip", "install", "--quiet", "--python", str(python), f"metaflow=={version}", "boto3>=1.40")
            made.touch()
    return str(python)

"""Environments with one Metaflow each, made once below .cache/metaflow."""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.airflow.harness import locked
from tests.interpreters import uv

ROOT = Path(__file__).parents[2]
# The first of each series that changed what the compiler or a task touches, and the newest.
VERSIONS = ("2.15.0", "2.16.0", "2.18.0", "2.19.0", "2.19.39")
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

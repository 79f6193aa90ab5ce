"""Runs tests in environments other than the running one; `make pythons` does it with the fast ones.

    python -m tests.pythons PYTEST_OPTIONS                # each other supported Python, then the oldest dependencies
    python -m tests.pythons --on 3.10 --on lowest ...     # these only

`lowest` is the oldest release of each dependency that pyproject.toml allows, on the oldest supported Python. Metaflow
is the exception: its releases have tests of their own. An environment lies in `.cache/python/<name>`, and is made anew
when the lock or pyproject.toml changes. Where an interpreter is missing, this is reported, and the others are tested.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.interpreters import RUNNING, SUPPORTED, find_python

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "python"
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
LOWEST = "lowest"


def main() -> int:
    """Tests each environment; returns the exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--on", action="append", choices=(*SUPPORTED, LOWEST), help="an environment to test in")
    arguments, pytest_options = parser.parse_known_args()
    names = arguments.on or [*(minor for minor in SUPPORTED if minor != RUNNING), LOWEST]
    failed = [name for name in names if not passes(name, pytest_options)]
    if failed:
        print(f"Tests failed on: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def passes(name: str, pytest_options: Sequence[str]) -> bool:
    """Whether the tests pass in the environment, or its interpreter is missing."""
    python = find_python(SUPPORTED[0] if name == LOWEST else name)
    if python is None:
        print(f"== {name}: not tested, there is no such Python on this machine")
        return True
    print(f"== {name}: {python}", flush=True)
    # What is generated (schemas from pydantic's models) is that of the locked releases.
    ignored = ["--ignore=tests/test_generated.py"] if name == LOWEST else []
    options = ["-q", "-p", "no:cacheprovider", *ignored, *pytest_options]
    command = [str(environment(name, python)), "-m", "pytest", *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def environment(name: str, python: str) -> Path:
    """The interpreter of the environment, which holds the project and what its tests need."""
    folder = CACHE / name
    stamp, wanted = folder / "installed", fingerprint(python)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        uv("venv", "--python", python, str(folder))
        if name == LOWEST:
            install_lowest(folder)
        else:
            install_locked(folder)
        uv("pip", "install", "--python", str(folder), "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        stamp.write_text(wanted)
    return folder / "bin" / "python"


def install_locked(folder: Path) -> None:
    uv("pip", "install", "--python", str(folder), "--require-hashes", "--requirement", str(LOCK))


def install_lowest(folder: Path) -> None:
    constraints = folder / "constraints.txt"
    constraints.write_text(locked("metaflow"))
    options = ("--resolution", "lowest-direct", "--constraint", str(constraints))
    wanted = ("--requirement", str(PROJECT), "--group", f"{PROJECT}:dev")
    uv("pip", "install", "--python", str(folder), *options, *wanted)


def locked(name: str) -> str:
    """The lock's pin of a package, as a requirement."""
    found = re.search(rf"^{name}==\S+", LOCK.read_text(), re.MULTILINE)
    assert found, f"{name} is not in {LOCK.name}"
    return found[0]


def fingerprint(python: str) -> str:
    files = b"".join(path.read_bytes() for path in (LOCK, PROJECT))
    return f"{python} {hashlib.sha256(files).hexdigest()}\n"


def uv(*arguments: str) -> None:
    # The locked one, not the machine's: older ones know no dependency groups.
    subprocess.run([sys.executable, "-m", "uv", *arguments, "--quiet"], check=True)


if __name__ == "__main__":
    sys.exit(main())

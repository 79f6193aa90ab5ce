"""The Python interpreters of this machine, and uv, which makes environments of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

# What `make check` tests on. Newer Pythons are not refused; they are not tested yet.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def find_python(minor: str) -> str | None:
    """An interpreter of that version ("3.12"): the running one, else one of PATH, pyenv or uv that really starts."""
    return next((str(path) for path in _candidates(minor) if version_of(str(path)) == minor), None)


def version_of(python: str) -> str | None:
    """The minor version of an interpreter, None where it does not start (as a shim of pyenv may not)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def uv(*arguments: str) -> None:
    """Runs uv: the machine's, or else the one beside the tests."""
    found = shutil.which("uv") or ""
    command = [found] if _works([found, "--version"]) else [sys.executable, "-m", "uv"]
    subprocess.run([*command, *arguments], check=True)


def _candidates(minor: str) -> Iterator[str | Path]:
    if minor == RUNNING:
        yield sys.executable
    on_path = shutil.which(f"python{minor}")
    if on_path:
        yield on_path
    yield from sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python"))
    command = [sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", minor]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        yield result.stdout.strip()


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False

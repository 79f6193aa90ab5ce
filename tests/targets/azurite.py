"""Azurite, Microsoft's own emulator of Azure Blob Storage: installed by npm below .cache by the first who asks."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

VERSION = "3.37.0"
ACCOUNT = "devstoreaccount1"
# The key that every Azurite has: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
ROOT = Path(__file__).parents[2]


@contextmanager
def azurite(*more: str) -> Iterator[str]:
    """The URL of a running Azurite's account, everything of it in memory. `more` are options of its own."""
    program = _installed() / "node_modules" / ".bin" / "azurite-blob"
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    command = [str(program), *options, "--disableTelemetry", "--silent", *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield f"{_listening(process)}/{ACCOUNT}"
        finally:
            # Not asked to end: then it would wait for clients that keep their connections.
            process.kill()


def create_container(account: str, name: str, **options: Any) -> None:
    """Make a container in the account at this URL. `options` are those of Azure's client."""
    from azure.storage.blob import BlobServiceClient

    with BlobServiceClient(account, credential=KEY, **options) as service:
        service.create_container(name)


def _listening(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"listen(?:s|ing) (?:at|on) (https?://[\d.]+:\d+)", line)
        if found:
            return found.group(1)
    raise AssertionError(f"Azurite ended: {''.join(said)}")


def _installed() -> Path:
    folder = Path(os.environ.get("MFDEPLOY_AZURITE") or ROOT / ".cache" / f"azurite-{VERSION}")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            npm = shutil.which("npm")
            if npm is None:
                pytest.fail("the tests of Azure targets need Node and npm (22 or later): see CONTRIBUTING.md")
            command = [npm, "install", "--no-audit", "--no-fund", "--silent", f"azurite@{VERSION}"]
            # A registry that does not answer is to be heard of.
            subprocess.run(command, cwd=folder, check=True, timeout=600)
            (folder / "installed").touch()
    return folder

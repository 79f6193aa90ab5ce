"""A running Kubernetes for tests: the server's process, its kubeconfig, and what it saw."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Kubernetes:
    """Where it is, and the file that leads to it."""

    url: str
    kubeconfig: Path

    def recorded(self) -> dict[str, Any]:
        """``{"refused": [...], "pods": [...]}``: of each pod manifest, exit_code, deleted and log, as they started.

        ``dry_runs`` are manifests, and ``lookups`` paths such as ``ml/secrets/keys``, since the cluster became another.
        """
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{self.url}/recorded") as answer:
            return dict(json.load(answer))

    def become(self, state: Mapping[str, Any]) -> None:
        """Have other things in it, and refuse others. See `admission` for what a state is."""
        request = urllib.request.Request(f"{self.url}/state", json.dumps(state).encode(), method="PUT")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()


@contextlib.contextmanager
def running(folder: Path, secrets: Mapping[str, Mapping[str, str]], python: Path | None = None) -> Iterator[Kubernetes]:
    """A server of its own in `folder`; its pods have `python`, else the one that runs the tests."""
    folder.mkdir(parents=True)
    config = folder / "config.json"
    config.write_text(
        json.dumps({"folder": str(folder), "python": str(python or sys.executable), "secrets": dict(secrets)})
    )
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.kubernetes.server", str(config)], cwd=ROOT, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{_port(folder, process)}"
            yield Kubernetes(url, _kubeconfig(folder / "kubeconfig", url))
        finally:
            process.terminate()
            process.wait(timeout=30)


def _port(folder: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + 30
    while not (folder / "port").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"the server did not start:\n{(folder / 'server.log').read_text()}")
        time.sleep(0.05)
    return int((folder / "port").read_text())


def _kubeconfig(path: Path, url: str) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "nobody"}}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(content))
    return path

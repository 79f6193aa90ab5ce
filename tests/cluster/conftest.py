"""One cluster for all tests, which each test makes what it wants, and the command line in a project of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from tests.kubernetes.cluster import Kubernetes, running

PROJECT = Path(__file__).with_name("project")
# All that the project's pods name.
COMPLETE: dict[str, Any] = {
    "serviceaccounts": ["metaflow"],
    "secrets": ["common-keys", "train-keys", "score-keys", "registry"],
    "persistentvolumeclaims": ["models"],
}


@dataclass(frozen=True)
class Project:
    """A copy of the project, worked on by this process; `capsys` and `monkeypatch` are those of the test."""

    folder: Path
    kubernetes: Kubernetes
    capsys: pytest.CaptureFixture[str]

    def mfdeploy(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command line; the cluster's port is PORT in both."""
        code = cli.run(list(arguments))
        said = self.capsys.readouterr()
        port = self.kubernetes.url.rpartition(":")[2]
        out, err = (text.replace(f":{port}", ":PORT").replace(str(self.folder.parent), "TMP") for text in said)
        return code, out, err

    def plan(self, *options: str, env: str = "prod") -> tuple[int, str, str]:
        return self.mfdeploy("plan", "-m", ".", "--env", env, *options)

    def edit(self, old: str, new: str, file: str = "mfdeploy.yaml") -> None:
        """Replace text that is there once."""
        path = self.folder / file
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubernetes]:
    with running(tmp_path_factory.mktemp("check") / "cluster", {}) as found:
        yield found


@pytest.fixture
def project(
    kubernetes: Kubernetes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Project:
    """The project, with a kubeconfig that leads to the complete cluster."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.chdir(folder)
    kubernetes.become({"namespaces": {"ml": COMPLETE}})
    return Project(folder, kubernetes, capsys)

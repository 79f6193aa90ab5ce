"""How this machine reaches a cluster: a kubeconfig's context, or the pod that mfdeploy itself runs in."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client, config
from kubernetes.config.kube_config import KubeConfigMerger

T = TypeVar("T")

# Seconds that the program which a kubeconfig asks for credentials may take.
CREDENTIALS_TIMEOUT = 30
_TOKEN_OF_A_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class ClusterError(Exception):
    """The cluster cannot be asked at all. `setting` is the key of the manifest that leads to it, where one does."""

    def __init__(self, message: str, hint: str = "", setting: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.setting = message, hint, setting


@dataclass(frozen=True)
class Access:
    """Where the manifests say that a cluster is. `kubeconfig` is the Airflow worker's, which may be here as well.

    `setting` names the key that `context` was written with.
    """

    context: str | None = None
    kubeconfig: str | None = None
    setting: str = "context"


def configuration(access: Access, environ: Mapping[str, str]) -> tuple[Any, str]:
    """The client's configuration, and what people call the cluster. Raises ClusterError; bounded in time.

    The kubeconfig is that of KUBECONFIG, the manifest's where this machine has the file, ~/.kube/config, in this order;
    a pod without any takes the cluster around it.
    """
    files = _kubeconfig(access, environ)
    if files is None:
        return _around_us(access, environ)
    context = _context(access, files)
    loaded = _within(CREDENTIALS_TIMEOUT, lambda: _load(files, context), f"the credentials of the context {context!r}")
    return loaded, f"the cluster of the context {context!r}"


def _kubeconfig(access: Access, environ: Mapping[str, str]) -> str | None:
    """Paths as KUBECONFIG has them, only those that exist; None where there are none."""
    named = environ.get("KUBECONFIG") or ""
    if named:
        found = [path for path in named.split(os.pathsep) if path and Path(path).is_file()]
        if not found:
            raise ClusterError(f"there is no file {named!r}, which KUBECONFIG names")
        return os.pathsep.join(found)
    if access.kubeconfig and Path(access.kubeconfig).is_file():
        return access.kubeconfig
    own = Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"
    return str(own) if own.is_file() else None


def _around_us(access: Access, environ: Mapping[str, str]) -> tuple[Any, str]:
    hint = "set KUBECONFIG"
    if not (environ.get("KUBERNETES_SERVICE_HOST") and _TOKEN_OF_A_POD.is_file()):
        raise ClusterError("there is no kubeconfig on this machine (KUBECONFIG, ~/.kube/config)", hint)
    if access.context:
        raise ClusterError(f"there is no kubeconfig here that has the context {access.context!r}", hint, access.setting)
    made = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=made)
    except config.ConfigException as error:
        raise ClusterError(f"the credentials of this pod cannot be read: {error}") from error
    return made, "the cluster around this pod"


def _context(access: Access, files: str) -> str:
    """The context's name; it must be there."""
    try:
        content = KubeConfigMerger(files).config.value
        names = [str(context["name"]) for context in content.get("contexts") or ()]
    except Exception as error:  # whatever is wrong in a file that is not ours
        raise _unreadable(files, error) from error
    wanted = access.context or content.get("current-context")
    there = f"it has {', '.join(sorted(names))}" if names else "it has none"
    if not wanted:
        raise ClusterError(f"no context is chosen in the kubeconfig {files}", f"set kubernetes.context; {there}")
    if wanted not in names:
        setting = access.setting if access.context else ""
        raise ClusterError(f"no context {wanted!r} in the kubeconfig {files}", there, setting)
    return str(wanted)


def _load(files: str, context: str) -> Any:
    made = client.Configuration()
    with _said() as said:
        try:
            # Never written back: planning changes nothing, also in a home folder.
            config.load_kube_config(files, context, client_configuration=made, persist_config=False)
        except Exception as error:  # whatever is wrong in a file that is not ours
            raise _unreadable(files, error) from error
    if said:
        # The client goes on without credentials, and would only be told 401.
        raise ClusterError(f"no credentials for the context {context!r}: {said[0]}", "log in again")
    return made


def _unreadable(files: str, error: Exception) -> ClusterError:
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return ClusterError(f"the kubeconfig {files} cannot be used: {text}")


@contextmanager
def _said() -> Iterator[list[str]]:
    """What the client logs instead of raising it; nothing of it reaches a terminal."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                found.append((record.getMessage().splitlines() or [""])[0])

    keep = Keep()
    logging.getLogger().addHandler(keep)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(keep)


def _within(seconds: float, work: Callable[[], T], what: str) -> T:
    """The result of work that may hang in a program of others. A thread that does not end is left behind."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise ClusterError(f"{what} did not come within {seconds:g} seconds", "log in again")
    return results[0]

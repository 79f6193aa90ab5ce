"""How this machine connects to a cluster: with a kubeconfig context, or with the service account of its own pod."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from kubernetes import client, config
from kubernetes.config.kube_config import KubeConfigMerger

from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy

T = TypeVar("T")

_TOKEN_OF_A_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class ClusterError(Exception):
    """The cluster cannot be used at all. `setting` is the manifest key that causes it; empty if none does."""

    def __init__(self, message: str, hint: str = "", setting: str = "") -> None:
        super().__init__(message)
        self.message, self.hint, self.setting = message, hint, setting


@dataclass(frozen=True)
class Access:
    """How the manifests select a cluster. `kubeconfig` is a path on the Airflow worker, which may exist here too.

    `setting` is the manifest key that `context` comes from.
    """

    context: str | None = None
    kubeconfig: str | None = None
    setting: str = "context"


def load_configuration(
    access: Access, environ: Mapping[str, str], waits: WaitPolicy = DEFAULT_WAITS
) -> tuple[client.Configuration, str]:
    """The client's configuration, and a name of the cluster for messages. Raises ClusterError, also after a timeout.

    The kubeconfig is, in this order: KUBECONFIG, the manifest's if the file exists on this machine, ~/.kube/config. A
    pod without a kubeconfig uses the cluster that it runs in.
    """
    files = _find_kubeconfig(access, environ)
    if files is None:
        return _in_cluster(access, environ)
    context = _choose_context(access, files)
    what = f"the credentials of the context {context!r}"
    with waits.waiting_for(what):
        # A kubeconfig may name a program that gets the credentials, and that program may hang.
        loaded = run_with_timeout(waits.seconds / 2, lambda: _load(files, context), what)
    return loaded, f"the cluster of the context {context!r}"


def _find_kubeconfig(access: Access, environ: Mapping[str, str]) -> str | None:
    """The existing kubeconfig files, separated as in KUBECONFIG; None if there are none."""
    named = environ.get("KUBECONFIG") or ""
    if named:
        found = [path for path in named.split(os.pathsep) if path and Path(path).is_file()]
        if not found:
            raise ClusterError(f"KUBECONFIG is {named!r}, but no such file exists")
        return os.pathsep.join(found)
    if access.kubeconfig and Path(access.kubeconfig).is_file():
        return access.kubeconfig
    own = Path(environ.get("HOME") or "~").expanduser() / ".kube" / "config"
    return str(own) if own.is_file() else None


def _in_cluster(access: Access, environ: Mapping[str, str]) -> tuple[client.Configuration, str]:
    hint = "set KUBECONFIG"
    if not (environ.get("KUBERNETES_SERVICE_HOST") and _TOKEN_OF_A_POD.is_file()):
        raise ClusterError("found no kubeconfig on this machine (KUBECONFIG, ~/.kube/config)", hint)
    if access.context:
        raise ClusterError(f"no kubeconfig on this machine has the context {access.context!r}", hint, access.setting)
    loaded = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=loaded)
    except config.ConfigException as error:
        raise ClusterError(f"the credentials of this pod cannot be read: {error}") from error
    return loaded, "the cluster of this pod"


def _choose_context(access: Access, files: str) -> str:
    """The name of the context to use. Raises ClusterError if the kubeconfig does not have it."""
    try:
        content = KubeConfigMerger(files).config.value
        names = [str(context["name"]) for context in content.get("contexts") or ()]
    except Exception as error:  # the client raises many types for a broken file
        raise _unreadable(files, error) from error
    wanted = access.context or content.get("current-context")
    available = f"its contexts: {', '.join(sorted(names))}" if names else "it has no contexts"
    if not wanted:
        raise ClusterError(f"the kubeconfig {files} has no current context", f"set kubernetes.context; {available}")
    if wanted not in names:
        setting = access.setting if access.context else ""
        raise ClusterError(f"no context {wanted!r} in the kubeconfig {files}", available, setting)
    return str(wanted)


def _load(files: str, context: str) -> client.Configuration:
    loaded = client.Configuration()
    with _logged_errors() as logged:
        try:
            # Never written back: planning changes nothing, not even in the home folder.
            config.load_kube_config(files, context, client_configuration=loaded, persist_config=False)
        except Exception as error:  # the client raises many types for a broken file
            raise _unreadable(files, error) from error
    if logged:
        # The client would continue without credentials and get 401.
        raise ClusterError(f"no credentials for the context {context!r}: {logged[0]}", "log in again")
    return loaded


def _unreadable(files: str, error: Exception) -> ClusterError:
    text = (str(error).splitlines() or [type(error).__name__])[0]
    return ClusterError(f"the kubeconfig {files} cannot be used: {text}")


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Collects the errors that the client logs instead of raising, and keeps them off the terminal."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                found.append((record.getMessage().splitlines() or [""])[0])

    collector = Collector()
    logging.getLogger().addHandler(collector)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(collector)


def run_with_timeout(seconds: float, work: Callable[[], T], what: str) -> T:
    """The result of `work`, which may hang in another program. A thread that does not end is abandoned.

    Raises ClusterError after `seconds`; `what` says in its message what could not be loaded.
    """
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
        raise ClusterError(f"loading {what} took more than {seconds:g} seconds", "log in again")
    return results[0]

"""The requests to a cluster: whether an object exists, and whether it would accept a pod. Each has a timeout."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kubernetes import client
from kubernetes.client import ApiException
from urllib3.exceptions import HTTPError

from deployer.kubernetes.access import ClusterError
from deployer.models.waiting import DEFAULT_WAITS, RAISE_LIMIT, WaitPolicy

Answer = Literal["found", "missing", "forbidden"]

# Only metadata is requested: the values of a secret never leave the cluster.
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
# Errors of the server itself; they say nothing about a pod.
_SERVER_ERRORS = (429, 502, 503, 504)


@dataclass(frozen=True)
class Refusal:
    """The Status object of a refused request. `causes` are pairs of a pod field and what is wrong with it."""

    code: int
    message: str
    causes: tuple[tuple[str, str], ...] = ()


class Cluster:
    """One cluster. Methods raise ClusterError if it cannot be reached or does not accept the credentials."""

    def __init__(
        self, configuration: client.Configuration, name: str, connections: int, waits: WaitPolicy = DEFAULT_WAITS
    ) -> None:
        configuration.retries = False
        configuration.connection_pool_maxsize = connections
        self.name = f"{name} ({configuration.host})"
        self._waits = waits
        # Seconds to connect, and seconds to wait for the response. The first request runs alone, and nothing is
        # retried: with the credentials before and those that run beside each other after it this is all of the time.
        self._timeout = (min(5.0, waits.seconds / 12), waits.seconds / 3)
        lookups = client.ApiClient(configuration)
        lookups.set_default_header("Accept", _METADATA_ONLY)
        self._create: Callable[..., Any] = client.CoreV1Api(client.ApiClient(configuration)).create_namespaced_pod
        core, scheduling = client.CoreV1Api(lookups), client.SchedulingV1Api(lookups)
        self._namespaced: Mapping[str, Callable[..., Any]] = {
            "service account": core.read_namespaced_service_account,
            "secret": core.read_namespaced_secret,
            "config map": core.read_namespaced_config_map,
            "persistent volume claim": core.read_namespaced_persistent_volume_claim,
        }
        self._global: Mapping[str, Callable[..., Any]] = {
            "namespace": core.read_namespace,
            "priority class": scheduling.read_priority_class,
        }

    def look_up(self, kind: str, namespace: str, name: str) -> Answer:
        """Whether an object of that name exists, or the account may not read it."""
        if kind in self._global:
            refusal = self._ask(lambda: self._global[kind](name, _request_timeout=self._timeout))
        else:
            refusal = self._ask(lambda: self._namespaced[kind](name, namespace, _request_timeout=self._timeout))
        if refusal is None:
            return "found"
        if refusal.code == 404:
            return "missing"
        if refusal.code == 403:
            return "forbidden"
        raise ClusterError(f"{self.name} cannot look up the {kind} {name!r}: {refusal.message}")

    def dry_run(self, pod: Mapping[str, Any]) -> Refusal | None:
        """Create a pod as a dry run. None if the cluster would accept it."""
        namespace, body = pod["metadata"]["namespace"], dict(pod)
        return self._ask(lambda: self._create(namespace, body, dry_run="All", _request_timeout=self._timeout))

    def _ask(self, request: Callable[[], Any]) -> Refusal | None:
        try:
            with self._waits.waiting_for(f"{self.name} (checking pods)"):
                request()
        except ApiException as error:
            return self._refusal(error)
        except HTTPError as error:
            raise self._unreachable(str(error), type(error).__name__) from error
        except ValueError as error:  # the client's own models are stricter than the cluster
            return Refusal(400, f"the Kubernetes client does not accept the pod: {_first_line(str(error))}")
        return None

    def _refusal(self, error: ApiException) -> Refusal:
        if not error.status:  # no response: the TLS certificate is not trusted
            raise self._unreachable(str(error.reason), "") from error
        status = _status(error)
        if status.code == 401:
            message = f"{self.name} did not accept the credentials (401 Unauthorized)"
            raise ClusterError(message, "they are wrong or expired: log in again") from error
        if status.code in _SERVER_ERRORS or 300 <= status.code < 400:
            raise ClusterError(f"{self.name} answered {status.code}: {status.message}", "try again") from error
        return status

    def _unreachable(self, text: str, kind: str) -> ClusterError:
        reason = _reason(text, kind, self._timeout)
        hint = "check that this is the right context"
        if "within" in reason:
            hint += f"; {RAISE_LIMIT}"
        return ClusterError(f"cannot reach {self.name}: {reason}", hint, "context")


def _status(error: ApiException) -> Refusal:
    text = error.body.decode(errors="replace") if isinstance(error.body, bytes) else str(error.body or "")
    try:
        status = json.loads(text)
        causes = (status.get("details") or {}).get("causes") or ()
        found = tuple((str(cause.get("field", "")), str(cause.get("message", ""))) for cause in causes)
        return Refusal(int(error.status), str(status["message"]), found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Not a response of the API server, but of something in front of it, such as a proxy.
        return Refusal(int(error.status), _first_line(text) or str(error.reason))


def _reason(text: str, kind: str, timeout: tuple[float, float]) -> str:
    """The readable part of a connection error."""
    if re.search(r"timed? ?out", text, re.IGNORECASE) or kind in ("ConnectTimeoutError", "ReadTimeoutError"):
        return f"no response within {timeout['onnect' not in kind]:g} seconds"
    system = re.search(r"\[Errno -?\d+\] ([^()'\"]+)", text)
    certificate = re.search(r"certificate verify failed: ([^()]+)", text)
    found = system or certificate
    return found[1].strip() if found else _first_line(text.split("\n")[-1])


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:200] if lines else ""

"""Explains why a cluster refuses a pod: which field of the pod is wrong, for the author of the manifest.

The messages that are parsed here come from the admission plugins of the API server (ServiceAccount, ResourceQuota,
LimitRanger, PodSecurity, webhooks) and from its validation of pods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from deployer.errors import Severity
from deployer.kubernetes.client import Refusal

_PREFIX = re.compile(r'^(?:pods?|Pod) "[^"]*" is (?:forbidden|invalid): ', re.IGNORECASE)
_QUOTA = ("exceeded quota: ", ", requested: ", ", used: ", ", limited: ")
_UNSPECIFIED = re.compile(r"failed quota: ([^:]+): must specify (.*)", re.DOTALL)
_LIMITS = re.compile(
    r"(?:maximum|minimum) (?P<usage>\S+) (?:usage|storage) per \w+ is [^,]+, but (?:no )?(?:limit|request) is [^,\]]+"
    r"|(?<!\S)(?P<ratio>\S+) max limit to request ratio per \w+ is [^,]+, but [^,\]]+"
)
# A path into the pod, as policies write it: spec.containers[0].image, /spec/containers/0/image/.
_PATH = re.compile(r"(?:^|[\s`'\"(:/])((?:spec|metadata)[./][\w./\[\]-]+)")
DRY_RUN_HINT = "a dry run creates no pod but needs `create` on pods: grant it, or skip the check"


@dataclass(frozen=True)
class Problem:
    """One problem. `field` is a path in the pod, `resource` the name of a resource (``requests.cpu``); else empty."""

    code: str
    message: str
    field: str = ""
    resource: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR


def explain(refusal: Refusal, pod: Mapping[str, Any]) -> list[Problem]:
    """Every problem that one refusal reports. `pod` is the metadata of the refused pod.

    The pod's name is left out of messages: the check made it up, and with it, equal problems of pods would differ.
    """
    text = _PREFIX.sub("", refusal.message).strip().replace(pod["name"], "(pod)")
    namespace = pod["namespace"]
    if refusal.causes and refusal.code in (403, 422):
        return [_cause(field, message or text) for field, message in refusal.causes]
    return list(_admission(text, refusal.code, namespace))


def _admission(text: str, code: int, namespace: str) -> Iterator[Problem]:
    account = re.search(r'serviceaccount "([^"]*)" not found', text)
    quota, unspecified = _split_at(text, _QUOTA), _UNSPECIFIED.search(text)
    limits = list(_LIMITS.finditer(text))
    if quota:
        yield from _quota(quota, namespace)
    elif unspecified:
        required = _on_one_line(unspecified[2])
        message = f"the quota {unspecified[1]!r} of the namespace {namespace!r} requires each pod to specify {required}"
        yield Problem("cluster-quota", message, resource="limits", hint="qos: Guaranteed sets limits")
    elif limits:
        for limit in limits:
            yield _limit(limit, namespace)
    elif re.search(r'User "[^"]*" cannot create resource "pods"', text):
        message = f"the account of this machine may not create pods in the namespace {namespace!r}: nothing was checked"
        yield Problem("cluster-forbidden", message, "metadata.namespace", hint=DRY_RUN_HINT)
    elif "does not support dry run" in text:
        message = f"not checked: the {text.partition(' does not')[0]} does not support dry runs"
        yield Problem("cluster-unchecked", message, severity=Severity.WARNING)
    elif account:
        message = f"no service account {account[1]!r} in the namespace {namespace!r}"
        yield Problem("missing-service-account", message, "spec.serviceAccountName")
    elif code == 404 and text.startswith("namespaces "):
        yield Problem("missing-namespace", f"no namespace {namespace!r} in the cluster", "metadata.namespace")
    else:
        yield Problem("cluster-refused", f"the cluster refuses the pod: {_on_one_line(text)}", _field(text))


def _split_at(text: str, marks: Iterable[str]) -> list[str]:
    """The text after each of the marks, up to the next mark; empty if a mark is missing."""
    parts = [text]
    for mark in marks:
        before, found, after = parts[-1].partition(mark)
        if not found:
            return []
        parts[-1:] = [before, after]
    return parts[1:]


def _field(text: str) -> str:
    """The field that a free-text refusal is about; empty if it names none."""
    if "violates PodSecurity" in text:
        return "spec.containers[0].securityContext"
    if "PriorityClass" in text:
        return "spec.priorityClassName"
    path = _PATH.search(text)
    if not path:
        return ""
    dotted = path[1].strip("/").rstrip(".").replace("/", ".")
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", dotted)


def _cause(field: str, message: str) -> Problem:
    return Problem("cluster-refused", f"the cluster refuses {field or 'the pod'}: {_on_one_line(message)}", field)


def _quota(parts: Sequence[str], namespace: str) -> Iterator[Problem]:
    """A request above the quota itself never fits; one above what is left fits once other pods have ended."""
    name, requested, used, limited = parts[0], *map(_amounts, parts[1:])
    for resource in requested:
        amount, limit = requested[resource], limited.get(resource, "?")
        where = f"the quota {name!r} of the namespace {namespace!r}"
        if _exceeds(amount, limit):
            message = f"{resource}={amount} is more than {where} allows in total ({limit})"
            yield Problem("cluster-quota", message, resource=resource, hint="ask for less, or raise the quota")
        else:
            message = f"{resource}={amount} is more than {where} has left (used {used.get(resource, '?')} of {limit})"
            hint = "it fits once other pods have ended"
            yield Problem("cluster-quota", message, resource=resource, hint=hint, severity=Severity.WARNING)


def _amounts(text: str) -> dict[str, str]:
    return dict(pair.strip().split("=", 1) for pair in text.split(",") if "=" in pair)


def _exceeds(amount: str, limit: str) -> bool:
    try:
        return bool(parse_quantity(amount) > parse_quantity(limit))
    except ValueError:  # without two quantities to compare, the refusal counts as permanent
        return True


def _limit(found: re.Match[str], namespace: str) -> Problem:
    resource = found["usage"] or found["ratio"]
    message = f"the pod violates the limits of the namespace {namespace!r}: {found[0]}"
    if "no limit is" in found[0] or found["ratio"]:
        return Problem("cluster-limit", message, resource="limits", hint="qos: Guaranteed sets limits")
    return Problem("cluster-limit", message, resource=resource)


def _on_one_line(text: str) -> str:
    """`text` on one line. The messages of webhooks often have many."""
    return re.sub(r"\s+", " ", text).strip()

"""What a cluster has against a request: who may ask, what is there, and what admission refuses, in its own words.

The state is data, so that a test says what a cluster is like::

    {"token": "...",                            # else 401; any when absent
     "forbidden": [["get", "secrets"]],         # verb and resource that RBAC refuses
     "namespaces": {"ml": {
         "serviceaccounts": [], "secrets": [], "configmaps": [], "persistentvolumeclaims": [],
         "quotas": {"compute": {"hard": {"requests.cpu": "4"}, "used": {"requests.cpu": "3"}}},
         "limits": {"maximum": {"cpu": "2"}},   # of a container
         "pod_security": "restricted"}},
     "webhooks": [{"name": "policy.example", "image": "registry.example/", "message": "...", "dry_run": true}]}

A state of None is a cluster that has everything and refuses nothing. Forms of messages: the API server and its
plugins NamespaceLifecycle, ServiceAccount, LimitRanger, PodSecurity and ResourceQuota.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import kubernetes_validate
from kubernetes.utils.quantity import parse_quantity

SCHEMA = "1.31"
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_DNS_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_LABEL_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 422: "Invalid"}


@dataclass
class Refused(Exception):
    """An answer that is a Status of failure."""

    code: int
    message: str
    causes: list[dict[str, str]] = field(default_factory=list)

    def status(self) -> dict[str, Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": _REASONS.get(self.code, "InternalError"),
            "details": {"causes": self.causes},
            "code": self.code,
        }


def authorize(state: Mapping[str, Any] | None, token: str, verb: str, resource: str, namespace: str = "") -> None:
    """Whether the account may ask that at all. Raises Refused."""
    if state is None:
        return
    if state.get("token") not in (None, token):
        raise Refused(401, "Unauthorized")
    if [verb, resource] in state.get("forbidden", ()):
        group = "scheduling.k8s.io" if resource == "priorityclasses" else ""
        where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        who = 'User "system:serviceaccount:ci:plans"'
        message = f'{who} cannot {verb} resource "{resource}" in API group "{group}" {where}'
        raise Refused(403, f"{resource} is forbidden: {message}")


def read(state: Mapping[str, Any] | None, resource: str, namespace: str, name: str) -> None:
    """Whether something is there. Raises Refused."""
    if state is None:
        return
    if resource == "namespaces":
        there = name in state["namespaces"]
    else:
        there = name in state["namespaces"].get(namespace, {}).get(resource, ())
    if not there:
        raise Refused(404, f'{resource} "{name}" not found')


def admit(state: Mapping[str, Any] | None, pod: Mapping[str, Any], dry_run: bool) -> None:
    """What happens to a pod between its arrival and the store, in the order of the API server. Raises Refused."""
    _decode(pod)
    if state is not None:
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        there = state["namespaces"].get(namespace)
        if there is None:
            raise Refused(404, f'namespaces "{namespace}" not found')
        account = pod["spec"].get("serviceAccountName", "default")
        if account != "default" and account not in there.get("serviceaccounts", ()):
            reason = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            raise Refused(403, f'pods "{name}" is forbidden: {reason}')
    _validate(pod)
    if state is not None:
        _webhooks(state, pod, dry_run)
        for reason in (_limits(there, pod), _pod_security(there, pod), _quotas(there, pod)):
            if reason:
                raise Refused(403, f'pods "{name}" is forbidden: {reason}')


def _decode(pod: Mapping[str, Any]) -> None:
    try:
        kubernetes_validate.validate(pod, SCHEMA, strict=True)
    except kubernetes_validate.ValidationError as error:
        raise Refused(400, f'Pod in version "v1" cannot be handled as a Pod: json: {error}') from error


def _validate(pod: Mapping[str, Any]) -> None:
    causes = list(_invalid(pod))
    if causes:
        found = [f"{field}: Invalid value: {message}" for field, message in causes]
        text = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        told = [
            {"reason": "FieldValueInvalid", "message": f"Invalid value: {message}", "field": field}
            for field, message in causes
        ]
        raise Refused(422, f'Pod "{pod["metadata"]["name"]}" is invalid: {text}', told)


def _invalid(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for text in pod["metadata"].get("labels", {}).values():
        if not _LABEL_VALUE.fullmatch(text) or len(text) > 63:
            yield "metadata.labels", f'"{text}": {_LABEL_MESSAGE}'
    for number, volume in enumerate(pod["spec"].get("volumes", ())):
        if not _DNS_LABEL.fullmatch(volume["name"]):
            yield f"spec.volumes[{number}].name", f'"{volume["name"]}": {_DNS_MESSAGE}'
    for place, container in enumerate(pod["spec"]["containers"]):
        seen: set[str] = set()
        for number, mount in enumerate(container.get("volumeMounts", ())):
            if mount["mountPath"] in seen:
                path = f"spec.containers[{place}].volumeMounts[{number}].mountPath"
                yield path, f'"{mount["mountPath"]}": must be unique'
            seen.add(mount["mountPath"])


def _webhooks(state: Mapping[str, Any], pod: Mapping[str, Any], dry_run: bool) -> None:
    image = pod["spec"]["containers"][0].get("image", "")
    for webhook in state.get("webhooks", ()):
        if dry_run and not webhook.get("dry_run", True):
            raise Refused(400, f'admission webhook "{webhook["name"]}" does not support dry run')
        if not image.startswith(webhook.get("image", "")):
            message = webhook["message"].replace("POD", f"{pod['metadata']['namespace']}/{pod['metadata']['name']}")
            raise Refused(
                webhook.get("code", 400), f'admission webhook "{webhook["name"]}" denied the request: {message}'
            )


def _limits(namespace: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    found = []
    for container in pod["spec"]["containers"]:
        resources = container.get("resources", {})
        for resource, most in namespace.get("limits", {}).get("maximum", {}).items():
            for word in ("limits", "requests"):
                amount = resources.get(word, {}).get(resource)
                if amount and parse_quantity(amount) > parse_quantity(most):
                    found.append(f"maximum {resource} usage per Container is {most}, but {word[:-1]} is {amount}")
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""


def _pod_security(namespace: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    if namespace.get("pod_security") != "restricted":
        return ""
    context = pod["spec"]["containers"][0].get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is False:
        return ""
    wanted = (
        'allowPrivilegeEscalation != false (container "base" must set securityContext.allowPrivilegeEscalation=false)'
    )
    return f'violates PodSecurity "restricted:latest": {wanted}'


def _quotas(namespace: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    usage = {"pods": "1", **_usage(pod)}
    for name, quota in namespace.get("quotas", {}).items():
        missing = [resource for resource in quota["hard"] if resource not in usage]
        if missing:
            return f"failed quota: {name}: must specify {'; '.join(f'{resource} for: base' for resource in missing)}"
        over = [
            resource
            for resource, hard in quota["hard"].items()
            if parse_quantity(usage[resource]) + parse_quantity(quota["used"].get(resource, "0")) > parse_quantity(hard)
        ]
        if over:
            asked, used, hard = (
                ",".join(f"{resource}={amounts.get(resource, '0')}" for resource in over)
                for amounts in (usage, quota["used"], quota["hard"])
            )
            return f"exceeded quota: {name}, requested: {asked}, used: {used}, limited: {hard}"
    return ""


def _usage(pod: Mapping[str, Any]) -> dict[str, str]:
    """What the base container asks for, as quotas name it."""
    resources = pod["spec"]["containers"][0].get("resources", {})
    return {f"{word}.{name}": amount for word, amounts in resources.items() for name, amount in amounts.items()}

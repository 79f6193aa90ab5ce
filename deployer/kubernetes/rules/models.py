"""The nested values of `@kubernetes` as the client of Kubernetes has them, and their rules.

Metaflow makes `V1SecurityContext(**security_context)` and `V1Toleration(**toleration)`: the keys are those of the
client, in snake_case. What lies below them is sent as it is, so there the keys are those of the API. The rules come
from ValidateTolerations, ValidateSecurityContext and the like in pkg/apis/core/validation/validation.go of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .syntax import label_value, qualified_name
from .values import Path, Rule, Violation, between, boolean, each, fields, named, or_empty, text, whole, word

# By model of the client its fields and their types, as its `openapi_types` name them.
MODELS: Final[Mapping[str, Mapping[str, str]]] = {
    "V1SecurityContext": {
        "allow_privilege_escalation": "bool",
        "app_armor_profile": "V1AppArmorProfile",
        "capabilities": "V1Capabilities",
        "privileged": "bool",
        "proc_mount": "str",
        "read_only_root_filesystem": "bool",
        "run_as_group": "int",
        "run_as_non_root": "bool",
        "run_as_user": "int",
        "se_linux_options": "V1SELinuxOptions",
        "seccomp_profile": "V1SeccompProfile",
        "windows_options": "V1WindowsSecurityContextOptions",
    },
    "V1Toleration": {
        "effect": "str",
        "key": "str",
        "operator": "str",
        "toleration_seconds": "int",
        "value": "str",
    },
    "V1AppArmorProfile": {"localhostProfile": "str", "type": "str"},
    "V1Capabilities": {"add": "List[str]", "drop": "List[str]"},
    "V1SELinuxOptions": {"level": "str", "role": "str", "type": "str", "user": "str"},
    "V1SeccompProfile": {"localhostProfile": "str", "type": "str"},
    "V1WindowsSecurityContextOptions": {
        "gmsaCredentialSpec": "str",
        "gmsaCredentialSpecName": "str",
        "hostProcess": "bool",
        "runAsUserName": "str",
    },
}
# Those whose keys Metaflow takes in snake_case.
SNAKE_CASE: Final = frozenset(("V1SecurityContext", "V1Toleration"))
OPERATORS: Final = ("Exists", "Equal")
EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
PROFILES: Final = ("RuntimeDefault", "Unconfined", "Localhost")
_ID: Final = between(0, 2**31 - 1)
# Fields with a rule beyond their type.
_RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("V1SecurityContext", "proc_mount"): word("Default", "Unmasked"),
    ("V1SecurityContext", "run_as_group"): _ID,
    ("V1SecurityContext", "run_as_user"): _ID,
    ("V1AppArmorProfile", "type"): word(*PROFILES),
    ("V1SeccompProfile", "type"): word(*PROFILES),
}
_TYPES: Final[Mapping[str, Rule]] = {"bool": boolean, "int": whole, "str": text, "List[str]": each(text)}


def _rule(model: str, field: str) -> Rule:
    kind = MODELS[model][field]
    if kind in MODELS:
        return _model(kind)
    return _RULES.get((model, field), _TYPES[kind])


def _model(model: str) -> Rule:
    return fields({field: _rule(model, field) for field in MODELS[model]})


_security_context = _model("V1SecurityContext")
_toleration = fields(
    {
        **{field: _rule("V1Toleration", field) for field in MODELS["V1Toleration"]},
        "effect": or_empty(word(*EFFECTS)),
        "key": or_empty(named("the key of a taint", qualified_name)),
        "operator": or_empty(word(*OPERATORS)),
        "value": named("the value of a taint", label_value),
    }
)


def security_context(value: Any, path: Path) -> Iterator[Violation]:
    """A container's security context."""
    violations = list(_security_context(value, path))
    yield from violations
    if not violations:
        yield from _profiles(value, path)
        yield from _contradictions(value, path)


def _profiles(value: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    for name in ("app_armor_profile", "seccomp_profile"):
        profile = value.get(name)
        if profile is None:
            continue
        kind, file = profile.get("type"), profile.get("localhostProfile")
        if kind is None:
            yield Violation((*path, name), "it has no type", f"expected one of {', '.join(PROFILES)}")
        elif (kind == "Localhost") != bool(file):
            yield Violation((*path, name), "the type Localhost and localhostProfile need each other")


def _contradictions(value: Mapping[str, Any], path: Path) -> Iterator[Violation]:
    added = (value.get("capabilities") or {}).get("add") or ()
    if value.get("allow_privilege_escalation") is False and (value.get("privileged") or "CAP_SYS_ADMIN" in added):
        other = "privileged" if value.get("privileged") else "the capability CAP_SYS_ADMIN"
        yield Violation((*path, "allow_privilege_escalation"), f"False contradicts {other}")
    if value.get("run_as_non_root") and value.get("run_as_user") == 0:
        yield Violation((*path, "run_as_user"), "the user 0, root, contradicts run_as_non_root")


def toleration(value: Any, path: Path) -> Iterator[Violation]:
    """One item of the tolerations."""
    violations = list(_toleration(value, path))
    yield from violations
    if violations:
        return
    operator = value.get("operator") or "Equal"
    if not value.get("key") and operator != "Exists":
        yield Violation(path, "it has no key", "add the operator Exists to tolerate every taint")
    if operator == "Exists" and value.get("value"):
        yield Violation((*path, "value"), "the operator Exists takes no value", "remove the value, or write Equal")
    if value.get("toleration_seconds") is not None and value.get("effect") != "NoExecute":
        yield Violation((*path, "toleration_seconds"), "it needs the effect NoExecute")

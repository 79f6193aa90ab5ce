"""The table: each attribute of `@kubernetes` that describes a pod, with what Kubernetes takes for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .amounts import MB, MIB, cpus, extended, gpus, port, size, whole_size
from .models import security_context, toleration
from .syntax import annotation_key, dns_label, dns_subdomain, label_value, qualified_name, variable_name
from .values import Path, Rule, Violation, dotted, each, mapping, named, optional, shorten, text, word, wrong

PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
# Without a domain: what containers may ask for beside extended resources. `hugepages-2Mi` and the like come to these.
_OWN_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage")
_SHM: Final = "/dev/shm"  # noqa: S108 - a path in the container


def _image(value: Any, path: Path) -> Iterator[Violation]:
    if not isinstance(value, str) or not value or any(letter.isspace() for letter in value):
        yield wrong("the name of an image", value, path)


def _mount_path(value: Any, path: Path) -> Iterator[Violation]:
    if not isinstance(value, str) or not value or ":" in value:
        yield wrong("a path in the container, without ':'", value, path)


def _as_text(rule: Rule) -> Rule:
    """Metaflow makes a text of numbers and of True and False."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        yield from rule(str(value) if isinstance(value, (int, float)) else value, path)

    return check


def _names(rule: Rule) -> Rule:
    """A list of names, or a text that separates them by commas."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        yield from each(rule)(value, path)

    return check


def _pairs(rule: Rule) -> Rule:
    """A map, or a text such as ``a=b,c=d``."""

    def check(value: Any, path: Path) -> Iterator[Violation]:
        if isinstance(value, str):
            pairs = [pair.partition("=") for pair in value.split(",")]
            if not all(separator for _, separator, _ in pairs):
                yield wrong("a map, or text such as a=b,c=d", value, path)
                return
            value = {name: item for name, _, item in pairs}
        yield from rule(value, path)

    return check


def _resource_name(name: str) -> str:
    if name in _OWN_RESOURCES or name.startswith("hugepages-") or ("/" in name and not qualified_name(name)):
        return ""
    return "a domain, '/' and a name, as in vpc.amazonaws.com/efa"


_secret: Final = named("the name of a secret", dns_subdomain)
_node_selector: Final = mapping(
    "the key of a label", qualified_name, _as_text(named("the value of a label", label_value))
)
RULES: Final[Mapping[str, Rule]] = {
    "annotations": mapping("the key of an annotation", annotation_key, optional(text)),
    "cpu": cpus,
    "disk": size(MB),
    "extended_resources": mapping("the name of a resource", _resource_name, extended),
    "gpu": gpus,
    "image": _image,
    "image_pull_policy": word(*PULL_POLICIES),
    "image_pull_secrets": _names(_secret),
    "labels": mapping("the key of a label", qualified_name, optional(named("the value of a label", label_value))),
    "memory": size(MB),
    "namespace": named("the name of a namespace", dns_label),
    "node_selector": _pairs(_node_selector),
    # A claim's name is that of the volume, too, which has no dots.
    "persistent_volume_claims": mapping("the name of a claim", dns_label, _mount_path),
    "port": port,
    "secrets": _names(_secret),
    "security_context": security_context,
    "service_account": named("the name of a service account", dns_subdomain),
    "shared_memory": whole_size(MIB),
    "tmpfs_path": _mount_path,
    "tmpfs_size": whole_size(MIB),
    "tolerations": each(toleration),
}


def violations(attributes: Mapping[str, Any]) -> Iterator[Violation]:
    """What Kubernetes would refuse of the attributes of one `@kubernetes`, or of one section of a manifest.

    Attributes without a rule are left out, and None stands for an absent value.
    """
    for name, value in attributes.items():
        # For other attributes than these Metaflow takes an empty text for none.
        if name in RULES and value is not None and (value != "" or name in ("cpu", "memory", "disk")):
            yield from RULES[name](value, (name,))
    if isinstance(attributes.get("persistent_volume_claims"), Mapping):
        yield from _mounts(attributes)


def variable_names(names: Mapping[str, Any]) -> Iterator[Violation]:
    """The names of a pod's environment variables."""
    for name in names:
        if expected := variable_name(str(name)):
            message = f"{shorten(str(name))!r} is not the name of an environment variable in Kubernetes"
            yield Violation((str(name),), message, f"expected {expected}", of_key=True)


def _mounts(attributes: Mapping[str, Any]) -> Iterator[Violation]:
    """Two volumes at one path."""
    taken: dict[Any, str] = {_SHM: "shared_memory"} if attributes.get("shared_memory") else {}
    if (attributes.get("use_tmpfs") or attributes.get("tmpfs_size")) and attributes.get("tmpfs_path"):
        taken[attributes["tmpfs_path"]] = "tmpfs_path"
    for claim, mount in attributes["persistent_volume_claims"].items():
        path = ("persistent_volume_claims", str(claim))
        if not isinstance(mount, str):
            continue
        if mount in taken:
            yield Violation(path, f"{mount!r} is the path of {taken[mount]}, too", "give it another path")
        taken.setdefault(mount, dotted(path))

"""The attributes of `@kubernetes` for one step: those of the code, overridden by the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaflow.exception import MetaflowException
from metaflow.metaflow_config import KUBERNETES_CONTAINER_IMAGE

from ..protocol import Job, Json, Problem
from .decorate import plain
from .metaflow_compat import initialize_decorator, user_defined_attributes
from .problems import FlowError, nearest, one_line

# Amounts, which users write as numbers or strings. Described as strings, without a fraction of zero.
_AMOUNTS = ("cpu", "memory", "disk", "gpu")
_WHOLE = ("shared_memory", "tmpfs_size", "port")
# compute_pool is part of the node selector by then; the timeout is only for @parallel.
_NOT_IN_POD = ("compute_pool", "hostname_resolution_timeout")


def check_images(job: Job, obj: Any) -> None:
    """Raises FlowError for steps without an image: Metaflow would take one of the Python that compiles the flow."""
    if not job.on_kubernetes or KUBERNETES_CONTAINER_IMAGE or job.kubernetes.get("image"):
        return
    without = [
        node.name
        for node in (obj.graph[name] for name in obj.graph.sorted_nodes)
        if "image" not in _user_defined(node) and not job.steps.get(node.name, {}).get("image")
    ]
    if without:
        steps = f"step {without[0]} has" if len(without) == 1 else f"steps {', '.join(without)} have"
        hint = "set kubernetes.image in the environment to an image with the Python that the flow needs"
        raise FlowError(Problem("missing-image", f"{steps} no container image", setting="kubernetes.image", hint=hint))


def describe_pod(job: Job, obj: Any, node: Any) -> dict[str, Json]:
    """The attributes that are set, in the form that Metaflow itself uses. Raises FlowError for invalid ones."""
    merged = merged_attributes(job, node)
    if merged == dict(_decorator(node).attributes):
        return _normalize(merged)
    return _normalize(_initialized(obj, node, merged))


def merged_attributes(job: Job, node: Any) -> dict[str, Any]:
    """The attributes of the code, overridden by the manifest. Raises FlowError for names that Metaflow lacks."""
    code = dict(_decorator(node).attributes)
    if "tmpfs_size" not in _user_defined(node):
        # Metaflow made it from the memory, which the manifest may change.
        code["tmpfs_size"] = None
    merged = code
    for section, given in (("kubernetes", job.kubernetes), (f"steps.{node.name}", job.steps.get(node.name, {}))):
        _check_keys(section, given, code)
        merged = _merge(merged, given)
    return merged


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merges as sections of a manifest do: maps (labels, a node selector) by key, any other value is replaced."""
    maps = {
        key: {**below[key], **value}
        for key, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping)
    }
    return {**below, **above, **maps}


def _decorator(node: Any) -> Any:
    for decorator in node.decorators:
        if decorator.name == "kubernetes":
            return decorator
    message = f"step {node.name} has no @kubernetes any more: a mutator removes it"
    raise FlowError(Problem("unsupported", message, hint="the environment's compute runs every step as a pod"))


def _user_defined(node: Any) -> frozenset[str]:
    return user_defined_attributes(_decorator(node)) or frozenset()


def _check_keys(section: str, given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    for key in given:
        if key not in known:
            message = f"@kubernetes has no attribute {key!r} in this version of Metaflow"
            hint = nearest(key, known)
            raise FlowError(Problem("unknown-key", message, setting=f"{section}.{key}", hint=hint))


def _initialized(obj: Any, node: Any, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attributes after Metaflow checked and completed them. @resources was merged before, and not again."""
    decorator = type(_decorator(node))(attributes=dict(attributes))
    others = [other for other in node.decorators if other.name not in ("kubernetes", "resources")]
    try:
        initialize_decorator(decorator)
        decorator.step_init(obj.flow, obj.graph, node.name, others, obj.environment, obj.flow_datastore, obj.logger)
    except MetaflowException as error:
        message = one_line(error.message)
        raise FlowError(Problem("bad-value", message, setting=f"steps.{node.name}")) from None
    result: Mapping[str, Any] = decorator.attributes
    return result


def _normalize(attributes: Mapping[str, Any]) -> dict[str, Json]:
    pod: dict[str, Any] = {key: plain(value) for key, value in attributes.items() if key not in _NOT_IN_POD}
    for key in _AMOUNTS:
        if pod.get(key) is not None:
            pod[key] = _amount(pod[key])
    for key in _WHOLE:
        if pod.get(key) is not None:
            pod[key] = int(float(pod[key]))
    if pod.get("qos"):
        pod["qos"] = pod["qos"].lower()  # Metaflow takes either case, and its default is written in small letters
    for key in ("secrets", "image_pull_secrets"):
        if isinstance(pod.get(key), str):
            pod[key] = [name.strip() for name in pod[key].split(",") if name.strip()]
    if pod.get("gpu") is None:
        pod.pop("gpu_vendor", None)
    if not (pod.get("use_tmpfs") or pod.get("tmpfs_size")):
        for key in ("use_tmpfs", "tmpfs_tempdir", "tmpfs_path"):
            pod.pop(key, None)
    return {key: pod[key] for key in sorted(pod) if pod[key] not in (None, "", [], {})}


def _amount(value: Any) -> str:
    """``16.0`` and 16 are ``16``; ``0.5`` stays."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(number)

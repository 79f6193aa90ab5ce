"""The table of what Kubernetes takes for the attributes of `@kubernetes`, beside what others say of it."""

from __future__ import annotations

from typing import Any, get_args

import kubernetes_validate
import pytest
from kubernetes import client

from deployer.kubernetes import pods
from deployer.kubernetes.rules import RULES, variable_names, violations
from deployer.kubernetes.rules.attributes import PULL_POLICIES
from deployer.kubernetes.rules.models import EFFECTS, MODELS, OPERATORS, SNAKE_CASE
from deployer.manifest.fields import bare_type
from deployer.manifest.pod_keys import PodSettings, SecurityContext, Toleration
from tests.renderer.test_pods import SAMPLES

# Fields that came after the oldest client that we support.
NEWER = {"V1SecurityContext": {"app_armor_profile"}}
# Attributes with no rule: flags, and words that Metaflow itself checks.
WITHOUT = {"compute_pool", "gpu_vendor", "hostname_resolution_timeout", "qos", "tmpfs_tempdir", "use_tmpfs"}


@pytest.mark.parametrize("name", [name for name in sorted(MODELS) if hasattr(client, name)])
def test_the_models_are_those_of_the_client(name: str) -> None:
    model = getattr(client, name)
    keys = {field: field if name in SNAKE_CASE else model.attribute_map[field] for field in model.openapi_types}
    installed = {keys[field]: kind.replace("list[", "List[") for field, kind in model.openapi_types.items()}
    missing = MODELS[name].keys() - installed.keys()
    assert missing <= NEWER.get(name, set())
    assert {key: kind for key, kind in MODELS[name].items() if key not in missing} == installed


def test_each_attribute_of_a_pod_has_a_rule_or_needs_none() -> None:
    assert set(RULES) | WITHOUT == pods.KNOWN_ATTRIBUTES


def test_the_manifest_has_the_words_of_the_table() -> None:
    assert set(SecurityContext.model_fields) <= set(MODELS["V1SecurityContext"])
    assert set(Toleration.model_fields) == set(MODELS["V1Toleration"])
    words = {
        name: get_args(bare_type(field.annotation))
        for model in (PodSettings, Toleration)
        for name, field in model.model_fields.items()
    }
    assert (words["operator"], words["effect"], words["image_pull_policy"]) == (OPERATORS, EFFECTS, PULL_POLICIES)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_a_pod_is_made_from_is_right(name: str) -> None:
    assert list(violations({name: SAMPLES[name]})) == []


RIGHT: list[dict[str, Any]] = [
    {"cpu": 0.5, "memory": "4096", "disk": 10240.0, "gpu": "0"},
    {"cpu": "1e0", "gpu": 2.0, "shared_memory": 64, "tmpfs_size": "64", "port": "8080"},
    {"shared_memory": None, "port": 0, "service_account": "", "tolerations": [], "labels": {}},
    {"labels": {"a": "", "b": None, "app.kubernetes.io/name": "X_1.y-z", "A": "v" * 63}},
    {"annotations": {"Example.com/Note": "any text: é\n", "b": None}},
    {"node_selector": "kubernetes.io/os=linux,kubernetes.io/arch=amd64"},
    {"node_selector": {"gpu": True, "generation": 3}},
    {"secrets": "one, two.three"},
    {"secrets": ["s" * 253]},
    {"image_pull_secrets": ("regcred",)},
    {"persistent_volume_claims": {"models": "/models", "scratch": "data"}},
    {"extended_resources": {"vpc.amazonaws.com/efa": 1, "hugepages-2Mi": "64Mi", "a.b/c": "2k", "cpu": "500m"}},
    {"security_context": {}},
    {"security_context": {"run_as_user": None, "run_as_non_root": True, "read_only_root_filesystem": False}},
    {"security_context": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "proc_mount": "Unmasked"}},
    {"security_context": {"seccomp_profile": {"type": "Localhost", "localhostProfile": "p.json"}}},
    {"security_context": {"windows_options": {"hostProcess": False}, "se_linux_options": {"level": "s0"}}},
    {"tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "", "operator": ""}]},
    {"tolerations": [{"key": "x.io/y", "operator": "Exists", "effect": "NoExecute", "toleration_seconds": -1}]},
    {"image": "registry.example:5000/a/b@sha256:0123"},
    {"unknown": range(2)},
]
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"cpu": "two"}, "cpu", "a number of CPUs, more than 0"),
    ({"cpu": 0}, "cpu", "more than 0"),
    ({"cpu": True}, "cpu", "found True"),
    ({"memory": "nan"}, "memory", "a number of MB"),
    ({"memory": "inf"}, "memory", "a number of MB"),
    ({"memory": ""}, "memory", "a number of MB"),
    ({"memory": [4]}, "memory", "found a list"),
    ({"gpu": 0.5}, "gpu", "a whole number of GPUs"),
    ({"shared_memory": -1}, "shared_memory", "a whole number of MiB"),
    ({"port": 65536}, "port", "1 to 65535"),
    ({"port": "http"}, "port", "1 to 65535"),
    ({"labels": "a=b"}, "labels", "expected a map"),
    ({"labels": {"a": True}}, "labels.a", "expected text"),
    ({"labels": {"a": "v" * 64}}, "labels.a", "not the value of a label"),
    ({"labels": {5: "a"}}, "labels.5", "not the key of a label"),
    ({"labels": {"": "a"}}, "labels.", "not the key of a label"),
    ({"annotations": {"a": {"b": 1}}}, "annotations.a", "expected text, found a map"),
    ({"annotations": {"-a": "b"}}, "annotations.-a", "not the key of an annotation"),
    ({"node_selector": "gpu"}, "node_selector", "a=b,c=d"),
    ({"node_selector": {"a": None}}, "node_selector.a", "expected text, found None"),
    ({"secrets": [1]}, "secrets[0]", "expected text"),
    ({"secrets": "one,Two"}, "secrets[1]", "not the name of a secret"),
    ({"secrets": ["s" * 254]}, "secrets[0]", "not the name of a secret"),
    ({"namespace": "n" * 64}, "namespace", "not the name of a namespace"),
    ({"service_account": "a b"}, "service_account", "not the name of a service account"),
    ({"image": "a b"}, "image", "name of an image"),
    ({"image_pull_policy": True}, "image_pull_policy", "Always, IfNotPresent or Never"),
    ({"persistent_volume_claims": ["models"]}, "persistent_volume_claims", "expected a map"),
    ({"persistent_volume_claims": {"models": "/a:b"}}, "persistent_volume_claims.models", "without ':'"),
    (
        {"shared_memory": 1, "persistent_volume_claims": {"a": "/dev/shm"}},
        "persistent_volume_claims.a",
        "shared_memory",
    ),
    (
        {"tmpfs_size": 1, "tmpfs_path": "/t", "persistent_volume_claims": {"a": "/t"}},
        "persistent_volume_claims.a",
        "tmpfs_path",
    ),
    ({"extended_resources": {"efa": "1"}}, "extended_resources.efa", "not the name of a resource"),
    ({"extended_resources": {"a.b/c": "-1"}}, "extended_resources.a.b/c", "an amount"),
    ({"extended_resources": {"a.b/c": True}}, "extended_resources.a.b/c", "an amount"),
    ({"extended_resources": {"a.b/c": "500m"}}, "extended_resources.a.b/c", "a whole amount"),
    ({"security_context": "privileged"}, "security_context", "expected a map"),
    ({"security_context": {"privileged": "yes"}}, "security_context.privileged", "True or False"),
    ({"security_context": {"run_as_user": "1000"}}, "security_context.run_as_user", "a whole number"),
    ({"security_context": {"run_as_user": True}}, "security_context.run_as_user", "a whole number"),
    ({"security_context": {"run_as_user": -1}}, "security_context.run_as_user", "from 0"),
    ({"security_context": {"capabilities": ["ALL"]}}, "security_context.capabilities", "expected a map"),
    ({"security_context": {"seccomp_profile": {}}}, "security_context.seccomp_profile", "no type"),
    (
        {"security_context": {"seccomp_profile": {"type": "Localhost"}}},
        "security_context.seccomp_profile",
        "localhostProfile",
    ),
    (
        {"security_context": {"privileged": True, "allow_privilege_escalation": False}},
        "security_context.allow_privilege_escalation",
        "contradicts privileged",
    ),
    (
        {"security_context": {"run_as_non_root": True, "run_as_user": 0}},
        "security_context.run_as_user",
        "contradicts run_as_non_root",
    ),
    ({"tolerations": {"key": "a"}}, "tolerations", "expected a list"),
    ({"tolerations": [{"key": "a b", "operator": "Exists"}]}, "tolerations[0].key", "key of a taint"),
    ({"tolerations": [{"key": "a", "value": True}]}, "tolerations[0].value", "expected text"),
    ({"tolerations": [{"key": "a", "effect": "NoScheduled"}]}, "tolerations[0].effect", "NoSchedule"),
    ({"tolerations": [{"operator": "Exists", "value": "a"}]}, "tolerations[0].value", "takes no value"),
    ({"tolerations": [{"value": "a"}]}, "tolerations[0]", "no key"),
    ({"tolerations": [{"key": "a", "toleration_seconds": "5"}]}, "tolerations[0].toleration_seconds", "whole number"),
    ({"tolerations": [{"key": "a", "toleration_seconds": 5}]}, "tolerations[0].toleration_seconds", "NoExecute"),
]


@pytest.mark.parametrize("attributes", RIGHT, ids=repr)
def test_what_kubernetes_takes(attributes: dict[str, Any]) -> None:
    assert list(violations(attributes)) == []


@pytest.mark.parametrize(("attributes", "path", "message"), WRONG, ids=repr)
def test_what_kubernetes_refuses(attributes: dict[str, Any], path: str, message: str) -> None:
    (found,) = violations(attributes)
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found.path)[1:]
    assert written == path
    assert message in found.message


@pytest.mark.parametrize(
    ("attributes", "hint"),
    [
        ({"memory": "4Gi"}, "write 4295"),
        ({"memory": "4G"}, "write 4000"),
        ({"disk": "10240Mi"}, "write 10738"),
        ({"shared_memory": "1Gi"}, "write 1024"),
        ({"cpu": "500m"}, "write 0.5"),
        ({"image_pull_policy": "if-not-present"}, "did you mean 'IfNotPresent'?"),
        ({"tolerations": [{"key": "a", "operator": "exists"}]}, "did you mean 'Exists'?"),
        ({"security_context": {"runAsNonRoot": True}}, "did you mean 'run_as_non_root'?"),
        ({"security_context": {"run_as_usr": 1}}, "did you mean 'run_as_user'?"),
        (
            {"security_context": {"seccomp_profile": {"type": "Localhost", "localhost_profile": "a"}}},
            "did you mean 'localhostProfile'?",
        ),
        ({"secrets": ["My_Secret"]}, "as in 'my-secret'"),
    ],
    ids=repr,
)
def test_the_hint_is_what_was_meant(attributes: dict[str, Any], hint: str) -> None:
    first, *_ = violations(attributes)
    assert first.hint.endswith(hint)


def test_all_is_reported_at_once_and_shortly() -> None:
    found = list(violations({"labels": {f"{number} ": "x" * 500 for number in range(3)}, "port": "x" * 500}))
    assert len(found) == 7
    assert all(len(violation.message) < 200 and len(violation.hint) < 250 for violation in found)


@pytest.mark.parametrize("name", ["HOME", "_x", "with.dot", "with-dash", "-x", "a1"])
def test_names_of_variables(name: str) -> None:
    assert list(variable_names({name: "1"})) == []


@pytest.mark.parametrize("name", ["1ST", "sp ace", "", ".", "..", "..a", "é", "a=b", "a/b", "a\n"])
def test_names_that_no_variable_has(name: str) -> None:
    (found,) = variable_names({name: "1"})
    assert found.of_key


@pytest.mark.parametrize("attributes", RIGHT, ids=repr)
def test_pods_of_right_values_are_valid_by_the_published_schema(attributes: dict[str, Any]) -> None:
    given = {name: value for name, value in attributes.items() if value not in (None, "") and name != "unknown"}
    amounts = {"cpu": "1", "memory": "4096", "disk": "10240", "image": "a", "tmpfs_path": "/t", "tmpfs_tempdir": True}
    pod = pods.build({**amounts, **given}, {}, (), 3600)
    container = {"name": "base", "image": "a", **pod.container}
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a", "labels": pod.labels, "annotations": pod.annotations},
        "spec": {**pod.spec, "containers": [container]},
    }
    kubernetes_validate.validate(manifest, "1.31", strict=True)

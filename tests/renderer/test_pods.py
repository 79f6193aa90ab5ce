"""No attribute of Metaflow's `@kubernetes` is dropped: each changes the pod, or is refused by its name."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from deployer.kubernetes import pods
from deployer.orchestrators.airflow import step_pod
from deployer.orchestrators.airflow.check import check
from tests.renderer import flows

# Another value than the default, for each attribute that a pod is made from.
SAMPLES: dict[str, Any] = {
    "annotations": {"note": "text"},
    "compute_pool": "large",
    "cpu": "7",
    "disk": "7",
    "extended_resources": {"vpc.amazonaws.com/efa": "1"},
    "gpu": "1",
    "gpu_vendor": "amd",
    "image": "registry.example/other:1",
    "image_pull_policy": "Always",
    "image_pull_secrets": ["regcred"],
    "labels": {"team": "growth"},
    "memory": "7",
    "namespace": "elsewhere",
    "node_selector": {"arch": "arm64"},
    "persistent_volume_claims": {"models": "/models"},
    "port": 8080,
    "qos": "Guaranteed",
    "secrets": ["one"],
    "security_context": {"run_as_user": 1000},
    "service_account": "trainer",
    "shared_memory": 64,
    "tmpfs_path": "/elsewhere",
    "tmpfs_size": 64,
    "tmpfs_tempdir": False,
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "use_tmpfs": True,
}
# For @parallel alone, which is refused.
WITHOUT_EFFECT = {"hostname_resolution_timeout"}
TMPFS = {"use_tmpfs": True, "tmpfs_size": 32, "tmpfs_path": "/tmpfs", "tmpfs_tempdir": True}
# What an attribute needs beside it to have an effect.
BESIDE: dict[str, dict[str, Any]] = {
    "gpu_vendor": {"gpu": "1"},
    "tmpfs_path": TMPFS,
    "tmpfs_tempdir": TMPFS,
    "use_tmpfs": {name: value for name, value in TMPFS.items() if name not in ("use_tmpfs", "tmpfs_size")},
    "tmpfs_size": {name: value for name, value in TMPFS.items() if name not in ("use_tmpfs", "tmpfs_size")},
}

# What Metaflow itself sets with it.
WITH = {"use_tmpfs": {"tmpfs_size": 32}}


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    """The attributes of the installed Metaflow, which is asked in a process of its own."""
    module = "metaflow.plugins.kubernetes.kubernetes_decorator"
    code = f"import json; from {module} import KubernetesDecorator as K; print(json.dumps(K.defaults))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def pod_with(**attributes: Any) -> pods.Pod:
    flow = flows.linear()
    step = flows.with_pods(flow, start={**flow.steps[0].pod, **attributes}).steps[0]
    return step_pod.pod_of(flows.kubernetes(), flow, step)


def test_each_known_attribute_has_a_sample() -> None:
    assert set(SAMPLES) | WITHOUT_EFFECT == pods.KNOWN_ATTRIBUTES


def test_each_known_attribute_is_metaflows(defaults: dict[str, Any]) -> None:
    assert set(defaults) >= pods.KNOWN_ATTRIBUTES


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_attribute_changes_the_pod(name: str) -> None:
    beside = BESIDE.get(name, {})
    assert pod_with(**{**beside, name: SAMPLES[name], **WITH.get(name, {})}) != pod_with(**beside)


def test_any_other_attribute_is_refused_by_name(defaults: dict[str, Any]) -> None:
    others = set(defaults) - pods.KNOWN_ATTRIBUTES
    assert others == {"executable"}  # a new one: give it a place in the pod, or add it here
    for name in (*others, "of_a_metaflow_to_come"):
        flow = flows.with_pods(flows.linear(), start={"cpu": "1", "memory": "1", "disk": "1", name: "set"})
        assert [f"{name!r}" in problem.message for problem in check(flows.kubernetes(), flow)] == [True]

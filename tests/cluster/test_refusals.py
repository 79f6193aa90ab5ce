"""What each form of a refusal means, with the messages of real API servers."""

from __future__ import annotations

import threading

import pytest

from deployer.errors import Severity
from deployer.kubernetes.access import ClusterError, run_with_timeout
from deployer.kubernetes.client import Refusal
from deployer.kubernetes.pod_fields import setting_of, setting_of_resource
from deployer.kubernetes.references import Reference, references
from deployer.kubernetes.refusals import explain

POD = {"name": "fit-0a1b2c3d", "namespace": "ml"}
FORBIDDEN = 'pods "fit-0a1b2c3d" is forbidden: '


def told(message: str, code: int = 403, causes: tuple[tuple[str, str], ...] = ()) -> list[tuple[str, str, str]]:
    """Code, field or resource, and message of each problem."""
    return [(one.code, one.field or one.resource, one.message) for one in explain(Refusal(code, message, causes), POD)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("maximum cpu usage per Container is 2, but limit is 4", ["cpu"]),
        (
            "[maximum cpu usage per Pod is 2, but limit is 4, maximum memory usage per Pod is 1Gi, but limit is 8Gi]",
            ["cpu", "memory"],
        ),
        ("minimum memory usage per Container is 8Gi, but request is 2Gi", ["memory"]),
        ("maximum cpu usage per Container is 2, but no limit is specified", ["limits"]),
        ("cpu max limit to request ratio per Container is 10, but provided ratio is 100.000000", ["limits"]),
    ],
)
def test_limit_ranges(text: str, places: list[str]) -> None:
    found = told(FORBIDDEN + text)
    assert [(code, place) for code, place, _ in found] == [("cluster-limit", place) for place in places]
    assert "the pod violates the limits of the namespace 'ml': " in found[0][2]


def test_a_quota_that_never_fits_is_an_error_and_one_that_is_used_up_a_warning() -> None:
    used = "used: limits.memory=0,pods=10, limited: limits.memory=4Gi,pods=10"
    text = f"exceeded quota: all, requested: limits.memory=8Gi,pods=1, {used}"
    memory, pods = explain(Refusal(403, FORBIDDEN + text), POD)
    assert (memory.severity, memory.resource) == (Severity.ERROR, "limits.memory")
    assert (
        memory.message == "limits.memory=8Gi is more than the quota 'all' of the namespace 'ml' allows in total (4Gi)"
    )
    assert (pods.severity, pods.resource) == (Severity.WARNING, "pods")
    assert pods.message == "pods=1 is more than the quota 'all' of the namespace 'ml' has left (used 10 of 10)"


def test_a_namespace_that_ends() -> None:
    text = "unable to create new content in namespace ml because it is being terminated"
    causes = (("metadata.namespace", "namespace ml is being terminated"),)
    ((code, field, message),) = told(FORBIDDEN + text, 403, causes)
    assert (code, field) == ("cluster-refused", "metadata.namespace")
    assert message == "the cluster refuses metadata.namespace: namespace ml is being terminated"


def test_each_cause_of_an_invalid_pod_is_a_problem() -> None:
    causes = (("spec.containers[0].image", "Required value"), ("metadata.labels", 'Invalid value: "a b"'))
    found = told('Pod "fit-0a1b2c3d" is invalid: [...]', 422, causes)
    assert [(code, field) for code, field, _ in found] == [("cluster-refused", field) for field, _ in causes]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("no PriorityClass with name urgent was found", "spec.priorityClassName"),
        ('violates PodSecurity "baseline:latest": privileged (...)', "spec.containers[0].securityContext"),
        (
            'admission webhook "k" denied the request: rule team failed at path /metadata/labels/team/',
            "metadata.labels.team",
        ),
        ('admission webhook "k" denied the request: /spec/containers/0/image is not ours', "spec.containers[0].image"),
        ("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not today", ""),
        ("error of a plugin to come", ""),
    ],
)
def test_free_words(text: str, field: str) -> None:
    ((code, place, message),) = told(FORBIDDEN + text)
    assert (code, place) == ("cluster-refused", field)
    assert message == f"the cluster refuses the pod: {text}"


def test_the_name_of_the_asked_pod_is_in_no_message() -> None:
    ((_, _, message),) = told('admission webhook "k" denied the request: \n\n  Pod/ml/fit-0a1b2c3d\n  is bad\n', 400)
    assert message == 'the cluster refuses the pod: admission webhook "k" denied the request: Pod/ml/(pod) is bad'


@pytest.mark.parametrize(
    ("field", "setting"),
    [
        ("metadata.namespace", "namespace"),
        ("metadata.labels.team", "labels"),
        ("spec.containers[0].image", "image"),
        ("spec.containers[0].imagePullPolicy", "image_pull_policy"),
        ("spec.containers[0].resources.requests[cpu]", "cpu"),
        ("spec.containers[0].resources.limits[vpc.amazonaws.com/efa]", "extended_resources.vpc.amazonaws.com/efa"),
        ("spec.containers[0].resources.limits.nvidia.com/gpu", "gpu"),
        ("spec.containers[0].envFrom[1]", "secrets"),
        ("spec.containers[0].env[3].name", "environment"),
        ("spec.volumes[1].persistentVolumeClaim.claimName", "persistent_volume_claims.models"),
        ("spec.volumes[0]", "tmpfs_size"),
        ("spec.containers[0].volumeMounts[0].mountPath", "tmpfs_path"),
        ("spec.containers[1].image", ""),
        ("spec.hostNetwork", ""),
        ("", ""),
    ],
)
def test_settings_of_fields(field: str, setting: str) -> None:
    volumes = [{"name": "tmpfs-ephemeral-volume"}, {"name": "models"}]
    pod = {"spec": {"volumes": volumes, "containers": [{"volumeMounts": [{"name": "tmpfs-ephemeral-volume"}]}]}}
    assert setting_of(pod, field) == setting


def test_settings_of_resources() -> None:
    names = ("requests.cpu", "limits.memory", "ephemeral-storage", "requests.nvidia.com/gpu", "pods")
    assert [setting_of_resource(name) for name in names] == ["cpu", "memory", "disk", "gpu", ""]


def test_all_that_a_pod_names() -> None:
    spec = {
        "priorityClassName": "urgent",
        "serviceAccountName": "metaflow",
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "models"}},
            {"name": "b", "configMap": {"name": "settings"}},
            {"name": "c", "secret": {"secretName": "may-be-missing", "optional": True}},
            {"name": "d", "emptyDir": {}},
        ],
        "containers": [
            {
                "envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "more"}}],
                "env": [
                    {"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}},
                    {"name": "P", "value": "v"},
                ],
            }
        ],
    }
    found = dict(references({"metadata": POD, "spec": spec}))
    assert found == {
        Reference("namespace", "", "ml"): "metadata.namespace",
        Reference("priority class", "", "urgent"): "spec.priorityClassName",
        Reference("service account", "ml", "metaflow"): "spec.serviceAccountName",
        Reference("secret", "ml", "registry"): "spec.imagePullSecrets[0]",
        Reference("persistent volume claim", "ml", "models"): "spec.volumes[0]",
        Reference("config map", "ml", "settings"): "spec.volumes[1]",
        Reference("secret", "ml", "keys"): "spec.containers[0].envFrom[0]",
        Reference("config map", "ml", "more"): "spec.containers[0].envFrom[1]",
        Reference("secret", "ml", "key"): "spec.containers[0].env[0]",
    }


def test_credentials_that_never_come() -> None:
    never = threading.Event()
    with pytest.raises(ClusterError, match=r"loading the credentials took more than 0\.01 seconds"):
        run_with_timeout(0.01, never.wait, "the credentials")
    never.set()

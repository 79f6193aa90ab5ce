"""Our pods are those of Metaflow's own compiler for Argo Workflows, field by field, but for what a table says."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.manifest.load import load
from tests.compiling import compile_flows
from tests.kubernetes.argo import Fields, argo_pods, compiled, our_pods
from tests.kubernetes.intended import INTENDED, Difference
from tests.s3 import BUCKET

pytestmark = pytest.mark.slow

FLOWS = Path(__file__).with_name("oracle")
# Attributes of `@kubernetes` that no flow here uses, each with the reason.
UNUSED = {"executable": "refused by a plan: a pod's interpreter is that of its packages; under Argo it does nothing"}
PLAIN = {
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "registry.example/flows:1",
    "METAFLOW_KUBERNETES_NAMESPACE": "jobs",
}
# Every setting of Metaflow that decides something of a pod, numbers as numbers, and some that only reach it.
SETTLED = {
    **PLAIN,
    "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION": "eu-north-1",
    "METAFLOW_DEBUG_S3CLIENT": True,
    "METAFLOW_DEFAULT_RUNTIME_LIMIT": 7200,
    "METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE": "aws-secrets-manager",
    "METAFLOW_GCP_SECRET_MANAGER_PREFIX": "projects/1/secrets/",
    "METAFLOW_KUBERNETES_ANNOTATIONS": "note=common,owner=platform",
    "METAFLOW_KUBERNETES_CONTAINER_IMAGE": "flows:2",
    "METAFLOW_KUBERNETES_CONTAINER_REGISTRY": "registry.example/team",
    "METAFLOW_KUBERNETES_CPU": 2,
    "METAFLOW_KUBERNETES_DISK": 2000,
    "METAFLOW_KUBERNETES_FETCH_EC2_METADATA": True,
    "METAFLOW_KUBERNETES_GPU_VENDOR": "amd",
    "METAFLOW_KUBERNETES_IMAGE_PULL_POLICY": "Always",
    "METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS": '["regcred"]',
    "METAFLOW_KUBERNETES_LABELS": "app=common,team=platform",
    "METAFLOW_KUBERNETES_MEMORY": 2000,
    "METAFLOW_KUBERNETES_NODE_SELECTOR": "pool=common",
    "METAFLOW_KUBERNETES_PERSISTENT_VOLUME_CLAIMS": '{"models": "/models"}',
    "METAFLOW_KUBERNETES_PORT": 8080,
    "METAFLOW_KUBERNETES_QOS": "Guaranteed",
    "METAFLOW_KUBERNETES_SANDBOX_INIT_SCRIPT": 'echo "it\'s $HOME"',
    "METAFLOW_KUBERNETES_SECRETS": "common,more",
    "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": "metaflow",
    "METAFLOW_KUBERNETES_SHARED_MEMORY": 512,
    "METAFLOW_KUBERNETES_TOLERATIONS": '[{"key": "flows", "operator": "Equal", "value": "yes"}]',
    "METAFLOW_S3_SERVER_SIDE_ENCRYPTION": "AES256",
    "METAFLOW_SERVICE_INTERNAL_URL": "http://metadata.internal",
    "METAFLOW_SERVICE_URL": "http://metadata.example",
}
# The flows of each environment, and what is said on the command line of each.
ENVIRONMENTS: dict[str, tuple[dict[str, Any], dict[str, tuple[str, ...]]]] = {
    "plain": (PLAIN, {"every": (), "graph": (), "named": ("--production",)}),
    "settled": (SETTLED, {"settled": ()}),
}


@pytest.fixture(scope="module")
def pods(s3: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Fields, Fields]]:
    """Argo's pod and ours of each step, by ``flow.step``."""
    folder = tmp_path_factory.mktemp("oracle")
    shutil.copytree(FLOWS, folder / "flows")
    manifest: dict[str, Any] = {"version": 1, "project": "growth", "environments": {}, "flows": {}}
    (folder / ".metaflowconfig").mkdir()
    calls: list[tuple[Path, Path, str, tuple[str, ...]]] = []
    for name, (settings, flows) in ENVIRONMENTS.items():
        known = {"METAFLOW_S3_ENDPOINT_URL": s3, "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/oracle"}
        (folder / ".metaflowconfig" / f"config_{name}.json").write_text(json.dumps({**settings, **known}))
        manifest["environments"][name] = {
            "target": "dags",
            "compute": "kubernetes",
            "production": True,
            "datastore": f"s3://{BUCKET}/oracle",
            "metaflow": {"profile": name},
        }
        for flow, options in flows.items():
            manifest["flows"][flow] = {"file": f"flows/{flow}.py", "environments": [name]}
            calls.append((folder / "flows" / f"{flow}.py", folder / ".metaflowconfig", name, options))
    (folder / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest))
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda call: compiled(*call[:3], *call[3]), calls)
        deployments = load(folder, variables={}, environ={}).deployments
        ours = compile_flows(deployments)
        assert [problem for problem in ours.diagnostics if problem.severity.value == "error"] == []
        argo = {call[0].stem: argo_pods(answer) for call, answer in zip(calls, answers, strict=True)}
    found = {}
    for deployment in deployments:
        made = our_pods(deployment, ours.flows[deployment.address])
        assert made.keys() == argo[deployment.name].keys()
        found.update({f"{deployment.name}.{step}": (argo[deployment.name][step], made[step]) for step in made})
    return found


def differences(pods: dict[str, tuple[Fields, Fields]]) -> Iterator[tuple[str, str, str]]:
    """Pod, path, and in which pod alone the field is; empty where both have it with other values."""
    for name, (argo, ours) in pods.items():
        for path in sorted(argo.keys() | ours.keys()):
            if path not in ours or path not in argo:
                yield name, path, "argo" if path in argo else "ours"
            elif argo[path] != ours[path]:
                yield name, path, ""


def reasons(path: str, only: str) -> list[Difference]:
    return [each for each in INTENDED if re.fullmatch(each.pattern, path) and (not each.only or each.only == only)]


def test_each_difference_has_a_reason(pods: dict[str, tuple[Fields, Fields]]) -> None:
    unexplained = [
        f"{name}: {path}: Argo has {pods[name][0].get(path)!r}, we have {pods[name][1].get(path)!r}"
        for name, path, only in differences(pods)
        if not reasons(path, only)
    ]
    assert unexplained == [], "\n".join(["a field that is not Argo's needs a line in intended.py:", *unexplained])


def test_each_reason_has_a_difference(pods: dict[str, tuple[Fields, Fields]]) -> None:
    used = {each for _, path, only in differences(pods) for each in reasons(path, only)}
    assert [each.pattern for each in INTENDED if each not in used] == []


def test_the_flows_use_every_attribute() -> None:
    """Of the installed Metaflow, which is asked in a process of its own."""
    module = "metaflow.plugins.kubernetes.kubernetes_decorator"
    code = f"import json; from {module} import KubernetesDecorator as K; print(json.dumps(K.defaults))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert used_attributes() | UNUSED.keys() == set(json.loads(done.stdout))


def used_attributes() -> set[str]:
    """The arguments of all calls of `kubernetes` in the flows."""
    calls = (node for file in FLOWS.glob("*.py") for node in ast.walk(ast.parse(file.read_text())))
    return {
        str(keyword.arg)
        for call in calls
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "kubernetes"
        for keyword in call.keywords
    }

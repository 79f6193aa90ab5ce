"""Each METAFLOW_* setting belongs to one class, and what is said to be read is read."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from deployer.compiler import client
from deployer.errors import Severity
from deployer.models.metaflow_settings import READ, REFUSED, rule_of
from deployer.orchestrators.airflow import step_pod
from tests.compiler.compiling import KUBERNETES, deployment, local
from tests.compiler.settings import Walked, unread, walk
from tests.compiling import compile_flows
from tests.sources import two_steps

SERVICE = {"METAFLOW_SERVICE_URL": "http://metaflow"}
# Setting of pods -> a value, and what is in the pod because of it.
POD_PARTS = {
    f"METAFLOW_KUBERNETES_{name}": parts
    for name, parts in {
        "ANNOTATIONS": ("note=set", '"note": "set"'),
        "CONTAINER_IMAGE": ("flows:7", "flows:7"),
        "CONTAINER_REGISTRY": ("registry.example", "registry.example/"),
        "CPU": ("7", '"cpu": "7"'),
        "DISK": ("777", '"disk": "777"'),
        "IMAGE_PULL_POLICY": ("Always", '"imagePullPolicy": "Always"'),
        "IMAGE_PULL_SECRETS": ('["pull-keys"]', "pull-keys"),
        "LABELS": ("team=growth", '"team": "growth"'),
        "MEMORY": ("7777", '"memory": "7777"'),
        "NAMESPACE": ("elsewhere", "elsewhere"),
        "NODE_SELECTOR": ("arch=arm64", '"arch": "arm64"'),
        "PERSISTENT_VOLUME_CLAIMS": ('{"models": "/models"}', "/models"),
        "PORT": ("7070", "7070"),
        "QOS": ("guaranteed", "guaranteed"),
        "SECRETS": ("common-keys", "common-keys"),
        "SERVICE_ACCOUNT": ("trainer", "trainer"),
        "SHARED_MEMORY": ("71", '"shared_memory": 71'),
        "TOLERATIONS": ('[{"key": "gpu", "operator": "Exists"}]', '"operator": "Exists"'),
    }.items()
}
POD_PARTS["METAFLOW_DEFAULT_RUNTIME_LIMIT"] = ("7171", '"activeDeadlineSeconds": 7171')
IN_A_POD = {name: value for name, (value, _) in POD_PARTS.items()}
PLAIN = KUBERNETES.model_copy(update={"metaflow": {"METAFLOW_KUBERNETES_CONTAINER_IMAGE": "plain:1", **SERVICE}})
# Each has a test of its own, or shows only where a flow asks for packages or GPUs.
NOT_IN_A_POD = (
    "METAFLOW_DEFAULT_CONTAINER_IMAGE",
    "METAFLOW_DEFAULT_CONTAINER_REGISTRY",
    "METAFLOW_KUBERNETES_CONDA_ARCH",
    "METAFLOW_KUBERNETES_GPU_VENDOR",
)


@pytest.fixture(scope="module")
def walked() -> Walked:
    """The settings of the installed Metaflow."""
    return walk(sys.executable)


def test_each_setting_of_the_installed_metaflow_has_a_class(walked: Walked) -> None:
    assert len(walked.names) > 200
    assert {name for name in walked.names if rule_of(name) is None} == set()


def test_no_setting_has_two_classes() -> None:
    names = Counter(name for rule in (*READ, *REFUSED) for name in rule.names)
    assert [name for name, count in names.items() if count > 1] == []


def test_what_is_said_to_be_read_is_read(walked: Walked, tmp_path: Path) -> None:
    assert unread(sys.executable, walked, tmp_path) == {}


def test_a_pod_is_made_from_the_settings_of_pods() -> None:
    """Each of them changes the pod, or is a part of it."""
    environment = KUBERNETES.model_copy(update={"metaflow": {**IN_A_POD, **SERVICE}})
    one = deployment("linear.py", environment=environment)
    compiled = compile_flows([one])
    assert compiled.diagnostics == ()
    flow = compiled.flows[one.address]
    pod = step_pod.pod_of(one, flow, flow.step("start"))
    made = json.dumps([flow.step("start").pod, pod.spec, pod.container, pod.namespace])
    assert [name for name, (_, part) in POD_PARTS.items() if part not in made] == []
    plain = compile_flows([deployment("linear.py", environment=PLAIN)]).flows[one.address]
    before = json.dumps(plain.step("start").pod)
    assert [name for name, (_, part) in POD_PARTS.items() if part in before] == []
    names = {name for rule in READ if rule.pods and rule.by == "compile" for name in rule.names}
    assert set(POD_PARTS) | set(NOT_IN_A_POD) == {*names, "METAFLOW_DEFAULT_RUNTIME_LIMIT"}


def test_an_image_of_the_defaults_is_taken_where_there_is_no_other() -> None:
    settings = {"METAFLOW_DEFAULT_CONTAINER_IMAGE": "flows:3", "METAFLOW_DEFAULT_CONTAINER_REGISTRY": "acme.example"}
    one = deployment("linear.py", environment=KUBERNETES.model_copy(update={"metaflow": {**settings, **SERVICE}}))
    assert compile_flows([one]).flows[one.address].step("start").pod["image"] == "acme.example/flows:3"


def test_suffixes_of_the_settings_are_packaged(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text(two_steps("SuffixesFlow"))
    (tmp_path / "words.toml").touch()
    one = deployment(flow, environment=local(metaflow={"METAFLOW_DEFAULT_PACKAGE_SUFFIXES": ".py,.toml"}))
    assert set(compile_flows([one]).flows[one.address].code.files) == {"flow.py", "words.toml"}


def test_settings_of_a_task_are_variables_of_its_pod() -> None:
    given = {name: "1" for rule in READ if rule.pods and rule.by == "task" for name in rule.names}
    settings = {"METAFLOW_KUBERNETES_CONTAINER_IMAGE": "flows:1", **SERVICE, **given}
    one = deployment("linear.py", environment=KUBERNETES.model_copy(update={"metaflow": settings}))
    variables = compile_flows([one]).flows[one.address].environment
    assert {name: variables.get(name) for name in given} == given
    scripted = {**settings, "METAFLOW_KUBERNETES_SANDBOX_INIT_SCRIPT": 'echo "it\'s $HOME"'}
    del scripted["METAFLOW_INIT_SCRIPT"]
    one = deployment("linear.py", environment=KUBERNETES.model_copy(update={"metaflow": scripted}))
    assert compile_flows([one]).flows[one.address].environment["METAFLOW_INIT_SCRIPT"] == 'echo "it\'s $HOME"'


def test_processes_take_the_internal_url_where_there_is_no_other() -> None:
    def url(**settings: str) -> str | None:
        one = deployment(
            "linear.py", environment=local(metaflow={f"METAFLOW_{name}": settings[name] for name in settings})
        )
        return compile_flows([one]).flows[one.address].environment.get("METAFLOW_SERVICE_URL")

    assert url(SERVICE_INTERNAL_URL="http://inside") == "http://inside"
    assert url(SERVICE_INTERNAL_URL="http://inside", SERVICE_URL="http://outside") == "http://outside"


def test_a_name_that_metaflow_does_not_know_is_a_warning_with_the_nearest(tmp_path: Path) -> None:
    settings = {"METAFLOW_SERVICE_ULR": "http://a", "METAFLOW_OF_ACME_ALONE": "1", "METAFLOW_S3_RETRY_COUNT": "2"}
    two = [deployment("linear.py", name, local(metaflow=settings)) for name in ("one", "two")]
    compiled = compile_flows(two)
    assert len(compiled.flows) == 2
    said = [(found.severity, found.path, found.message, found.hint) for found in compiled.diagnostics]
    path = "environments.local.metaflow"
    assert said == [
        (
            Severity.WARNING,
            f"{path}.METAFLOW_OF_ACME_ALONE",
            f"Metaflow {version('metaflow')} does not know METAFLOW_OF_ACME_ALONE",
            "remove it, unless the flow's own code reads it",
        ),
        (
            Severity.WARNING,
            f"{path}.METAFLOW_SERVICE_ULR",
            f"Metaflow {version('metaflow')} does not know METAFLOW_SERVICE_ULR",
            "did you mean 'METAFLOW_SERVICE_URL'?",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "METAFLOW_DEFAULT_RUNTIME_LIMIT",
            "1h",
            "Metaflow expected a whole number for METAFLOW_DEFAULT_RUNTIME_LIMIT, got: 1h",
        ),
        (
            "METAFLOW_S3_CLIENT_RETRY_CONFIG",
            "{bad",
            "Metaflow expected a valid JSON for METAFLOW_S3_CLIENT_RETRY_CONFIG, got: {bad",
        ),
        (
            "METAFLOW_GS_STORAGE_WORKLOAD_TYPE",
            "hi",
            "Metaflow: METAFLOW_GS_STORAGE_WORKLOAD_TYPE must be set to one of ['general', 'high_throughput']."
            " Got 'hi'.",
        ),
    ],
)
def test_a_value_that_metaflow_does_not_start_with_is_told_at_its_setting(name: str, value: str, message: str) -> None:
    two = [deployment("linear.py", one, local(metaflow={name: value})) for one in ("one", "two")]
    (found,) = compile_flows(two).diagnostics
    assert (found.code, found.path, found.message, found.hint) == (
        "bad-value",
        f"environments.local.metaflow.{name}",
        message,
        "",
    )


def test_an_extension_may_have_settings_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "metaflow_extensions" / "acme" / "config"
    folder.mkdir(parents=True)
    config = "from metaflow.metaflow_config_funcs import from_conf\nACME_REGION = from_conf('ACME_REGION')\n"
    (folder / "mfextinit_acme.py").write_text(config)
    settings = {"METAFLOW_ACME_REGION": "north", "METAFLOW_ACME_REGOIN": "north"}
    one = deployment("linear.py", environment=local(metaflow=settings))
    compiled = client.compile_flows([one], {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert [found.hint for found in compiled.diagnostics] == ["did you mean 'METAFLOW_ACME_REGION'?"]

"""Values of a run that are more than a process or a pod takes: by way of a file, or of an object in the datastore."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from deployer.models.deployment import Deployment
from deployer.models.flow import Parameter
from deployer.orchestrators.airflow.render import render
from tests.clouds import BUCKET as CLOUD_BUCKET
from tests.clouds import STORES, Store
from tests.renderer import flows
from tests.s3 import BUCKET, CREDENTIALS, client, s3_server

RUNTIME = Path(__file__).parents[2] / "deployer" / "runtime"
VALUES = {"text": "é\u3164 \ud83d\ude00$(HOME)\n" * 400_000, "n": 1}
LARGE = json.dumps(VALUES, ensure_ascii=False)
HALF = json.dumps({"text": "\ud800" * 700_000}, ensure_ascii=False)
READ = """import hashlib, json
from mfdeploy_task.variables import parameters
print(hashlib.sha256(json.dumps(parameters()).encode()).hexdigest())
"""


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(scope="module", params=sorted(STORES))
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Another cloud's store, with the account of the worker that writes and of the pod that reads."""
    with (
        STORES[request.param](tmp_path_factory.mktemp(request.param)) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **running.variables}.items():
            patch.setenv(name, value)
        yield running


def method(deployment: Deployment, **names: Any) -> Any:
    """`parameter_variables` as it stands in a DAG file, and the file's functions that it calls."""
    flow = flows.with_pods(flows.linear(parameters=(Parameter("text", "string", 3),)))
    tree = ast.parse(render(deployment, flow, flows.package(flow)))
    wanted = [
        node
        for node in ast.walk(tree)
        if getattr(node, "name", "") in ("in_pieces", "parameter_variables")
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LARGE")
    ]
    exec(compile(ast.Module([node for node in wanted if isinstance(node, ast.stmt)], []), "dag", "exec"), names)
    return names["parameter_variables"]


def start(variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A task that prints a digest of what it reads."""
    kept = {"PYTHONPATH": str(RUNTIME), "PATH": "/usr/bin:/bin", **CREDENTIALS}
    return subprocess.run([sys.executable, "-c", READ], env={**kept, **variables}, capture_output=True, text=True)


def read(variables: Mapping[str, str], **more: str) -> str:
    """A digest of what a task reads."""
    done = start({**variables, **more})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def digest(text: str) -> str:
    return hashlib.sha256(json.dumps(json.loads(text)).encode()).hexdigest()


@pytest.mark.parametrize("text", [LARGE, HALF])
def test_a_process_gets_a_file(text: str, tmp_path: Path) -> None:
    step = types.SimpleNamespace(parameter_file=tmp_path / "parameters.json")
    variables = method(flows.deployment(), json=json)(step, text)
    assert list(variables) == ["MFDEPLOY_PARAMETERS"]
    assert read(variables) == digest(text)


def test_what_fits_stays_in_the_variables(tmp_path: Path) -> None:
    step = types.SimpleNamespace(parameter_file=tmp_path / "parameters.json")
    text = json.dumps({"text": "x" * 1_000_000})
    variables = method(flows.deployment())(step, text)
    assert set(variables) == {f"METAFLOW_PARAMETERS_{number}" for number in range(34)}
    assert read(variables) == digest(text)
    assert not step.parameter_file.exists()


class S3Hook:
    """As the hook of Airflow's provider, with no connection but the variables of the process."""

    def get_session(self) -> Any:
        key, secret, region = CREDENTIALS.values()
        return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=region)


def test_a_pod_gets_an_object(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _provide(monkeypatch)
    environment = {"METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow/", "METAFLOW_S3_ENDPOINT_URL": store}
    step = types.SimpleNamespace(metaflow_run_id="airflow-0123456789ab")
    variables = method(flows.kubernetes(), ENVIRONMENT=environment, FLOW="TrainFlow")(step, LARGE)
    # Other tests of this process have stored in the same bucket.
    [found] = client(store).list_objects_v2(Bucket=BUCKET, Prefix="metaflow/mfdeploy/")["Contents"]
    assert found["Key"] == "metaflow/mfdeploy/TrainFlow/airflow-0123456789ab/parameters.json"
    assert variables == {"MFDEPLOY_PARAMETERS": f"s3://{BUCKET}/{found['Key']}"}
    assert read(variables, **environment) == digest(LARGE)


def pods_at(cloud: Store) -> tuple[Deployment, dict[str, str]]:
    """A deployment with pods whose datastore is there, and the variables that its tasks have of it."""
    kind, _, place = cloud.root.partition("://")
    environment = flows.environment(compute="kubernetes", datastore_type=kind)
    root = f"gs://{place}" if kind == "gs" else place  # as Metaflow has them
    variables = {"METAFLOW_DEFAULT_DATASTORE": kind, f"METAFLOW_DATASTORE_SYSROOT_{kind.upper()}": f"{root}/large"}
    return flows.deployment(environment=environment), {**variables, **cloud.settings}


def test_a_pod_of_another_cloud_gets_an_object(cloud: Store) -> None:
    pods, environment = pods_at(cloud)
    step = types.SimpleNamespace(metaflow_run_id="airflow-0123456789ab")
    variables = method(pods, ENVIRONMENT=environment, FLOW="TrainFlow")(step, LARGE)
    address = f"{cloud.root}/large/mfdeploy/TrainFlow/airflow-0123456789ab/parameters.json"
    assert variables == {"MFDEPLOY_PARAMETERS": address}
    assert read(variables, **environment, **cloud.variables) == digest(LARGE)
    # The task is tried again, and writes the same once more.
    assert method(pods, ENVIRONMENT=environment, FLOW="TrainFlow")(step, LARGE) == variables


def test_of_another_cloud_an_object_that_is_gone_is_one_error(cloud: Store) -> None:
    _, environment = pods_at(cloud)
    gone = {"MFDEPLOY_PARAMETERS": f"{cloud.root}/large/gone.json"}
    done = start({**gone, **environment, **cloud.variables})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"the parameters of the run are not at {gone['MFDEPLOY_PARAMETERS']}"


def test_another_cloud_that_airflow_cannot_write_to_is_one_error(cloud: Store) -> None:
    pods, environment = pods_at(cloud)
    environment = {name: value.replace(CLOUD_BUCKET, "no-such-bucket") for name, value in environment.items()}
    step = types.SimpleNamespace(metaflow_run_id="airflow-0")
    root = cloud.root.replace(CLOUD_BUCKET, "no-such-bucket")
    where = f"cannot store them as {root}/large/mfdeploy/TrainFlow/airflow-0/parameters.json: "
    with pytest.raises(RuntimeError, match=f"more than a pod takes, and Airflow {where}"):
        method(pods, ENVIRONMENT=environment, FLOW="TrainFlow")(step, LARGE)


def test_where_airflow_cannot_store_it_the_error_says_what_and_where(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://no-such-bucket", "METAFLOW_S3_ENDPOINT_URL": store}
    step = types.SimpleNamespace(metaflow_run_id="airflow-0")
    parameter_variables = method(flows.kubernetes(), ENVIRONMENT=environment, FLOW="TrainFlow")
    where = "cannot store them as s3://no-such-bucket/mfdeploy/TrainFlow/airflow-0/parameters.json: "
    with pytest.raises(RuntimeError, match=f"{where}No module named"):
        parameter_variables(step, LARGE)
    _provide(monkeypatch)
    with pytest.raises(RuntimeError, match=f"{where}.*NoSuchBucket"):
        parameter_variables(step, LARGE)


def _provide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the hook where Airflow has it: there is no Airflow beside these tests."""
    names = ["airflow", "providers", "amazon", "aws", "hooks", "s3"]
    for count in range(1, len(names) + 1):
        module = types.ModuleType(".".join(names[:count]))
        module.__path__ = []
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(sys.modules["airflow.providers.amazon.aws.hooks.s3"], "S3Hook", S3Hook, raising=False)

"""What a shell is told for Metaflow's Client. tests/e2e/test_identity.py evaluates it and reads a run."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from deployer import cli
from deployer.manifest.fields import ResolvedPath
from deployer.models.client_variables import client_variables
from deployer.models.deployment import Environment
from deployer.views.env_view import env_to_json, env_to_text

from .conftest import edit_manifest

Output = pytest.CaptureFixture[str]


def environment(datastore: str, kind: str, **metaflow: str) -> Environment:
    return Environment.model_construct(
        name="prod",
        project="growth",
        datastore=ResolvedPath(datastore, datastore),
        datastore_type=kind,
        metaflow=metaflow,
    )


@pytest.mark.parametrize(
    ("datastore", "kind", "expected"),
    [
        ("/data/metaflow", "local", {"METAFLOW_DATASTORE_SYSROOT_LOCAL": "/data/metaflow"}),
        ("s3://acme/prod", "s3", {"METAFLOW_DATASTORE_SYSROOT_S3": "s3://acme/prod"}),
        ("gs://acme/prod", "gs", {"METAFLOW_DATASTORE_SYSROOT_GS": "gs://acme/prod"}),
        ("azure://acme/prod", "azure", {"METAFLOW_DATASTORE_SYSROOT_AZURE": "acme/prod"}),
    ],
)
def test_where_the_runs_are(datastore: str, kind: str, expected: dict[str, str]) -> None:
    common = {"METAFLOW_DEFAULT_DATASTORE": kind, "METAFLOW_DEFAULT_METADATA": "local"}
    assert client_variables(environment(datastore, kind)) == {**common, **expected}


def test_who_knows_the_runs() -> None:
    url = "http://metadata:8080"
    for name in ("METAFLOW_SERVICE_URL", "METAFLOW_SERVICE_INTERNAL_URL"):
        found = client_variables(environment("s3://acme", "s3", **{name: url}))
        assert (found["METAFLOW_SERVICE_URL"], found["METAFLOW_DEFAULT_METADATA"]) == (url, "service")
    both = {"METAFLOW_SERVICE_URL": url, "METAFLOW_SERVICE_INTERNAL_URL": "http://inside:8080"}
    assert client_variables(environment("s3://acme", "s3", **both))["METAFLOW_SERVICE_URL"] == url


def test_neither_credentials_nor_what_only_pods_and_tasks_have() -> None:
    given = {
        "METAFLOW_SERVICE_AUTH_KEY": "k",
        "METAFLOW_SERVICE_HEADERS": "{}",
        "METAFLOW_S3_ENDPOINT_URL": "http://ada:password@s3",
        "METAFLOW_KUBERNETES_NAMESPACE": "ml",
        "METAFLOW_TEMPDIR": "/scratch",
        "METAFLOW_CARD_S3ROOT": "s3://acme/cards",
        "METAFLOW_OF_NOBODY": "x",
    }
    assert set(client_variables(environment("s3://acme", "s3", **given))) == {
        "METAFLOW_CARD_S3ROOT",
        "METAFLOW_DATASTORE_SYSROOT_S3",
        "METAFLOW_DEFAULT_DATASTORE",
        "METAFLOW_DEFAULT_METADATA",
    }


@pytest.mark.parametrize("value", ["$(touch hacked)", "a b", "it's", '"; touch hacked; "', "`touch hacked`", "a\nb"])
def test_a_shell_gets_each_value_as_it_is(value: str, tmp_path: Path) -> None:
    text = env_to_text(env_to_json("prod/train", None, None, value, {"METAFLOW_X": value}))
    script = f'eval {shlex.quote(text)}; printf %s "$METAFLOW_X|$MFDEPLOY_NAMESPACE|$METAFLOW_PROFILE"'
    environ = {"METAFLOW_PROFILE": "other"}
    done = subprocess.run(["/bin/bash", "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{value}|{value}|", "")
    assert list(tmp_path.iterdir()) == []


def test_of_a_flow_that_is_not_deployed_no_namespace_is_known(project: Path, capsys: Output) -> None:
    assert cli.run(["env", "train", "--env", "local", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["namespace"], found["unset"]) == (None, ["METAFLOW_PROFILE", "MFDEPLOY_NAMESPACE"])
    assert "local/train is not deployed, so its runs have no namespace yet" in err


def test_the_namespace_is_that_of_the_deployed_dag(deployed: Path, capsys: Output) -> None:
    # Nothing of the flow is run: the record says it.
    (deployed / "flows" / "train.py").write_text("raise SystemExit\n")
    assert cli.run(["env", "train", "--env", "local"]) == 0
    out, err = capsys.readouterr()
    assert "export MFDEPLOY_NAMESPACE=production:trainflow.local-0-" in out
    assert 'Flow("TrainFlow").latest_run' in err


def test_an_unknown_flow_is_refused(deployed: Path, capsys: Output) -> None:
    edit_manifest(deployed, "  train:", "  training:")
    assert cli.run(["env", "train", "--env", "local"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "the environment local has no flow 'train'; did you mean 'training'?" in err

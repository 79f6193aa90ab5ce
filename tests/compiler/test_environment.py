"""What a process that loads flows is given of the variables of whoever plans, and who gets the rest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from deployer.compiler import client
from deployer.compiler.environment import access_to_datastores, is_withheld, variables_to_load
from deployer.models.deployment import ResolvedPath
from tests.compiler.compiling import deployment, local
from tests.s3 import BUCKET, CREDENTIALS, s3_server
from tests.s3 import client as s3_client

# Each of these gives access to something, or to the steps of the job that come after.
_NAMES = """
GITHUB_ENV GITHUB_PATH GITHUB_OUTPUT GITHUB_STATE GITHUB_STEP_SUMMARY BASH_ENV BUILDKITE_ENV_FILE
ACTIONS_RUNTIME_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_CACHE_URL
GITHUB_TOKEN GH_TOKEN CI_JOB_TOKEN CI_JOB_JWT_V2 CI_REGISTRY_PASSWORD SYSTEM_ACCESSTOKEN BUILDKITE_AGENT_ACCESS_TOKEN
CIRCLE_OIDC_TOKEN_V2 BITBUCKET_STEP_OIDC_TOKEN NPM_TOKEN
AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI
GOOGLE_APPLICATION_CREDENTIALS GOOGLE_GHA_CREDS_PATH
AZURE_CLIENT_SECRET AZURE_FEDERATED_TOKEN_FILE AZURE_STORAGE_CONNECTION_STRING IDENTITY_HEADER
SSH_AUTH_SOCK PGPASSWORD MYSQL_PWD OPENAI_API_KEY db_password METAFLOW_SERVICE_AUTH_KEY
"""
WITHHELD = {
    **dict.fromkeys(_NAMES.split(), "x"),
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:sesame@gitlab.com/acme/flows.git",
    "DATABASE": "postgres://ada:sesame@db/growth",
    "HTTPS_PROXY": "http://ada:sesame@proxy:3128",
}
GIVEN = {
    "PATH": "/bin",
    "HOME": "/home/ada",
    "PWD": "/work",
    "OLDPWD": "/",
    "USER": "ada",
    "LANG": "C",
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_WORKSPACE": "/work",
    "CI": "true",
    "AWS_DEFAULT_REGION": "eu-north-1",
    "AWS_ENDPOINT_URL_S3": "http://localhost:1",
    "AWS_PROFILE": "growth",
    "HTTP_PROXY": "http://proxy:3128",
    "TOKENIZERS_PARALLELISM": "false",
    "KEYBOARD": "fi",
    "MAX_TOKENS": "5",
}


def test_the_rule() -> None:
    assert variables_to_load({**WITHHELD, **GIVEN}, ()) == GIVEN
    passed = {name: WITHHELD[name] for name in ("OPENAI_API_KEY", "DATABASE")}
    assert variables_to_load({**WITHHELD, **GIVEN}, ("OPENAI_API_KEY", "DATABASE", "NOT_SET")) == GIVEN | passed
    assert "METAFLOW_SERVICE_AUTH_KEY" not in variables_to_load(WITHHELD, ("METAFLOW_SERVICE_AUTH_KEY",))


@pytest.mark.parametrize(
    ("kind", "prefixes"), [("local", ()), ("s3", ("AWS_",)), ("gs", ("GOOGLE_",)), ("azure", ("AZURE_", "IDENTITY_"))]
)
def test_what_stores_gets_the_access_to_its_datastore_alone(kind: str, prefixes: tuple[str, ...]) -> None:
    found = access_to_datastores({**WITHHELD, **GIVEN, "PIP_INDEX_URL": "https://a:b@pypi"}, [kind], packages=False)
    assert {name for name in found if name != "HTTPS_PROXY"} == {name for name in WITHHELD if name.startswith(prefixes)}
    assert all(is_withheld(name, value) for name, value in found.items())


def test_what_installs_packages_gets_the_access_to_indexes() -> None:
    index = {"PIP_INDEX_URL": "https://ada:sesame@pypi.example.com", "UV_INDEX_ACME_PASSWORD": "x"}
    found = access_to_datastores({**WITHHELD, **index}, ["local"], packages=True)
    assert found == {**index, "HTTPS_PROXY": WITHHELD["HTTPS_PROXY"]}


FLOW = """\
import json, os, pathlib
from metaflow import FlowSpec, Parameter, step

SEEN = dict(os.environ)
pathlib.Path({file!r}).open("a").write(json.dumps(SEEN) + "\\n")

class SeesFlow(FlowSpec):
    late = Parameter("late", default=lambda context: os.environ.get("AWS_SECRET_ACCESS_KEY", "none"))

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    SeesFlow()
"""
SECRETS = {name: value for name, value in WITHHELD.items() if not name.startswith("METAFLOW_")}


def seen(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW.format(file=str(tmp_path / "seen.jsonl")))
    return tmp_path / "flow.py"


def test_a_flow_at_import_sees_no_access_in_any_mode(flow: Path) -> None:
    environ = {**os.environ, **SECRETS}
    one = deployment(flow, environment=local(flow.parent / "data"))
    assert client.compile_flows([one], environ).diagnostics == ()
    for upload in (False, True):
        client.build_packages([one], environ, upload=upload, user="ada")
    found = seen(flow.with_name("seen.jsonl"))
    assert len(found) == 3
    assert [set(each) & set(SECRETS) for each in found] == [set()] * 3


def test_what_the_manifest_passes_is_for_that_flow_alone(flow: Path) -> None:
    environ = {**os.environ, **SECRETS}
    passes = deployment(flow, "passes", compile_environment=("OPENAI_API_KEY",))
    found = client.compile_flows([passes, deployment(flow, "other")], environ)
    assert found.diagnostics == ()
    secrets = [set(each) & set(SECRETS) for each in seen(flow.with_name("seen.jsonl"))]
    assert sorted(secrets, key=len) == [set(), {"OPENAI_API_KEY"}]


def test_what_is_stored_has_the_access_that_the_flow_at_import_had_not(flow: Path) -> None:
    """Deploy-time functions have it too: Metaflow stores what they include from the process of the flow."""
    with s3_server() as url:
        environ = {**os.environ, **CREDENTIALS, "AWS_ENDPOINT_URL": url, "GH_TOKEN": "x", "AWS_SESSION_TOKEN": "x"}
        root = ResolvedPath(f"s3://{BUCKET}/flows", f"s3://{BUCKET}/flows")
        one = deployment(flow, environment=local().model_copy(update={"datastore": root, "datastore_type": "s3"}))
        (built,) = client.build_packages([one], environ, upload=True, user="ada").values()
        stored = [each["Key"] for each in s3_client(url).list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert built.parameters == {"late": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
    assert any(key.endswith(built.sha) for key in stored)
    (at_import,) = seen(flow.with_name("seen.jsonl"))
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GH_TOKEN"} & set(at_import)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import os; os.environ['WAREHOUSE_TOKEN']", "WAREHOUSE_TOKEN"),
        ("raise Exception('NoCredentialsError: Unable to locate credentials')", "AWS_ACCESS_KEY_ID"),
    ],
)
def test_the_error_of_a_flow_that_misses_one_says_what_passes_it(line: str, names: str, tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(f"{line}\n")
    # Other tests of this process may have set variables of AWS.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ = {**plain, "WAREHOUSE_TOKEN": "sesame", "AWS_ACCESS_KEY_ID": "x"}
    (problem,) = client.compile_flows([deployment(tmp_path / "flow.py")], environ).diagnostics
    assert problem.hint.endswith(f"write `compile_environment: [{names}]`")
    assert "sesame" not in str(problem)

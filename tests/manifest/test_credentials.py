"""What is taken for a credential: by its name, or by what it holds."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from deployer.models.credentials import OF_THE_SERVICE, credential_in_url, holds_credential, names_credential


@pytest.mark.parametrize(
    "name",
    [
        *OF_THE_SERVICE,
        "METAFLOW_AWS_SANDBOX_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "METAFLOW_X_PASSWORD",
        "DB_PASSWD",
        "CLIENT_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "token",
    ],
)
def test_a_name_of_a_credential(name: str) -> None:
    assert names_credential(name)


@pytest.mark.parametrize(
    "name",
    [
        "METAFLOW_KUBERNETES_SECRETS",
        "METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS",
        "METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_ROLE",
        "METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE",
        "METAFLOW_PRODUCTION_TOKEN",
        "METAFLOW_SERVICE_URL",
        "MONKEY",
        "OMP_NUM_THREADS",
    ],
)
def test_a_name_of_something_else(name: str) -> None:
    assert not names_credential(name)


def test_of_all_settings_of_the_installed_metaflow_three_are_credentials() -> None:
    code = "import metaflow.metaflow_config as found; print(open(found.__file__).read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names = {f"METAFLOW_{name}" for name in re.findall(r'from_conf\(\s*"([A-Z0-9_]+)"', done.stdout)}
    assert len(names) > 100
    found = {name for name in names if names_credential(name)}
    assert found == {*OF_THE_SERVICE, "METAFLOW_AWS_SANDBOX_API_KEY"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("https://ada:hunter2@metaflow.example", True),
        ("postgresql://:hunter2@db/x", True),
        ('{"aws_secret_access_key": "x"}', True),
        ('{"x-api-key": "x"}', True),
        ("{'Authorization': 'Bearer x'}", True),
        ("https://metaflow.example:8080/a@b", False),
        ("s3://acme/metaflow", False),
        ('{"region": "eu-west-1", "partition_key": "day"}', False),
        ("arn:aws:iam::1:role/reader", False),
    ],
)
def test_a_value_with_a_credential_in_it(text: str, holds: bool) -> None:
    assert holds_credential(text) is holds


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("s3://acme/dags", ""),
        ("git+ssh://git@host:22/dags.git//dags?ref=main", ""),
        ("git+https://ada:hunter2@host/dags.git", "a password"),
        ("azure://acme/dags?sv=1&sig=abc", "a key or a signature"),
        ("s3://acme/dags?X-Amz-Signature=abc", "a key or a signature"),
        ("https://acme/dags?api_key=abc", "a key or a signature"),
    ],
)
def test_a_credential_in_a_url(url: str, kind: str) -> None:
    assert credential_in_url(url) == kind

"""Where variables alone say how a bucket is reached, they say what botocore would find."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from botocore.session import Session

from deployer.targets.s3_settings import s3_settings

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalr/example"}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "us-west-2", "AWS_SESSION_TOKEN": "a token"},
        {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9000"},
        {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
            "AWS_ENDPOINT_URL_S3": "https://minio.acme.example",
        },
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_DEFAULT_REGION": "us-gov-west-1"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "false"},
        {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        },
    ],
)
def test_variables_say_what_botocore_finds(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in {**KEYS, **variables}.items():
        monkeypatch.setenv(name, value)
    found, session = s3_settings(os.environ), Session()
    keys = session.get_credentials().get_frozen_credentials()
    assert found.credentials is not None
    given = found.credentials()
    assert (given["access_key_id"], given["secret_access_key"], given["token"]) == tuple(keys)[:3]
    assert found.region == session.get_config_variable("region")
    assert found.endpoint == session.create_client("s3", region_name=found.region).meta.endpoint_url


def test_a_file_of_settings_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-north-1\n")
    assert s3_settings(os.environ).region == "eu-north-1"


def test_keys_without_their_secret_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    with pytest.raises(ValueError, match="Partial credentials"):
        s3_settings(os.environ)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ENDPOINT_URL_S3", "garbage", "Invalid endpoint"),
        ("AWS_ENDPOINT_URL", "http://", "Invalid endpoint"),
        ("AWS_ENDPOINT_URL", "http://a b", "Invalid endpoint"),
        ("AWS_DEFAULT_REGION", "eu west", "region_name 'eu west'"),
        ("AWS_SECRET_ACCESS_KEY", "two\nlines", "AWS_SECRET_ACCESS_KEY contains a character"),
        ("AWS_SESSION_TOKEN", "kéy", "AWS_SESSION_TOKEN contains a character"),
    ],
)
def test_what_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str) -> None:
    for name, given in {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1", variable: value}.items():
        monkeypatch.setenv(name, given)
    with pytest.raises(ValueError, match=said):
        s3_settings(os.environ)


def test_variables_alone_import_no_botocore(tmp_path: Path) -> None:
    code = "import os, sys; from deployer.targets.s3_settings import s3_settings; s3_settings(os.environ); "
    code += "sys.exit('botocore' in sys.modules)"
    environ = {**KEYS, "HOME": str(tmp_path), "AWS_DEFAULT_REGION": "eu-west-1"}
    assert os.spawnve(os.P_WAIT, sys.executable, [sys.executable, "-c", code], environ) == 0

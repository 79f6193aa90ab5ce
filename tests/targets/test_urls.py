"""How targets are written, and whose credentials they are opened with."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import DeployError
from deployer.models.target import TargetError
from deployer.targets.azure import azure_config
from deployer.targets.object_store import ObjectStoreTarget
from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET, target_at


@pytest.mark.parametrize(
    "url",
    [
        "s3://acme-airflow/dags",
        "s3://acme-airflow",
        "s3://acme-airflow/a/b-c/d_e=f/",
        "gs://us-central1-acme_composer-bucket/dags",
        "azure://airflow/dags",
        "az://airflow/dags",
        "abfss://airflow@acme.dfs.core.windows.net/dags",
    ],
)
def test_these_are_targets(url: str) -> None:
    target = target_at(url)
    assert isinstance(target, ObjectStoreTarget)
    assert target.url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://", "is not a valid bucket name"),
        ("s3:///dags", "is not a valid bucket name"),
        ("s3://b/dags", "is not a valid bucket name"),
        ("s3://acme/../other", "the prefix has a part '..'"),
        ("s3://acme/a//b", "the prefix has a part ''"),
        ("s3://acme/a b", "the prefix has a part 'a b'"),
        ("s3://acme/dags?X-Amz-Signature=abc", "a target's URL has no query"),
        ("azure://acme/dags?sv=1&sig=abc", "a target's URL has no query"),
        ("s3://AKIA:secret@acme/dags", "the bucket's name comes first"),
        ("abfss://airflow/dags", "expected abfss://container@account.dfs.core.windows.net/prefix"),
        ("s3a://acme/dags", "write s3://bucket/prefix"),
        ("gcs://acme/dags", "write gs://bucket/prefix"),
        ("https://acme.blob.core.windows.net/dags", "write git+https://, or s3://, gs:// or azure://"),
        ("s4://acme/dags", "s4:// is not a supported kind of target"),
        ("ftp://acme/dags", "write a folder, or a URL of git+ssh, git+https, git+file, s3, gs"),
    ],
)
def test_these_are_none_and_nothing_secret_is_repeated(url: str, expected: str) -> None:
    with pytest.raises(DeployError) as refused:
        target_at(url)
    text = str(refused.value)
    assert expected in text
    assert "m.yaml:3: error: environments.prod.target: " in text
    assert not {"secret", "abc"} & set(text.replace("=", " ").replace("@", " ").replace(":", " ").split())


def test_without_credentials_it_says_where_to_get_some(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**AWS, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(TargetError, match="s3://acme/dags: no AWS credentials were found") as error:
        target_at("s3://acme/dags").list()
    assert "aws sso login" in error.value.hint
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(TargetError, match=r"no usable AWS credentials.*nobody"):
        target_at("s3://acme/dags").list()


def test_a_profile_gives_keys_region_and_endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*AWS, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = testing\naws_secret_access_key = testing\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    with s3_server(BUCKET) as url:
        (tmp_path / "config").write_text(f"[profile team]\nregion = us-east-1\nendpoint_url = {url}\n")
        # The servers of one process share their buckets.
        target = target_at(f"s3://{BUCKET}/of-a-profile")
        version = target.create("a.py", b"one")
        assert target.list() == {"a.py": version}


def test_google_credentials_that_are_not_there_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json")
    with pytest.raises(TargetError, match="gs://acme/dags: no usable Google credentials") as error:
        target_at("gs://acme/dags").list()
    assert "gcloud auth application-default login" in error.value.hint


def test_an_azure_account_that_is_not_named_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TargetError, match="azure://acme/dags: Azure's settings cannot be used") as error:
        target_at("azure://acme/dags").list()
    assert "AZURE_STORAGE_ACCOUNT_NAME" in error.value.hint


def test_the_azure_command_is_found_by_the_given_path(tmp_path: Path) -> None:
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)
    assert azure_config("acme", {"PATH": str(tmp_path)}) == {"account_name": "acme", "use_azure_cli": True}
    assert azure_config("acme", {"PATH": "/nonexistent"}) == {"account_name": "acme"}
    assert azure_config("", {"PATH": str(tmp_path), "AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_KEY": "k"}) == {
        "account_name": "a",
        "account_key": "k",
    }

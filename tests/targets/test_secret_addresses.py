"""Targets with `${env.X}` in their address: they work, and the value is in nothing that is written or said."""

from __future__ import annotations

import gc
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from deployer import cli
from deployer.errors import DeployError, Location
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.target import MovedError, Target, TargetError, UnpublishedError
from deployer.models.waiting import WaitPolicy
from deployer.targets.redaction import RedactedTarget, Redaction
from deployer.targets.registry import open_target
from deployer.vcs.git import Git
from tests.s3 import client, s3_server
from tests.sources import two_steps
from tests.targets.git_server import git_server
from tests.targets.kinds import AWS
from tests.targets.repositories import make_remote

SECRET = "hunter2-b8b2"
MANIFEST = """version: 1
project: growth
environments:
  prod: {{target: "{target}", compute: local, datastore: ../data, production: true}}
flows:
  train: {{file: flow.py, max_workers: 7}}
"""
Said = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Place:
    """A target: as a manifest writes it, the variables that lead to it, and all that is stored there."""

    target: str
    variables: Mapping[str, str]
    stored: Callable[[], bytes]


@contextmanager
def folder(tmp_path: Path) -> Iterator[Place]:
    place = tmp_path / SECRET / "dags"
    yield Place(
        f"{tmp_path}/${{env.TOKEN}}/dags",
        {"TOKEN": SECRET},
        lambda: b"".join(file.read_bytes() for file in place.rglob("*") if file.is_file()),
    )


@contextmanager
def s3(tmp_path: Path) -> Iterator[Place]:
    with s3_server(SECRET) as url:
        store = client(url)

        def stored() -> bytes:
            keys = [each["Key"] for each in store.list_objects_v2(Bucket=SECRET)["Contents"]]
            heads = [json.dumps(store.head_object(Bucket=SECRET, Key=key)["Metadata"]).encode() for key in keys]
            return b"".join([*heads, *(store.get_object(Bucket=SECRET, Key=key)["Body"].read() for key in keys)])

        yield Place("s3://${env.TOKEN}/dags", {**AWS, "TOKEN": SECRET, "AWS_ENDPOINT_URL_S3": url}, stored)


@contextmanager
def git(tmp_path: Path) -> Iterator[Place]:
    (tmp_path / "served").mkdir()
    remote = make_remote(tmp_path / "served" / "dags.git")
    remote.push({"dags/README": b"DAGs\n"})
    remote.git("config", "http.receivepack", "true")
    with git_server(tmp_path / "served", tmp_path / "tls", "ci", SECRET) as server:
        yield Place(
            f"git+https://ci:${{env.TOKEN}}@{server.host}/dags.git//dags?ref=main",
            {"TOKEN": SECRET, "GIT_SSL_CAINFO": str(server.authority), "GIT_CONFIG_NOSYSTEM": "1"},
            lambda: remote.git("log", "-p", "--all", "--format=raw").encode(),
        )


@contextmanager
def git_as_a_whole(tmp_path: Path) -> Iterator[Place]:
    """The whole address is secret: the target takes it apart, and its parts are not said either."""
    remote = make_remote(tmp_path / SECRET / "dags.git")
    remote.push({"dags/README": b"DAGs\n"})
    yield Place(
        "${env.ADDRESS}",
        {"ADDRESS": f"git+file://{remote.path}//dags?ref=main"},
        lambda: remote.git("log", "-p", "--all", "--format=raw").encode(),
    )


@pytest.fixture(params=[folder, s3, git, git_as_a_whole])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    project = tmp_path / "project"
    for name in ("project/deployments", "home", "tmp"):
        (tmp_path / name).mkdir(parents=True)
    if "git" in request.param.__name__:
        (tmp_path / SECRET).mkdir()
    with request.param(tmp_path) as made:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            monkeypatch.delenv(name)
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
        monkeypatch.chdir(project)
        (project / "deployments" / "flow.py").write_text(two_steps("TrainFlow"))
        (project / "deployments" / "m.yaml").write_text(MANIFEST.format(target=made.target))
        yield made
    gc.collect()


def written(folder: Path) -> list[Path]:
    """The files below a folder that have the secret in them."""
    return [file for file in folder.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]


class Shell:
    """Runs commands, and keeps all that they say."""

    def __init__(self, capsys: Said) -> None:
        self._capsys = capsys

    def run(self, *command: str, code: int = 0) -> str:
        found = cli.run([*command])
        said = self._capsys.readouterr()
        assert found == code, said.err
        assert SECRET not in said.out + said.err
        return said.out if code == 0 else said.err


@pytest.mark.slow
def test_the_value_is_nowhere(place: Place, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, project, env = Shell(capsys), tmp_path / "project", ("--env", "prod")
    reference = place.target
    assert json.loads(shell.run("plan", *env, "--format", "json", "--out", "plan.json"))["targets"] == {
        "prod": reference
    }
    shell.run("plan", *env, "--format", "markdown", "--diff")
    shell.run("apply", "plan.json", "--yes", "--allow-mass-change")
    assert "No changes" in shell.run("plan", *env)
    assert reference in shell.run("show", *env, "train", "--format", "json")
    history = json.loads(shell.run("history", *env, "--format", "json"))
    assert history["target"] == reference and len(history["entries"]) == 1
    shell.run("render", "train", *env)
    shell.run("validate")
    (project / "deployments" / "m.yaml").write_text(
        MANIFEST.format(target=reference).replace("workers: 7", "workers: 8")
    )
    shell.run("apply", *env, "--yes", "--allow-mass-change")
    shell.run("rollback", history["entries"][0]["id"], *env, "--yes")
    stored = place.stored()
    assert b"TrainFlow" in stored and SECRET.encode() not in stored
    assert reference.encode() in stored  # in the history
    for below in ("project", "home", "tmp"):
        assert written(tmp_path / below) == []


@pytest.mark.slow
@pytest.mark.parametrize("place", [folder, git], indirect=True)
def test_another_value_of_the_same_place_is_no_change(
    place: Place, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that is renewed: plans compare the reference. Here the same place is reached through a default."""
    shell = Shell(capsys)
    shell.run("plan", "--env", "prod", "--out", "plan.json")
    manifest = Path("deployments/m.yaml")
    (name,) = set(re.findall(r"env\.(\w+)", manifest.read_text()))
    value = os.environ[name]
    monkeypatch.delenv(name)
    text = f"environments.prod.target: the environment variable {name} is not set"
    assert text in shell.run("plan", "--env", "prod", code=1)
    manifest.write_text(manifest.read_text().replace(f"env.{name}", f"env.{name}:-{value}"))
    shell.run("apply", "plan.json", "--yes", "--allow-mass-change")


def opened(target: str, resolved: str, *secrets: tuple[str, str]) -> Target:
    here = ResolvedPath("../metaflow", "/nowhere/metaflow")
    environment = Environment(
        name="prod",
        project="growth",
        target=ResolvedPath(target, resolved, secrets),
        compute="local",
        datastore=here,
        datastore_type="local",
        location=Location("m.yaml", 3),
    )
    return open_target(environment, os.environ, Git(os.environ))


TOKEN = ("${env.TOKEN}", SECRET)
BROKEN = {
    "no server": ("git+https://ci:${env.TOKEN}@127.0.0.1:9/dags.git", f"git+https://ci:{SECRET}@127.0.0.1:9/dags.git"),
    "no scheme": ("${env.TOKEN}://x", f"{SECRET}://x"),
    "no repository": ("git+file:///${env.TOKEN}/none.git", f"git+file:///{SECRET}/none.git"),
    "no branch": ("git+https://h/d.git?ref=${env.TOKEN}", f"git+https://h/d.git?ref={SECRET}"),
    "bad branch": ("git+https://h/d.git?ref=..${env.TOKEN}", f"git+https://h/d.git?ref=..{SECRET}"),
    "bad folder": ("git+https://h/d.git//../${env.TOKEN}", f"git+https://h/d.git//../{SECRET}"),
    "bad bucket": ("s3://_${env.TOKEN}_/x", f"s3://_{SECRET}_/x"),
    "bad prefix": ("s3://bucket/${env.TOKEN} ", f"s3://bucket/{SECRET} "),
    "query": ("azure://bucket/x?sig=${env.TOKEN}", f"azure://bucket/x?sig={SECRET}"),
    "a file": ("/dev/null/${env.TOKEN}", f"/dev/null/{SECRET}"),
    "a long name": ("/${env.TOKEN}", f"/{SECRET}" * 500),
}


@pytest.mark.parametrize("name", BROKEN)
def test_no_error_has_the_value(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(kind, raising=False)
    with pytest.raises((DeployError, TargetError)) as caught:
        opened(*BROKEN[name], TOKEN).create("a.py", b"x")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


VALUES = ("pa ss/w%rd'\"\\", "https://ci:hunter2@git.acme.test/dags.git", "%41bc%2Fdef")


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("form", [str, quote, lambda text: quote(text, safe=""), repr])
def test_no_form_of_a_value_is_shown(value: str, form: Callable[[str], str]) -> None:
    redaction = Redaction(ResolvedPath("git+${env.X}", f"git+{value}", (("${env.X}", value),)))
    found = redaction.hide(f"cannot reach <{form(value)}>")
    for part in ("hunter2", "w%rd", "w%25rd", "acme", "bc%2Fdef"):
        assert part not in found


class Failing:
    """A target whose every call fails."""

    local = True

    def __init__(self, error: Exception) -> None:
        self._error = error

    def list(self, pattern: str = "*.py") -> Mapping[str, str]:
        raise self._error


def failing(error: Exception) -> Exception:
    place = ResolvedPath("s3://${env.TOKEN}", f"s3://{SECRET}", (TOKEN,))
    with pytest.raises(
        type(error) if SECRET not in repr(error) or isinstance(error, TargetError) else TargetError
    ) as it:
        RedactedTarget(Failing(error), Redaction(place)).list()  # type: ignore[arg-type]
    return it.value


def test_no_notice_of_a_long_wait_has_the_value() -> None:
    said: list[str] = []
    redaction = Redaction(ResolvedPath("s3://${env.TOKEN}", f"s3://{SECRET}", (TOKEN,)))
    redaction.waits(WaitPolicy(notify=said.append)).notify(f"s3://{SECRET}/dags (list)")
    assert said == ["s3://${env.TOKEN}/dags (list)"]


def test_errors_stay_what_they_are() -> None:
    moved = failing(MovedError("a.py", f"a.py in s3://{SECRET}"))
    assert isinstance(moved, MovedError) and (moved.file, str(moved)) == ("a.py", "a.py in s3://${env.TOKEN}")
    unpublished = failing(UnpublishedError(f"at {SECRET}", {"a.py": f"by {SECRET}"}))
    assert isinstance(unpublished, UnpublishedError) and unpublished.moved == {"a.py": "by ${env.TOKEN}"}
    other = failing(TargetError(SECRET, hint=f"see {SECRET}"))
    assert isinstance(other, TargetError) and (str(other), other.hint) == ("${env.TOKEN}", "see ${env.TOKEN}")
    assert str(failing(KeyError("x"))) == "'x'"
    assert str(failing(ValueError(f"no {SECRET}"))) == "ValueError: no ${env.TOKEN}"

"""A server that gives no answer: one limit of time for all that is asked of it, and one error that says what it was."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deployer.models.target import Target, TargetError
from deployer.models.waiting import WaitPolicy
from deployer.targets.answer_clock import AnswerClock
from deployer.targets.azure import open_azure
from deployer.targets.client_options import ClientOptions
from deployer.targets.gcs import open_gcs
from deployer.targets.git import GitTarget
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.s3 import open_s3
from deployer.vcs.git import Git
from tests.s3 import s3_server
from tests.targets.azurite import ACCOUNT, KEY
from tests.targets.kinds import AWS, BUCKET
from tests.targets.repositories import make_remote
from tests.targets.wire import Answer, Wire, wire_to

SECONDS = 0.6
BEYOND = "MFDEPLOY_TIMEOUT sets how many seconds to wait for an answer"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with s3_server(BUCKET) as url:
        yield url


@pytest.fixture
def wire(upstream: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with wire_to(upstream) as running:
        for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": running.url}.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def told() -> list[str]:
    """What was told to be waited for."""
    return []


@pytest.fixture
def target(wire: Wire, told: list[str], request: pytest.FixtureRequest) -> ObjectStoreTarget:
    url = f"s3://{BUCKET}/{request.node.name.translate(str.maketrans('[] ', '---'))}"
    return open_s3(url, os.environ, ClientOptions(WaitPolicy(SECONDS, told.append)))


def asked(target: Target) -> dict[str, Callable[[], object]]:
    """What is asked of a target that has `a.py`, by what an error calls it."""
    [version] = target.list().values()
    return {
        "listing its files": target.list,
        "reading it": lambda: target.read("a.py"),
        "writing it": lambda: target.replace("a.py", b"two", version),
    }


@pytest.mark.parametrize("operation", ["listing its files", "reading it", "writing it"])
@pytest.mark.parametrize(
    "silence", [Answer(wait=True), Answer(hang=20), Answer(hang=1)], ids=["at-once", "in-the-body", "at-the-last-byte"]
)
def test_a_store_that_hangs(
    wire: Wire, target: ObjectStoreTarget, told: list[str], silence: Answer, operation: str
) -> None:
    target.create("a.py", b"one, which is long enough to be cut in the middle")
    ask = asked(target)[operation]
    # A write is answered without a body.
    wire.spoil(1000, Answer(wait=True) if operation == "writing it" else silence)
    wire.requests.clear()
    with pytest.raises(TargetError) as error:
        ask()
    message = str(error.value).replace("; whether it was written is not known", "")
    assert message.startswith(target.url)
    assert message.endswith(f"within 0.6 seconds) while {operation}"), message
    assert operation == "writing it" or BEYOND in error.value.hint
    assert 1 <= len(wire.requests) <= 3
    assert f"{target.url} ({operation})" in told
    # It is not waited for again by whatever comes next.
    wire.requests.clear()
    with pytest.raises(TargetError, match=r"within 0\.6 seconds"):
        target.read_many(["a.py", "b.py"])
    assert wire.requests == []


def test_a_store_that_hangs_in_the_second_step_of_a_delete(
    wire: Wire, target: ObjectStoreTarget, told: list[str]
) -> None:
    """That request is not the client's, and has the same limit."""
    version = target.create("a.py", b"one")
    wire.spoil(1000, Answer(wait=True), "DELETE")
    wire.requests.clear()
    with pytest.raises(
        TargetError, match=r"/a\.py: no response in time .* within 0\.6 seconds\) while deleting it"
    ) as error:
        target.delete("a.py", version)
    assert BEYOND in error.value.hint
    assert f"{target.url} (deleting it)" in told
    assert 1 <= len(wire.seen("DELETE")) <= 3
    assert wire.seen("POST") == [], "it is not asked without a condition"


def test_a_store_that_is_always_busy(wire: Wire, target: ObjectStoreTarget) -> None:
    patient = open_s3(target.url, os.environ)
    wire.spoil(1000, Answer(503, "SlowDown", "Reduce your rate"))
    with pytest.raises(TargetError, match=r"status 503.* \(5 attempts\) while listing its files"):
        patient.list()
    assert len(wire.requests) == 5


def test_no_store_is_there(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port}"}.items():
        monkeypatch.setenv(name, value)
    target = open_s3(f"s3://{BUCKET}/dags", os.environ, ClientOptions(WaitPolicy(SECONDS)))
    with pytest.raises(TargetError, match=r"no response: .* while listing its files") as error:
        target.list()
    assert BEYOND in error.value.hint


@pytest.mark.parametrize("kind", ["gs", "azure"])
def test_every_kind_of_store(wire: Wire, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.spoil(1000, Answer(wait=True))
    options = ClientOptions(WaitPolicy(SECONDS))
    if kind == "gs":
        target = open_gcs("gs://bucket/dags", {"STORAGE_EMULATOR_HOST": wire.url}, options)
    else:
        for name, value in (("ACCOUNT_NAME", ACCOUNT), ("ACCOUNT_KEY", KEY), ("ENDPOINT", wire.url)):
            monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)
        target = open_azure("azure://bucket/dags", os.environ, options)
    with pytest.raises(TargetError, match=rf"^{kind}://bucket/dags: no response in time \(.* within 0\.6 seconds\)"):
        target.list()
    assert 1 <= len(wire.requests) <= 3


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_git_over_https(told: list[str]) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        url = f"git+https://127.0.0.1:{server.getsockname()[1]}/dags.git"
        with pytest.raises(TargetError, match=r"got no answer within 0\.6 seconds") as error:
            GitTarget(url, Git(os.environ), waits=WaitPolicy(SECONDS, told.append)).list()
    assert BEYOND in str(error.value)
    assert told == [f"{url.removeprefix('git+')} (git clone)"]


def test_git_over_ssh(tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec sleep 600\n")
    ssh.chmod(0o755)
    git = Git({**os.environ, "GIT_SSH": str(ssh)})
    with pytest.raises(TargetError, match=r"ssh://.*got no answer within 0\.6 seconds"):
        GitTarget("git+ssh://git@host/dags.git", git, waits=WaitPolicy(SECONDS)).list()


def test_git_that_does_not_end_a_push(tmp_path: Path) -> None:
    remote = make_remote(tmp_path / "r.git")
    target = GitTarget(remote.address, Git(os.environ), waits=WaitPolicy(5))
    target.create("a.py", b"one")
    remote.hook("pre-receive", "exec sleep 600")
    with pytest.raises(
        TargetError, match=r"git push got no answer within 5 seconds.*Whether the commit arrived is not"
    ):
        target.publish("message", "ada", lambda: None)
    assert remote.commits() == [remote.tip()]


def test_progress_of_git_is_in_no_message(tmp_path: Path) -> None:
    """A server that shows how far it is lives; what it shows is not taken for what it says."""
    remote = make_remote(tmp_path / "r.git")
    target = GitTarget(remote.address, Git(os.environ))
    target.create("a.py", b"one")
    remote.hook(
        "pre-receive", "printf 'Checking files:  50%% (1/2)\\rChecking files: 100%% (2/2), done.\\nno\\n' >&2; exit 1"
    )
    with pytest.raises(TargetError, match=r"hook declined\): no; allow the user"):
        target.publish("message", "ada", lambda: None)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_clock_runs_while_nothing_is_answered() -> None:
    time = Time()
    clock = AnswerClock(60, time)
    clock.begin()
    time.now += 40
    assert clock.allows(20) and not clock.allows(21)
    clock.begin()  # side by side
    clock.end(answered=True)
    time.now += 50
    assert clock.allows(10)
    clock.end(answered=False)
    time.now += 1000  # in which nothing is asked
    clock.begin()
    assert clock.allows(10) and not clock.allows(11)
    clock.end(answered=True)
    clock.begin()
    assert clock.allows(60)


def test_who_was_given_up_is_not_asked() -> None:
    clock = AnswerClock(60)
    clock.give_up(TargetError("no answer", "wait longer"))
    clock.give_up(TargetError("another"))
    with pytest.raises(TargetError, match="no answer") as error:
        clock.begin()
    assert error.value.hint == "wait longer"

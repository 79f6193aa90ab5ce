"""What an object store does when it fails: one clear error, nothing half-written, nothing done twice."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from deployer.models.target import MovedError, TargetError
from deployer.targets.client_options import ClientOptions
from deployer.targets.object_store import ObjectStoreTarget
from deployer.targets.retry_policy import RetryPolicy
from deployer.targets.s3 import open_s3
from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET
from tests.targets.wire import Answer, Wire, wire_to

QUICK = ClientOptions(retries=RetryPolicy(3, first_wait=0.01, longest_wait=1))
CUT, SLOW_DOWN, BROKEN = Answer(0), Answer(503, "SlowDown", "Reduce your rate"), Answer(500, "InternalError", "Sorry")


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
def target(wire: Wire, request: pytest.FixtureRequest) -> ObjectStoreTarget:
    return open_s3(f"s3://{BUCKET}/{request.node.name.replace('[', '-').replace(']', '')}", os.environ, QUICK)


def said(error: pytest.ExceptionInfo[TargetError]) -> str:
    assert "\n" not in str(error.value)
    return f"{error.value}; {error.value.hint}"


@pytest.mark.parametrize("trouble", [CUT, SLOW_DOWN, BROKEN, Answer(429, "SlowDown")], ids=["cut", "503", "500", "429"])
def test_a_moment_of_trouble_is_waited_for(wire: Wire, target: ObjectStoreTarget, trouble: Answer) -> None:
    wire.spoil(1, trouble, "PUT")
    version = target.create("a.py", b"one")
    wire.spoil(1, trouble, "GET")
    assert target.list() == {"a.py": version}
    wire.spoil(1, trouble, "GET")
    assert target.read("a.py") == (b"one", version)
    wire.spoil(1, trouble, "PUT")
    version = target.replace("a.py", b"two", version)
    for method in ("GET", "PUT", "DELETE"):
        wire.spoil(1, trouble, method)
    target.delete("a.py", version)
    assert target.list() == {}


@pytest.mark.parametrize("trouble", [CUT, BROKEN], ids=["cut", "500"])
def test_trouble_that_stays_is_one_error_that_counts(wire: Wire, target: ObjectStoreTarget, trouble: Answer) -> None:
    version = target.create("a.py", b"one")
    wire.requests.clear()
    wire.spoil(1000, trouble, "PUT")
    with pytest.raises(TargetError, match=r"/a\.py: .* \(3 attempts\)"):
        target.replace("a.py", b"two", version)
    assert len(wire.seen("PUT")) == 3
    assert target.read("a.py") == (b"one", version)
    wire.spoil(1000, trouble, "GET")
    with pytest.raises(TargetError, match=r"\(3 attempts\)"):
        target.list()


@pytest.mark.parametrize("lost", [Answer(0, after=True), Answer(500, "InternalError", after=True)], ids=["cut", "500"])
def test_a_write_whose_answer_was_lost_is_known_as_our_own(wire: Wire, target: ObjectStoreTarget, lost: Answer) -> None:
    wire.spoil(1, lost, "PUT")
    version = target.create("a.py", b"one")
    assert target.read("a.py") == (b"one", version)
    wire.spoil(1, lost, "PUT")
    assert target.replace("a.py", b"two", version) == target.list()["a.py"]
    assert target.read("a.py")[0] == b"two"


def test_a_write_whose_answers_were_all_lost_is_known_too(wire: Wire, target: ObjectStoreTarget) -> None:
    wire.spoil(2, CUT, "PUT")
    wire.spoil(1, Answer(0, after=True), "PUT")
    assert target.create("a.py", b"one") == target.list()["a.py"]


def test_somebody_elses_write_is_not_taken_for_our_own(wire: Wire, target: ObjectStoreTarget) -> None:
    other = open_s3(target.url, os.environ, QUICK)
    version = other.create("a.py", b"one")
    theirs = other.replace("a.py", b"theirs", version)
    wire.spoil(1, CUT, "PUT")
    with pytest.raises(MovedError, match="changed since"):
        target.replace("a.py", b"ours", version)
    # The very same content, but no answer of ours was lost.
    with pytest.raises(MovedError, match="changed since"):
        target.replace("a.py", b"theirs", version)
    assert target.read("a.py") == (b"theirs", theirs)


def test_when_nobody_can_know_it_is_said(wire: Wire, target: ObjectStoreTarget) -> None:
    wire.spoil(1000, Answer(0, after=True), "PUT")
    wire.spoil(1000, CUT, "GET")
    with pytest.raises(TargetError, match="whether it was written is not known") as error:
        target.create("a.py", b"one")
    assert "the next plan shows it" in said(error)


def test_two_conditional_writes_at_once_are_tried_again(wire: Wire, target: ObjectStoreTarget) -> None:
    version = target.create("a.py", b"one")
    wire.spoil(1, Answer(409, "ConditionalRequestConflict"), "PUT")
    version = target.replace("a.py", b"two", version)
    assert target.read("a.py") == (b"two", version)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(403, "AccessDenied", "Access Denied"), "access denied: AccessDenied: Access Denied; the account needs"),
        (Answer(404, "NoSuchBucket", "gone"), "there is no such bucket or container; create it"),
        (Answer(400, "ExpiredToken", "The token has expired."), "the credentials are not accepted: ExpiredToken: The"),
        (Answer(403, "InvalidAccessKeyId", "Unknown"), "the credentials are not accepted: InvalidAccessKeyId"),
        (Answer(403, "SignatureDoesNotMatch", "No"), "the credentials are not accepted: SignatureDoesNotMatch"),
        (Answer(401, "Unauthorized", "No"), "the credentials are not accepted: Unauthorized"),
        (
            Answer(400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
            "the bucket is in another region; set AWS_REGION to eu-west-1",
        ),
        (Answer(301, "PermanentRedirect", "elsewhere"), "the bucket is in another region; set AWS_REGION to"),
        (Answer(507, "Full", "No space"), "the store responded with status 507: Full: No space (3 attempts)"),
    ],
    ids=lambda value: value.code if isinstance(value, Answer) else "",
)
def test_each_refusal_is_said_with_its_place(
    wire: Wire, target: ObjectStoreTarget, answer: Answer, expected: str
) -> None:
    version = target.create("a.py", b"one")
    wire.spoil(1000, answer)
    calls: dict[str, Callable[[], object]] = {
        "": target.list,
        "/a.py": lambda: target.read("a.py"),
        "/b.py": lambda: target.create("b.py", b"two"),
        "/a.py ": lambda: target.replace("a.py", b"two", version),
    }
    for file, ask in calls.items():
        with pytest.raises(TargetError) as error:
            ask()
        assert said(error).startswith(f"{target.url}{file.strip()}: {expected}")


def test_one_file_that_cannot_be_read_is_the_error_of_all(wire: Wire, target: ObjectStoreTarget) -> None:
    target.create("a.py", b"one")
    target.create("b.py", b"two")
    wire.spoil(1000, Answer(403, "AccessDenied"), "GET", "b.py")
    with pytest.raises(TargetError, match=r"/b\.py: access denied"):
        target.read_many(["a.py", "b.py"])


def test_a_delete_that_was_cut_off_is_planned_again(wire: Wire, target: ObjectStoreTarget) -> None:
    version = target.create("a.py", b"one\n")
    for method in ("DELETE", "POST"):
        wire.spoil(1000, Answer(403, "AccessDenied"), method)
    with pytest.raises(TargetError, match="access denied"):
        target.delete("a.py", version)
    content, marked = target.read("a.py")
    assert content == b"one\n\n# mfdeploy is deleting this file.\n"
    wire.spoilers.clear()
    target.delete("a.py", marked)
    assert target.list() == {}


def test_somebody_who_planned_before_a_delete_is_refused_in_the_midst_of_it(
    wire: Wire, target: ObjectStoreTarget
) -> None:
    version = target.create("a.py", b"one")
    for method in ("DELETE", "POST"):
        wire.spoil(1, Answer(403, "AccessDenied"), method)
    with pytest.raises(TargetError):
        target.delete("a.py", version)
    with pytest.raises(MovedError):
        open_s3(target.url, os.environ, QUICK).replace("a.py", b"two", version)

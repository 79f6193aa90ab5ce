"""A server that gives no answer, from end to end: one error that names it and the setting, and nothing is left."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet
from tests.faults.processes import MARK, outlived
from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET
from tests.targets.wire import Answer, Wire, wire_to

WHERE = "mfdeploy.yaml:8:16: error: environments.prod.datastore: code packages cannot be stored in"
NO_ANSWER = "MFDEPLOY_TIMEOUT sets how many seconds to wait for an answer"


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with s3_server(BUCKET) as url:
        yield url


@pytest.fixture
def wire(upstream: str) -> Iterator[Wire]:
    with wire_to(upstream) as running:
        yield running


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    made = Fleet(tmp_path)
    made.write({0: 0, 1: 0}, datastore=f"s3://{BUCKET}/metaflow")
    return made


def apply(fleet: Fleet, endpoint: str, seconds: str) -> subprocess.CompletedProcess[str]:
    """An apply that fails, and leaves neither a process nor a temporary file."""
    temporary = fleet.folder / "tmp"
    temporary.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(fleet.folder),
        "USER": "ada",
        "TMPDIR": str(temporary),
        **AWS,
        "AWS_ENDPOINT_URL": endpoint,
        "MFDEPLOY_TIMEOUT": seconds,
        MARK: str(fleet.folder),
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("mfdeploy"), "apply", "--yes", "--manifests", fleet.manifests],
        capture_output=True,
        text=True,
        env=environ,
    )
    assert done.returncode == 1, done
    assert done.stderr.count("error:") == 1, done.stderr
    assert not fleet.target.exists()
    assert os.listdir(temporary) == []
    assert outlived(str(fleet.folder)) == {}
    return done


def test_a_datastore_that_is_not_there(fleet: Fleet) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{one.getsockname()[1]}"
        done = apply(fleet, url, "60")
    assert f"{WHERE} s3://{BUCKET}/metaflow: no answer: Could not connect to the endpoint URL" in done.stderr
    assert NO_ANSWER in done.stderr


def test_a_datastore_that_is_always_busy(fleet: Fleet, wire: Wire) -> None:
    wire.spoil(1000, Answer(503, "SlowDown", "Reduce your rate"))
    done = apply(fleet, wire.url, "60")
    assert f"{WHERE} s3://{BUCKET}/metaflow: no answer: " in done.stderr
    assert len(wire.requests) <= 3, "one package, which both flows have"


@pytest.mark.parametrize(
    "silence",
    [Answer(wait=True), Answer(hang=10), Answer(hang=1)],
    ids=["at-once", "in-the-body", "at-the-last-byte"],
)
def test_a_datastore_that_hangs(fleet: Fleet, wire: Wire, silence: Answer) -> None:
    if silence.wait:
        wire.spoil(1000, silence)
    else:
        # The first answer that has a body: the error that an object does not exist.
        wire.spoil(1000, silence, "GET")
    done = apply(fleet, wire.url, "2.5")
    # By the limit for all of it, or once each request for one thing had its part of that.
    assert re.search(rf"s3://{BUCKET}/metaflow: no answer(?: within 2\.5 seconds)?; check the network", done.stderr)
    assert NO_ANSWER in done.stderr
    assert f"Still waiting for s3://{BUCKET}/metaflow (storing code packages).\n" in done.stderr


def test_an_included_file_that_gets_no_answer(fleet: Fleet, wire: Wire) -> None:
    """Those of a flow are stored by the process that has loaded it."""
    flow = fleet.manifests / "flows" / "many.py"
    text = flow.read_text().replace("Parameter, step", "IncludeFile, Parameter, step")
    flow.write_text(text.replace("    @step", '    table = IncludeFile("table", default="many.py")\n\n    @step', 1))
    wire.spoil(1000, Answer(wait=True))
    done = apply(fleet, wire.url, "2.5")
    where = (
        f"environments.prod.datastore: included files cannot be stored in s3://{BUCKET}/metaflow: no answer within 2.5"
    )
    assert where in done.stderr
    assert NO_ANSWER in done.stderr
    assert f"Still waiting for s3://{BUCKET}/metaflow (storing included files).\n" in done.stderr


def test_a_limit_that_is_none(fleet: Fleet) -> None:
    for text in ("0", "-1", "1e3", "nan", "soon"):
        (fleet.folder / "tmp").exists() and (fleet.folder / "tmp").rmdir()
        done = apply(fleet, "http://127.0.0.1:9", text)
        assert f"error: MFDEPLOY_TIMEOUT is '{text}', and must be a number of seconds above 0" in done.stderr

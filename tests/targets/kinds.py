"""Every kind of target on a place of its own, for the tests that all of them must pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from deployer.errors import Location
from deployer.models.deployment import Environment, Place
from deployer.targets import Target
from deployer.targets.registry import open_target
from tests.targets.azurite import ACCOUNT, KEY, azurite, create_container
from tests.targets.gcs_server import Bucket, gcs

BUCKET = "airflow-of-tests"
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
_numbers = itertools.count()


@dataclass(frozen=True)
class Server:
    """A running store: the process's variables that lead to it, and a URL of a place in it that is still empty."""

    variables: Mapping[str, str]
    new_place: Callable[[], str]


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an S3 server that has the bucket."""
    application, writing = DomainDispatcherApplication(create_backend_app), Lock()

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        """Moto looks at the condition of a write, and then writes: of two threads both may find it fulfilled."""
        with nullcontext() if environ["REQUEST_METHOD"] == "GET" else writing:
            return list(application(environ, start_response))

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=MotoRequestHandler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    boto3.Session().client("s3", endpoint_url=url, **keys).create_bucket(Bucket=BUCKET)
    try:
        yield url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _s3(_: Path) -> Iterator[Server]:
    with s3_server() as url:
        yield Server({**AWS, "AWS_ENDPOINT_URL_S3": url}, lambda: f"s3://{BUCKET}/dags-{next(_numbers)}")


@contextmanager
def _gcs(_: Path) -> Iterator[Server]:
    with gcs() as storage:
        storage.buckets[BUCKET] = Bucket()
        storage.page = 3
        yield Server({"STORAGE_EMULATOR_HOST": storage.url}, lambda: f"gs://{BUCKET}/dags-{next(_numbers)}")


@contextmanager
def _azure(_: Path) -> Iterator[Server]:
    with azurite() as account:
        create_container(account, BUCKET)
        variables = {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": account,
        }
        yield Server(variables, lambda: f"azure://{BUCKET}/dags-{next(_numbers)}")


def _folder(folder: Path) -> AbstractContextManager[Server]:
    return nullcontext(Server({}, lambda: str(folder / f"dags-{next(_numbers)}")))


# A new kind of target is one line here.
KINDS: Mapping[str, Callable[[Path], AbstractContextManager[Server]]] = {
    "folder": _folder,
    "s3": _s3,
    "gcs": _gcs,
    "azure": _azure,
}


def target_at(place: str) -> Target:
    """The target of an environment whose manifest says this, as the commands open it."""
    here = Place(place, place)
    datastore = Place("../metaflow", "/nowhere/metaflow")
    return open_target(Environment("prod", "growth", here, "local", datastore, "local", location=Location("m.yaml", 3)))

"""Every kind of target on a place of its own, for the tests that all of them must pass."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from deployer.errors import Location
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.target import Target
from deployer.targets.registry import open_target
from deployer.vcs.git import Git
from tests.s3 import CREDENTIALS, s3_server
from tests.targets.azurite import ACCOUNT, KEY, azurite, create_container
from tests.targets.gcs_server import Bucket, gcs

BUCKET = "airflow-of-tests"
AWS = {
    **CREDENTIALS,
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
def _s3(_: Path) -> Iterator[Server]:
    with s3_server(BUCKET) as url:
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
    here = ResolvedPath(place, place)
    datastore = ResolvedPath("../metaflow", "/nowhere/metaflow")
    environment = Environment(
        name="prod",
        project="growth",
        target=here,
        compute="local",
        datastore=datastore,
        datastore_type="local",
        location=Location("m.yaml", 3),
    )
    return open_target(environment, os.environ, Git(os.environ))

"""Targets of every kind as an apply finds them, and as somebody who looks at the server sees them."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import boto3
import pytest

from tests.s3 import s3_server
from tests.targets.kinds import AWS, BUCKET
from tests.targets.repositories import Remote, make_remote


class Place(Protocol):
    """One target. `tries` says whether an audit event of Python is one of its writes: there a process may be killed."""

    @property
    def kind(self) -> str: ...

    @property
    def address(self) -> str: ...

    def files(self) -> Mapping[str, bytes]:
        """All that is there, by name."""

    def save(self) -> object:
        """What is there, for `restore`."""

    def restore(self, saved: object) -> None: ...

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool: ...


@dataclass(frozen=True)
class FolderPlace:
    """A folder; each event is one step of the file system."""

    folder: Path
    kind: ClassVar[str] = "folder"

    @property
    def address(self) -> str:
        return str(self.folder)

    def files(self) -> Mapping[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()} if self.folder.exists() else {}

    def save(self) -> Mapping[str, bytes]:
        return self.files()

    def restore(self, saved: object) -> None:
        assert isinstance(saved, dict)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in saved.items():
            (self.folder / name).write_bytes(content)

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool:
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return False
        writes = ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir", "fcntl.flock")
        return event in writes and (event == "fcntl.flock" or str(arguments[0]).startswith(str(self.folder)))


@dataclass(frozen=True)
class GitPlace:
    """A repository; each event is one start of git."""

    remote: Remote
    kind: ClassVar[str] = "git"

    @property
    def address(self) -> str:
        return self.remote.address

    def files(self) -> Mapping[str, bytes]:
        return self.remote.files()

    def save(self) -> str:
        return self.remote.tip()

    def restore(self, saved: object) -> None:
        self.remote.git("update-ref", "refs/heads/main", str(saved))

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool:
        return event == "subprocess.Popen" and str(arguments[0]) == "git"


@dataclass(frozen=True)
class S3Place:
    """A prefix of a bucket. A client in native code raises no audit events: it is killed around its writes only."""

    client: Any
    kind: ClassVar[str] = "s3"

    @property
    def address(self) -> str:
        return f"s3://{BUCKET}/dags"

    def files(self) -> Mapping[str, bytes]:
        # What a killed client asked for is done all the same: it was taken up before this request is, by a thread.
        self.client.head_bucket(Bucket=BUCKET)
        for thread in threading.enumerate():
            if "process_request_thread" in thread.name:
                thread.join(60)
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix="dags/").get("Contents", [])
        keys = [each["Key"] for each in listed]
        return {
            key.removeprefix("dags/"): self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys
        }

    def save(self) -> Mapping[str, bytes]:
        return self.files()

    def restore(self, saved: object) -> None:
        assert isinstance(saved, dict)
        now = self.files()
        for name in set(now) - set(saved):
            self.client.delete_object(Bucket=BUCKET, Key=f"dags/{name}")
        for name, content in saved.items():
            if now.get(name) != content:
                self.client.put_object(Bucket=BUCKET, Key=f"dags/{name}", Body=content)

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool:
        return False


@contextmanager
def make_s3(folder: Path) -> Iterator[Place]:
    with s3_server(BUCKET) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": url}.items():
            patch.setenv(name, value)
        place = S3Place(boto3.client("s3", endpoint_url=url))
        # All servers of this process have the same buckets, and what other tests left in them.
        place.restore({})
        yield place


PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "folder": lambda folder: nullcontext(FolderPlace(folder / "dags")),
    "git": lambda folder: nullcontext(GitPlace(make_remote(folder / "remote.git"))),
    "s3": make_s3,
}


def leftovers(folder: Path) -> list[str]:
    """Locks and temporary files anywhere below a folder."""
    words = (".lock", ".part", "tmp_obj_", "mfdeploy-git-")
    return sorted(path.name for path in folder.rglob("*") if any(word in path.name for word in words))

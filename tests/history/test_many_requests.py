"""How the entries are read from a store, where each request takes its time: once, and side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Lock
from typing import Any

import pytest

from deployer.commands.history import history
from deployer.commands.rollback import plan_rollback
from deployer.models.selection import Selection
from deployer.state.history import delete_entries, entry_file, list_entries, read_entries
from tests.contexts import context
from tests.history.applying import MANIFEST, AppliedFolder
from tests.s3 import client, s3_server
from tests.targets.kinds import AWS, target_at

BUCKET = "history-of-tests"
APPLIES = 14
# Where requests do not come side by side, the first one waits for the others in vain, and is answered with an error.
_SECONDS = 30


@dataclass
class Reads:
    """The entries that were asked for. Each of the next `together` is answered once all of them are there."""

    keys: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    barrier: Barrier = field(default_factory=lambda: Barrier(1))
    left: int = 0

    def expect(self, together: int) -> None:
        self.keys, self.barrier, self.left = [], Barrier(together), together

    @contextmanager
    def around(self, request: Mapping[str, Any]) -> Iterator[None]:
        if (
            request["REQUEST_METHOD"] == "GET"
            and ".mfdeploy.growth." in request["PATH_INFO"]
            and ".2026" in request["PATH_INFO"]
        ):
            with self.lock:
                self.keys.append(request["PATH_INFO"].rpartition("/")[2])
                self.left -= 1
                waits = self.left >= 0
            if waits:
                self.barrier.wait(_SECONDS)
        yield


@dataclass(frozen=True)
class Store:
    selection: Selection
    reads: Reads
    entries: list[str]
    """The ids, newest first."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A bucket with what applies left in a folder. `rare` was changed by the first of them only."""
    folder, reads = tmp_path_factory.mktemp("store"), Reads()
    site = AppliedFolder(folder)
    for number in range(APPLIES):
        site.apply(train=f"{number} 1 * * *", rare="0 1 * * *")
    manifests = folder / "at-store"
    manifests.mkdir()
    (manifests / "a.yaml").write_text(MANIFEST % (f"s3://{BUCKET}/dags", folder / "datastore"))
    with s3_server(BUCKET, reads.around) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in {**AWS, "AWS_ENDPOINT_URL_S3": url}.items():
            patch.setenv(name, value)
        for path in site.dags.iterdir():
            client(url).put_object(Bucket=BUCKET, Key=f"dags/{path.name}", Body=path.read_bytes())
        entries = [each.id for each in site.entries()]
        yield Store(Selection(manifests, environments=("prod",)), reads, entries)


@pytest.mark.parametrize(
    ("flows", "limit", "together", "read"),
    [((), 5, 5, 5), ((), 50, APPLIES, APPLIES), (("rare",), 3, 3, APPLIES)],
    ids=["the newest", "all", "until enough are found"],
)
def test_history(store: Store, flows: tuple[str, ...], limit: int, together: int, read: int) -> None:
    store.reads.expect(together)
    selection = Selection(store.selection.manifests, environments=("prod",), flows=flows)
    found = history(selection, "prod", limit, context())
    assert [each.id for each in found.entries] == ([store.entries[-1]] if flows else store.entries[:limit])
    assert found.older == APPLIES - read
    assert not found.warnings
    assert sorted(store.reads.keys) == sorted(set(store.reads.keys))
    assert len(store.reads.keys) == read


def test_rollback(store: Store) -> None:
    store.reads.expect(APPLIES)
    plan, restored, _ = plan_rollback(store.selection, store.entries[2], context())
    assert [change.address for change in plan.plan.pending] == ["prod/train"]
    assert len(restored) == 1
    assert len(store.reads.keys) == len(set(store.reads.keys)) == APPLIES


def test_destroy(store: Store) -> None:
    """What is left of an environment that is gone: each is read before it is deleted."""
    target = target_at(f"s3://{BUCKET}/others")
    for number in range(APPLIES):
        target.create(entry_file("growth", "gone", f"20260101T0000{number:02}000Z-abcd"), b"{}")
    store.reads.expect(APPLIES)
    delete_entries(target, "growth", "gone")
    assert target.list("*") == {}
    assert len(store.reads.keys) == APPLIES


def test_an_entry_that_another_apply_removes_meanwhile_is_left_out(site: AppliedFolder) -> None:
    """The fifty newest are kept: what was listed may be gone when it is read."""
    for number in range(3):
        site.apply(train=f"{number} 1 * * *")
    listed = list_entries(site.target, "growth", "prod")
    (site.dags / entry_file("growth", "prod", listed[-1])).unlink()
    found = read_entries(site.target, "growth", "prod", listed)
    assert ([each.id for each in found.read], found.warnings) == (listed[:2], [])

"""A target that is a prefix in an object store: S3, Google Cloud Storage or Azure, whichever `connect` opens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deployer.models.target import MovedError, TargetError, check_name
from deployer.targets.answers import explain, is_conflict, is_missing_file, may_pass
from deployer.targets.patience import Patience

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    Store = S3Store | GCSStore | AzureStore

# Below a store's own limits for one prefix by far, and enough to make its answering time not matter.
_READERS = 32
# What a file ends with while it is being deleted. Its record stays readable, so that a delete that was cut off in
# between is planned again.
_MARK = b"\n# mfdeploy is deleting this file.\n"


class ObjectStoreTarget:
    """DAG files under one prefix. A file's version is its entity tag, without quotes: listings and reads both tell it.

    Creating and replacing are conditions of the request itself. No store is asked for a conditional delete, since the
    client has none: a delete first replaces the file, on that condition, by itself with one more line, and only then
    removes it. Whoever planned on the file before is refused from the first step on.

    Reads are repeated by the client, writes here: when one is refused after another whose answer was lost, its own
    content at the place means that the first one was done.
    """

    local = False

    def __init__(
        self, place: str, connect: Callable[[], Store], patience: Patience, *, by_generation: bool = False
    ) -> None:
        """`place` is the URL, for messages. `by_generation`: conditions name the generation, not the entity tag."""
        self.place = place
        self._connect = connect
        self._patience = patience
        self._by_generation = by_generation

    @cached_property
    def _store(self) -> Store:
        return self._connect()

    @cached_property
    def _writer(self) -> Store:
        """The same store without repetition by the client: it would not tell that a write was repeated."""
        store: Any = self._store
        return type(store)(  # type: ignore[no-any-return]
            prefix=store.prefix,
            config=store.config,
            client_options=store.client_options,
            credential_provider=store.credential_provider,
            retry_config={"max_retries": 0},
        )

    def list(self, pattern: str = "*.py") -> Mapping[str, str]:
        import obstore

        with self._errors():
            found = obstore.list_with_delimiter(self._store)["objects"]
            return {each["path"]: _version(each) for each in found if fnmatchcase(each["path"], pattern)}

    def read(self, file: str) -> tuple[bytes, str]:
        found = self._read(file)
        if found is None:
            raise MovedError(file, f"{file} is no longer in {self.place}")
        return found

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        names = list(files)
        if not names:
            return {}
        _ = self._store  # opened once, not by each thread
        with ThreadPoolExecutor(min(_READERS, len(names))) as readers:
            found = dict(zip(names, readers.map(self._read, names), strict=True))
        return {file: each for file, each in found.items() if each is not None}

    def create(self, file: str, content: bytes) -> str:
        return self._write(file, content, "create", f"{file} appeared in {self.place} since the plan was made")

    def replace(self, file: str, content: bytes, version: str) -> str:
        check_name(file)
        moved = f"{file} in {self.place} was changed since the plan was made"
        return self._write(file, content, self._condition(file, version, moved), moved)

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """Nothing is left to publish: each write is done when it returns, and a store keeps no messages."""
        remember()

    def delete(self, file: str, version: str) -> None:
        import obstore

        content = self._expect(file, version)
        self.replace(file, content + _MARK, version)
        with self._errors(file):
            try:
                obstore.delete(self._store, file)
            except FileNotFoundError as error:
                # Gone is what was wanted: an answer was lost, and this is the second one's.
                if not is_missing_file(error):
                    raise

    def _read(self, file: str) -> tuple[bytes, str] | None:
        import obstore

        check_name(file)
        with self._errors(file):
            try:
                found = obstore.get(self._store, file)
                return bytes(found.bytes()), _version(found.meta)
            except FileNotFoundError as error:
                if not is_missing_file(error):
                    raise
                return None

    def _expect(self, file: str, version: str) -> bytes:
        found = self._read(file)
        if found is None:
            raise MovedError(file, f"{file} was removed from {self.place} since the plan was made")
        if found[1] != version:
            raise MovedError(file, f"{file} in {self.place} was changed since the plan was made")
        return found[0]

    def _condition(self, file: str, version: str, moved: str) -> Any:
        """What a replacing request is to ask for: that this version is there still."""
        import obstore

        if not self._by_generation:
            return {"e_tag": f'"{version}"'}
        with self._errors(file):
            try:
                there = obstore.head(self._store, file)
            except FileNotFoundError as error:
                raise MovedError(file, f"{file} was removed from {self.place} since the plan was made") from error
        if _version(there) != version:
            raise MovedError(file, moved)
        return {"e_tag": there["e_tag"], "version": there["version"]}

    def _write(self, file: str, content: bytes, mode: Any, moved: str) -> str:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        check_name(file)
        unsure = False  # whether an earlier attempt may have been carried out
        with self._errors(file):
            for wait in self._patience.waits():
                try:
                    return _version(obstore.put(self._writer, file, content, mode=mode, use_multipart=False))
                except (AlreadyExistsError, PreconditionError) as error:
                    if not is_missing_file(error):
                        raise
                    version = self._written(file, content) if unsure else None
                    if version is not None:
                        return version
                    if wait is None or not is_conflict(error):
                        raise MovedError(file, moved) from error
                except BaseError as error:
                    if not may_pass(error):
                        raise
                    unsure = True
                    if wait is None:
                        return self._given_up(file, content, error)
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _given_up(self, file: str, content: bytes, error: Exception) -> str:
        """The version, if the last attempt was carried out after all. Raises TargetError."""
        version = self._written(file, content)
        if version is None:
            raise TargetError(*explain(error, f"{self.place}/{file}", 1 + self._patience.retries)) from error
        return version

    def _written(self, file: str, content: bytes) -> str | None:
        """The file's version if it holds what we were writing: then the write was ours, and its answer was lost."""
        try:
            found = self._read(file)
        except TargetError as error:
            raise TargetError(f"{error}; whether it was written is not known", "the next plan shows it") from error
        return found[1] if found is not None and found[0] == content else None

    @contextmanager
    def _errors(self, file: str = "") -> Iterator[None]:
        from obstore.exceptions import BaseError

        place = f"{self.place}/{file}" if file else self.place
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise TargetError(*explain(error, place)) from error


def _version(meta: Mapping[str, Any]) -> str:
    # Azure's listings give the tag bare, everything else gives it in quotes.
    tag = meta["e_tag"]
    if not tag:
        raise ValueError("the store gave no entity tag, so that writing on a condition is impossible there")
    return str(tag).removeprefix("W/").strip('"')

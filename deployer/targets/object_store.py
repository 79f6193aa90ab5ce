"""A target that is a prefix in an object store: S3, Google Cloud Storage or Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from tenacity import RetryError

from deployer.models.target import MovedError, TargetError
from deployer.targets.client_options import ClientOptions
from deployer.targets.conditional_delete import ConditionalDelete, MakeRequest, Outcome, signed_request
from deployer.targets.file_name import check_file_name, matches
from deployer.targets.store_errors import is_conflict, is_missing_file, may_pass
from deployer.targets.store_requests import StoreRequests

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult
    from obstore.store import AzureStore, GCSStore, S3Store

    Store = S3Store | GCSStore | AzureStore

# Far below the request rates that stores allow for one prefix, and enough to hide the latency of each request.
_READERS = 32
# The last line of a file while it is being deleted. Its record stays readable, so that a delete that was interrupted is
# planned again.
_MARK = b"\n# mfdeploy is deleting this file.\n"


class ObjectStoreTarget:
    """DAG files under one prefix. A file's version is its entity tag without quotes, as listings and reads give it.

    Create and replace are conditional requests. Not every store has a conditional delete: a delete first replaces the
    file, conditionally, by the same content with one more line, and then removes it, on the condition that it is still
    that. Whoever planned on the earlier version is refused from the first step on, and whoever writes the file between
    the two keeps it. Where a store refuses the condition, the file is read once more right before it is removed.

    A write whose response was lost may have succeeded. If the retry is refused and the file has the content that was to
    be written, it did.
    """

    local = False

    def __init__(
        self,
        url: str,
        connect: Callable[[], Store],
        options: ClientOptions,
        *,
        by_generation: bool = False,
        delete_request: MakeRequest = signed_request,
    ) -> None:
        """`url` is for messages. `by_generation`: conditions name the generation, not the entity tag."""
        self.url = url
        self._connect = connect
        self._requests = StoreRequests(url, options)
        self._by_generation = by_generation
        self._conditional_delete = ConditionalDelete(delete_request, options.timeout)

    @cached_property
    def _store(self) -> Store:
        return self._connect()

    def list(self, pattern: str = "*.py", *others: str) -> Mapping[str, str]:
        wanted = (pattern, *others)
        import obstore

        def request() -> Mapping[str, str]:
            found = obstore.list_with_delimiter(self._store)["objects"]
            return {each["path"]: _version(each) for each in found if matches(each["path"], wanted)}

        return self._requests.send("listing its files", request)

    def read(self, file: str) -> tuple[bytes, str]:
        found = self._read(file)
        if found is None:
            raise MovedError(file, f"{file} is no longer in {self.url}")
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
        return self._write(file, content, "create", f"{file} appeared in {self.url} since the plan was made")

    def replace(self, file: str, content: bytes, version: str) -> str:
        check_file_name(file)
        moved = f"{file} in {self.url} was changed since the plan was made"
        return self._write(file, content, self._condition(file, version, moved), moved)

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """Only remembers: each write was published when it returned, and a store keeps no messages."""
        remember()

    def delete(self, file: str, version: str) -> None:
        content = self._expect(file, version)
        self._conditional_delete.prepare()
        marked = self.replace(file, content + _MARK, version)
        moved = f"{file} in {self.url} was changed while it was being deleted"
        condition = self._condition(file, marked, moved)

        def request() -> None:
            outcome = self._conditional_delete.attempt(self._store, file, condition)
            # An earlier attempt whose response was lost has removed it: Azure says of that, too, that it was changed.
            changed = outcome is Outcome.CHANGED and self._get(file) is not None
            if changed or (outcome is Outcome.REFUSED and not self._remove(file, marked)):
                raise MovedError(file, moved)

        self._requests.send("deleting it", request, file)

    def _remove(self, file: str, version: str) -> bool:
        """Remove a file that is this version right before; False if it is not. Raises what the client raises."""
        import obstore

        there = self._get(file)
        if there is not None and there[1] != version:
            return False
        try:
            obstore.delete(self._store, file)
        except FileNotFoundError as error:
            # An earlier attempt whose response was lost has removed it.
            if not is_missing_file(error):
                raise
        return True

    def _read(self, file: str) -> tuple[bytes, str] | None:
        check_file_name(file)
        return self._requests.send("reading it", lambda: self._get(file), file)

    def _get(self, file: str) -> tuple[bytes, str] | None:
        """Content and version; None if there is no such file. Raises what the client raises."""
        import obstore

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
            raise MovedError(file, f"{file} was removed from {self.url} since the plan was made")
        if found[1] != version:
            raise MovedError(file, f"{file} in {self.url} was changed since the plan was made")
        return found[0]

    def _condition(self, file: str, version: str, moved: str) -> PutMode:
        """The condition of a request that replaces this version."""
        import obstore

        if not self._by_generation:
            return {"e_tag": f'"{version}"'}

        def request() -> ObjectMeta:
            try:
                return obstore.head(self._store, file)
            except FileNotFoundError as error:
                raise MovedError(file, f"{file} was removed from {self.url} since the plan was made") from error

        there = self._requests.send("reading it", request, file)
        if _version(there) != version:
            raise MovedError(file, moved)
        return {"e_tag": there["e_tag"], "version": there["version"]}

    def _write(self, file: str, content: bytes, mode: PutMode, moved: str) -> str:
        check_file_name(file)
        write = _Write(self, file, content, mode, moved)
        return self._requests.send("writing it", write.attempt, file, write.given_up)

    def put(self, file: str, content: bytes, mode: PutMode) -> str:
        """One request to write a file; returns its version. Raises what the client raises."""
        import obstore

        return _version(obstore.put(self._store, file, content, mode=mode, use_multipart=False))

    def version_of(self, file: str, content: bytes) -> str | None:
        """The file's version if it has this content. Raises TargetError."""
        found = self._read(file)
        return found[1] if found is not None and found[0] == content else None


class _Write:
    """A conditional write that may be tried several times."""

    def __init__(self, target: ObjectStoreTarget, file: str, content: bytes, mode: PutMode, moved: str) -> None:
        self._target = target
        self._file = file
        self._content = content
        self._mode = mode
        self._moved = moved
        self._unsure = False  # whether an earlier attempt may have been carried out

    def attempt(self) -> str:
        """The file's new version. Raises MovedError or the client's error, some of which `StoreRequests` retries."""
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        try:
            return self._target.put(self._file, self._content, self._mode)
        except (AlreadyExistsError, PreconditionError) as error:
            if not is_missing_file(error):
                raise
            version = self._carried_out() if self._unsure else None
            if version is not None:
                return version
            if is_conflict(error):
                raise
            raise MovedError(self._file, self._moved) from error
        except BaseError as error:
            self._unsure = self._unsure or may_pass(error)
            raise

    def given_up(self, exhausted: RetryError) -> str | None:
        """The version, if the last attempt was carried out after all. Raises TargetError."""
        error = exhausted.last_attempt.exception()
        assert isinstance(error, Exception)
        if is_conflict(error):
            raise MovedError(self._file, self._moved) from error
        return self._carried_out()

    def _carried_out(self) -> str | None:
        """The file's version if it has our content: then the write succeeded, and its response was lost."""
        try:
            return self._target.version_of(self._file, self._content)
        except TargetError as error:
            raise TargetError(f"{error}; whether it was written is not known", "the next plan shows it") from error


def _version(meta: ObjectMeta | PutResult) -> str:
    # Azure's listings give the tag without quotes, everything else with them.
    tag = meta["e_tag"]
    if not tag:
        raise ValueError("the store gives no entity tags, without which conditional writes are not possible")
    return tag.removeprefix("W/").strip('"')

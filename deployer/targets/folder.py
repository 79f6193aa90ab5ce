"""A target that is a local or mounted folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deployer.models.regular_file import open_regular
from deployer.models.target import MovedError, TargetError
from deployer.targets.file_name import check_file_name, matches
from deployer.targets.folder_lock import locked

# Without .py at the end, so that Airflow never reads a half-written file as a DAG.
_PREFIX, _SUFFIX = ".mfdeploy-", ".part"


_PIECE = 1 << 20  # bytes that are in memory at a time


class FolderTarget:
    """DAG files in one folder. A file's version is the SHA-256 (hex) of its content.

    A file system has no conditional write, so an exclusive lock (see `folder_lock`) makes comparing the version and
    writing one step. Content is written to a temporary file in the folder, which is then renamed.
    """

    local = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self, pattern: str = "*.py", *others: str) -> Mapping[str, str]:
        wanted = (pattern, *others)
        with _errors(self.folder):
            if not self.folder.is_dir():
                return {}
            files = sorted(path for path in self.folder.iterdir() if matches(path.name, wanted) and path.is_file())
            # Another apply may have deleted one of them since.
            versions = {path.name: self._current_version(path.name) for path in files}
            return {name: version for name, version in versions.items() if version is not None}

    def read(self, file: str) -> tuple[bytes, str]:
        with _errors(self.folder):
            content = self._current(file)
            if content is None:
                raise MovedError(file, f"{file} is no longer in {self.folder}")
            return content, _version(content)

    def read_many(self, files: Iterable[str]) -> Mapping[str, tuple[bytes, str]]:
        with _errors(self.folder):
            found = {file: self._current(file) for file in files}
        return {file: (content, _version(content)) for file, content in found.items() if content is not None}

    def create(self, file: str, content: bytes) -> str:
        with _errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked():
                if os.path.lexists(self._path(file)):
                    raise MovedError(file, f"{file} appeared in {self.folder} since the plan was made")
                self._write(file, content)
        return _version(content)

    def replace(self, file: str, content: bytes, version: str) -> str:
        with _errors(self.folder), self._locked():
            self._expect(file, version)
            self._write(file, content)
        return _version(content)

    def delete(self, file: str, version: str) -> None:
        with _errors(self.folder), self._locked():
            self._expect(file, version)
            self._path(file).unlink()
            self._flush()

    def publish(self, message: str, user: str, remember: Callable[[], None]) -> None:
        """Only remembers: each write was published when it returned, and a folder keeps no messages."""
        remember()

    def _path(self, file: str) -> Path:
        check_file_name(file)
        return self.folder / file

    def _current(self, file: str) -> bytes | None:
        try:
            with open_regular(self._path(file)) as stream:
                return stream.read()
        except FileNotFoundError:
            if self._path(file).is_symlink():
                raise  # a link that leads nowhere is not a file that was removed
            return None

    def _current_version(self, file: str) -> str | None:
        """The same as `_version` of the content, in pieces: a file of somebody else may be of any size."""
        digest = hashlib.sha256()
        try:
            with open_regular(self._path(file)) as stream:
                while piece := stream.read(_PIECE):
                    digest.update(piece)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def _expect(self, file: str, version: str) -> None:
        content = self._current(file)
        if content is None:
            raise MovedError(file, f"{file} was removed from {self.folder} since the plan was made")
        if _version(content) != version:
            raise MovedError(file, f"{file} in {self.folder} was changed since the plan was made")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self.folder):
            # The owner of the lock is the only writer: these files are of a process that was killed.
            for stale in self.folder.glob(f"{_PREFIX}*{_SUFFIX}"):
                stale.unlink(missing_ok=True)
            yield

    def _write(self, file: str, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=_PREFIX, suffix=_SUFFIX)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp makes files that only their owner can read; Airflow is often another user.
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(self._path(file))
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._flush()

    def _flush(self) -> None:
        """Make the folder's own entry durable, so that a power cut cannot undo what was reported as done."""
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current


@contextmanager
def _errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetError(f"{error.filename or folder}: {error.strerror or error}") from error

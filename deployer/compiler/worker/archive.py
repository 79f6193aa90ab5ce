"""A gzipped tar whose bytes depend on names and contents alone. What all packages share is compressed once."""

from __future__ import annotations

import errno
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from itertools import groupby
from typing import Any, Protocol, cast

from .regular_file import open_regular

# Metaflow's own constant for files in a package: Dec 3, 2019.
MTIME = 1575360000
_LEVEL = 3
# zlib's window with a gzip header, which holds no time and no name then.
_GZIP = 16 + zlib.MAX_WBITS

# Bytes, or the path of a file.
Content = bytes | str


class Writable(Protocol):
    """What an archive is written to."""

    def write(self, data: bytes, /) -> object:
        """Appends all of the bytes."""


class Shared:
    """Files that are in many archives, by name; compressed once, for this process and those forked from it later."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(sorted(files.items()))

    @cached_property
    def packed(self) -> tuple[int, bytes]:
        """How long they are in a tar, and that part of the tar compressed."""
        buffer = io.BytesIO()
        return _write_compressed(self.files, buffer), buffer.getvalue()


def write_archive(entries: Mapping[str, Content], shared: Shared, out: Writable) -> None:
    """Writes an archive of entries by name, in pieces; owners, modes and times fixed.

    Each run of consecutive entries that are shared, or are not, is a gzip member of its own: concatenated members
    unpack as one file (RFC 1952, section 2.2). Raises OSError, of a file that cannot be read with its name.
    """
    length = 0
    for is_shared, row in groupby(sorted(entries), key=lambda name: entries[name] == shared.files.get(name)):
        names = list(row)
        if is_shared and len(names) == len(shared.files):
            size, blob = shared.packed
            out.write(blob)
            length += size
        else:
            length += _write_compressed({name: entries[name] for name in names}, out)
    # The end of a tar: two empty blocks, and more up to a whole record.
    end = _Gzip(out)
    end.write(bytes(-(length + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE))
    end.finish()


def _write_compressed(entries: Mapping[str, Content], out: Writable) -> int:
    """Writes the entries as a part of a tar, compressed. Returns how long they are in the tar."""
    member = _Gzip(out)
    # It needs nothing more of a file than this, and is never closed, which would write the end of a tar.
    tar = tarfile.TarFile(fileobj=cast(Any, member), mode="w", format=tarfile.PAX_FORMAT)
    for name, content in entries.items():
        entry = tarfile.TarInfo(name)
        entry.mtime, entry.mode = MTIME, 0o644
        with io.BytesIO(content) if isinstance(content, bytes) else open_regular(content) as stream:
            entry.size = len(content) if isinstance(content, bytes) else os.fstat(stream.fileno()).st_size
            try:
                tar.addfile(entry, stream)
            except OSError as error:
                if error.errno is not None:
                    raise  # of what it is written to
                raise OSError(errno.EIO, "it became shorter while it was read", content) from None
    member.finish()
    return member.tell()


class _Gzip:
    """One member of a gzip file, as a file that a tar is written to."""

    def __init__(self, out: Writable) -> None:
        self._out, self._written = out, 0
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, data: bytes) -> int:
        self._out.write(self._compressor.compress(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        """How many bytes were written, before they were compressed."""
        return self._written

    def finish(self) -> None:
        self._out.write(self._compressor.flush())

"""A gzipped tar whose bytes depend on names and contents alone. What all packages share is compressed once."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Mapping
from functools import cached_property
from itertools import groupby
from pathlib import Path

# Metaflow's own constant for files in a package: Dec 3, 2019.
MTIME = 1575360000
_LEVEL = 3
# zlib's window with a gzip header, which holds no time and no name then.
_GZIP = 16 + zlib.MAX_WBITS

# Bytes, or the path of a file.
Content = bytes | str
# The pieces of an archive, in order; None stands for all that archives share.
Parts = list[bytes | None]


class Shared:
    """Files that are in many archives, by name; compressed once, for this process and those forked from it later."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(sorted(files.items()))

    @cached_property
    def packed(self) -> tuple[int, bytes]:
        """How long they are in a tar, and that part of the tar compressed."""
        return _compressed(self.files)


def parts_of(entries: Mapping[str, Content], shared: Shared) -> Parts:
    """An archive of entries by name; owners, modes and times fixed.

    Each run of consecutive entries that are shared, or are not, is a gzip member of its own: concatenated members
    unpack as one file (RFC 1952, section 2.2).
    """
    length = 0
    parts: Parts = []
    for is_shared, row in groupby(sorted(entries), key=lambda name: entries[name] == shared.files.get(name)):
        names = list(row)
        if is_shared and len(names) == len(shared.files):
            length += shared.packed[0]
            parts.append(None)
        else:
            size, blob = _compressed({name: entries[name] for name in names})
            length += size
            parts.append(blob)
    # The end of a tar: two empty blocks, and more up to a whole record.
    end = bytes(-(length + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE)
    return [*parts, _gzipped(end)]


def joined(parts: Parts, shared: Shared) -> bytes:
    """The archive."""
    return b"".join(shared.packed[1] if part is None else part for part in parts)


def _compressed(entries: Mapping[str, Content]) -> tuple[int, bytes]:
    """How long the entries are in a tar, and that part of the tar compressed."""
    buffer = io.BytesIO()
    tar = tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 (never closed: no end)
    for name, content in entries.items():
        data = content if isinstance(content, bytes) else Path(content).read_bytes()
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = len(data), MTIME, 0o644
        tar.addfile(entry, io.BytesIO(data))
    written = buffer.getvalue()
    return len(written), _gzipped(written)


def _gzipped(data: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    return compressor.compress(data) + compressor.flush()

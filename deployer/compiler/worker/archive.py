"""A gzipped tar whose bytes follow from names and contents alone. What all packages share is compressed once."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import groupby
from pathlib import Path

# Metaflow's own constant for files in a package: Dec 3, 2019.
MTIME = 1575360000
_LEVEL = 3
# zlib's window with a gzip header, which holds no time and no name then.
_GZIP = 16 + zlib.MAX_WBITS

# Bytes, or the path of a file.
Content = bytes | str


def archive(entries: Mapping[str, Content], shared: Mapping[str, str]) -> bytes:
    """Entries by name; owners, modes and times fixed. What is among `shared`, too, is of many archives.

    Each row of shared entries is a gzip member of its own: members that follow each other are one file for whoever
    unpacks it (RFC 1952, section 2.2).
    """
    pieces = [
        _shared(tuple((name, shared[name]) for name in row))
        if is_shared
        else _compressed({name: entries[name] for name in row})
        for is_shared, row in groupby(sorted(entries), key=lambda name: entries[name] == shared.get(name))
    ]
    length = sum(size for size, _ in pieces)
    # The end of a tar: two empty blocks, and more up to a whole record.
    end = bytes(-(length + 2 * tarfile.BLOCKSIZE) % tarfile.RECORDSIZE + 2 * tarfile.BLOCKSIZE)
    return b"".join([*(blob for _, blob in pieces), _gzipped(end)])


def prepare(shared: Mapping[str, str]) -> None:
    """Compress what the archives of this process and of its children share."""
    _shared(tuple(sorted(shared.items())))


@lru_cache(maxsize=8)
def _shared(row: Collection[tuple[str, str]]) -> tuple[int, bytes]:
    return _compressed(dict(row))


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

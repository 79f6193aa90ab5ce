"""How an early helper is told its environment: on its standard input, before the request.

Both sides import this module, which needs the standard library only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

_SIZE_BYTES = 8


def pack(environ: Mapping[str, str]) -> bytes:
    """The message for `unpack`."""
    # As file names: a variable may hold bytes that are not UTF-8.
    data = os.fsencode(json.dumps(dict(environ), ensure_ascii=False))
    return len(data).to_bytes(_SIZE_BYTES, "big") + data


def unpack(descriptor: int) -> dict[str, str]:
    """The environment that is written next to a pipe. Raises EOFError where the other end has been closed."""
    size = int.from_bytes(_read(descriptor, _SIZE_BYTES), "big")
    found: dict[str, str] = json.loads(os.fsdecode(_read(descriptor, size)))
    return found


def _read(descriptor: int, size: int) -> bytes:
    """Exactly so many bytes: what follows is for somebody else."""
    data = bytearray()
    while len(data) < size:
        more = os.read(descriptor, size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)

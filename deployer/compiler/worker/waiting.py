"""What a helper does that was started before it is known what for: it imports, and waits for its environment."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress

from ..handover import unpack

# What every Metaflow imports of others, in no order. Nothing of Metaflow's own, which reads its settings when it is
# imported, and nothing that it would not import: what a flow imports first is an input of its description.
IMPORTED_BY_METAFLOW = (
    *("asyncio", "concurrent.futures.thread", "email.message", "http.cookiejar", "importlib.metadata"),
    *("importlib.resources", "inspect", "logging", "multiprocessing", "platform", "requests", "tarfile", "uuid"),
)


def wait() -> None:
    """Take over the environment that the client sends. Raises EOFError if it has no use for this process."""
    for name in IMPORTED_BY_METAFLOW:
        with suppress(ImportError):  # Metaflow will say so
            importlib.import_module(name)
    environ = unpack(0)
    os.environ.clear()
    os.environ.update(environ)

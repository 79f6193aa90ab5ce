"""What commands get from the process around them, made in one place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from deployer.cli.progress import progress_bar
from deployer.models.progress import Progress


@dataclass(frozen=True)
class CommandContext:
    """`environ` are the variables of the process; `progress` is called with each stage of the work."""

    environ: Mapping[str, str]
    progress: Progress


@contextmanager
def command_context() -> Iterator[CommandContext]:
    """The context of one call of `deployer.commands`. Its progress bar goes away at the end of the block."""
    with progress_bar() as progress:
        yield CommandContext(os.environ, progress)

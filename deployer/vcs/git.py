"""Starts git: the one place that does."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Git:
    """Git as this process may use it: with the variables of `environ`."""

    environ: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, folder: Path, words: tuple[str, ...], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str] | None:
        """The result of one command; None where git cannot be started."""
        # Without optional locks `status` does not refresh the index on disk: nothing of the user's is touched. A folder
        # with what a bare repository is made of may be checked in, its settings naming programs to run: it is none.
        options = ("--no-optional-locks", "-c", "safe.bareRepository=explicit", "-C", str(folder))
        environment = {**self.environ, **variables}
        try:
            return subprocess.run(
                ["git", *options, *words],
                capture_output=True,
                text=True,
                check=False,
                errors="replace",
                env=environment,
            )
        except OSError:
            return None

"""Warns of a code package that is large: each task fetches and unpacks all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..protocol import Job, Problem
from .code import user_files
from .metaflow_compat import CodePackage
from .source import Location

_MB = 1_000_000
_SHOWN = 5


def size_warnings(job: Job, package: CodePackage, location: Location) -> Iterator[Problem]:
    """A warning where the user's files have more megabytes than `package_limit`, with the largest of them."""
    sizes = {path: os.stat(file).st_size for path, file in user_files(package).items()}  # noqa: PTH116 - as it is
    total = sum(sizes.values())
    if total <= job.package_limit * _MB:
        return
    largest = sorted(sizes, key=lambda path: (-sizes[path], path))[:_SHOWN]
    listed = ", ".join(f"{path.removeprefix(package.code_folder)} ({_shown(sizes[path])})" for path in largest)
    message = (
        f"the code package has {_shown(total)} of files, more than package_limit ({job.package_limit} MB): {listed}"
    )
    hint = "each task fetches it; keep data in the datastore, or raise package_limit"
    yield Problem("large-package", message, *location, hint=hint, severity="warning")


def _shown(size: int) -> str:
    return f"{size / _MB:,.0f} MB" if size >= 10 * _MB else f"{size / _MB:,.1f} MB"

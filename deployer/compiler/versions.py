"""Which versions of Metaflow are supported and tested.

Needs the standard library only: the client decides with it, and the worker before it imports Metaflow.
"""

from __future__ import annotations

import re

Version = tuple[int, int, int]

# What tests/versions runs: the first release of each series that changed what we touch, and the newest of all.
TESTED: tuple[Version, ...] = ((2, 15, 0), (2, 16, 0), (2, 18, 0), (2, 19, 0), (2, 19, 39))
OLDEST, NEWEST_TESTED = TESTED[0], TESTED[-1]


def parse_version(text: str) -> Version | None:
    """The leading numbers of a version (``2.19.3.post1``, ``2.15.14-2-gabc``); None where there are none."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def is_too_old(text: str) -> bool:
    """Whether this Metaflow lacks what mfdeploy needs. A version that cannot be parsed counts as supported."""
    version = parse_version(text)
    return version is not None and version < OLDEST


def is_untested(text: str) -> bool:
    """Whether this Metaflow is newer than every version that was tested."""
    version = parse_version(text)
    return version is not None and version > NEWEST_TESTED


def show_version(version: Version) -> str:
    """``2.19.39``; ``2.15`` for the first release of a series."""
    return ".".join(str(part) for part in (version if version[2] else version[:2]))

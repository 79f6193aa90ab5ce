"""The names of files at a target."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from deployer.models.target import TargetError


def check_file_name(name: str) -> None:
    """Raise TargetError for what is not a plain file name: it could lead out of the target."""
    if name in ("", ".", "..") or any(character in "/\\" or not character.isprintable() for character in name):
        raise TargetError(f"{name!r} is not a plain file name")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the `fnmatch` patterns matches the name of a file, case-sensitively."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)

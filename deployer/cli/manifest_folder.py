"""Finds the manifest folder from a folder below the repository's root, as git finds its repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

DEFAULT_MANIFESTS = Path("deployments")


def find_manifests() -> Path:
    """The manifest folder: ``deployments`` here, or the one that this folder is in, or that of the repository.

    In a repository it is the nearest ``deployments`` in the folders up to its root. The path is relative to the working
    directory. It is the default, which may not exist, if none is found.
    """
    try:
        here = Path.cwd()
        for folder in (here / DEFAULT_MANIFESTS, *_above(here)):
            if folder.is_dir():
                return Path(os.path.relpath(folder, here))
    except OSError:
        pass  # the command reports that its folder is not there
    return DEFAULT_MANIFESTS


def _above(here: Path) -> Iterator[Path]:
    """Manifest folders that `here` may belong to, the nearest first."""
    within = list(_of_one_user(here))
    top = next((number for number, folder in enumerate(within) if (folder / ".git").exists()), None)
    if top is None:
        # Without a repository only a folder that we are in: what lies beside it may have nothing to do with it.
        yield from (folder for folder in within if folder.name == DEFAULT_MANIFESTS.name)
        return
    for folder in within[: top + 1]:
        yield folder / DEFAULT_MANIFESTS


def _of_one_user(here: Path) -> Iterator[Path]:
    """The folder and those above it, as long as they belong to the same user.

    Flows run while they are planned: as git does, nothing is taken from a folder of another user further up.
    """
    owner = here.stat().st_uid
    for folder in (here, *here.parents):
        if folder.stat().st_uid != owner:
            return
        yield folder

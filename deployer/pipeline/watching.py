"""Watches the files that deployments are made from: the manifests, and the folders of the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deployer.errors import DeployError, Diagnostic
from deployer.models.manifests import Manifests

if TYPE_CHECKING:
    from watchfiles.main import FileChange

Changes = AbstractSet["FileChange"]

# Milliseconds: how often a caller gets to look at something else, and how long files must be quiet to count as saved.
_TICK, _QUIET = 200, 50
_NO_SOURCES: Final = (".metaflow", ".cache", "__pycache__")


def watched_folders(manifests: Manifests) -> frozenset[Path]:
    """The folders below which an edit may change a deployment; none of them lies in another one."""
    files = {Path(deployment.file.resolved) for deployment in manifests.deployments}
    for deployment in manifests.deployments:
        given = (*deployment.config_files.values(), *deployment.include_files.values())
        files |= {Path(path.resolved) for path in given}
    folders = {manifests.folder.resolve(), *(file.parent.resolve() for file in files)}
    return frozenset(folder for folder in folders if not folders & set(folder.parents) and folder.is_dir())


def written_folders(manifests: Manifests) -> frozenset[Path]:
    """The folders that applies and runs write to: what happens there is no edit."""
    environments = manifests.environments.values()
    paths = (path.resolved for each in environments for path in (each.target, each.datastore))
    return frozenset(Path(path).resolve() for path in paths if "://" not in path)


def watch(folders: Callable[[], Iterable[Path]], written: Iterable[Path]) -> Iterator[frozenset[Path]]:
    """The files that were saved or removed, each time that some were; nothing several times a second else.

    `folders` is asked again after each; the first answer means that they are watched. Raises DeployError if the system
    does not let them be watched.
    """
    from watchfiles import DefaultFilter
    from watchfiles import watch as changes_below

    sources = DefaultFilter(
        ignore_dirs=(*DefaultFilter.ignore_dirs, *_NO_SOURCES), ignore_paths=[str(path) for path in written]
    )
    while True:
        watched = _existing(folders())
        found = changes_below(
            *sorted(watched),
            watch_filter=sources,
            step=_QUIET,
            rust_timeout=_TICK,
            yield_on_timeout=True,
            raise_interrupt=True,
        )
        for changes in _reported(found):
            yield frozenset(Path(path) for _, path in changes)
            if changes and _existing(folders()) != watched:
                break


def _existing(folders: Iterable[Path]) -> frozenset[Path]:
    return frozenset(folder for folder in folders if folder.is_dir())


def _reported(found: Iterator[Changes]) -> Iterator[Changes]:
    """What is found; what the system refuses is raised as DeployError."""
    try:
        while (changes := next(found, None)) is not None:
            yield changes
    except OSError as error:
        message = f"the folders of the manifests and flows cannot be watched: {error}"
        hint = "raise the system's limit of watched files, or set WATCHFILES_FORCE_POLLING=1"
        raise DeployError(Diagnostic("not-watched", message, hint=hint)) from error

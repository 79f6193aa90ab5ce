"""Targets of every kind as an apply finds them, and as somebody who looks at the server sees them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.targets.repositories import Remote, make_remote


class Place(Protocol):
    """One target. `tries` says whether an audit event of Python is one of its writes: there a process may be killed."""

    @property
    def address(self) -> str: ...

    def files(self) -> Mapping[str, bytes]:
        """All that is there, by name."""

    def save(self) -> object:
        """What is there, for `restore`."""

    def restore(self, saved: object) -> None: ...

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool: ...


@dataclass(frozen=True)
class FolderPlace:
    """A folder; each event is one step of the file system."""

    folder: Path

    @property
    def address(self) -> str:
        return str(self.folder)

    def files(self) -> Mapping[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()} if self.folder.exists() else {}

    def save(self) -> Mapping[str, bytes]:
        return self.files()

    def restore(self, saved: object) -> None:
        assert isinstance(saved, dict)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name, content in saved.items():
            (self.folder / name).write_bytes(content)

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool:
        if event == "open" and isinstance(arguments[2], int) and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return False
        writes = ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir", "fcntl.flock")
        return event in writes and (event == "fcntl.flock" or str(arguments[0]).startswith(str(self.folder)))


@dataclass(frozen=True)
class GitPlace:
    """A repository; each event is one start of git."""

    remote: Remote

    @property
    def address(self) -> str:
        return self.remote.address

    def files(self) -> Mapping[str, bytes]:
        return self.remote.files()

    def save(self) -> str:
        return self.remote.tip()

    def restore(self, saved: object) -> None:
        self.remote.git("update-ref", "refs/heads/main", str(saved))

    def tries(self, event: str, arguments: tuple[object, ...]) -> bool:
        return event == "subprocess.Popen" and str(arguments[0]) == "git"


def make_folder(folder: Path) -> Place:
    return FolderPlace(folder / "dags")


def make_git(folder: Path) -> Place:
    return GitPlace(make_remote(folder / "remote.git"))


PLACES: Mapping[str, Callable[[Path], Place]] = {"folder": make_folder, "git": make_git}


def leftovers(folder: Path) -> list[str]:
    """Locks and temporary files anywhere below a folder."""
    words = (".lock", ".part", "tmp_obj_", "mfdeploy-git-")
    return sorted(path.name for path in folder.rglob("*") if any(word in path.name for word in words))

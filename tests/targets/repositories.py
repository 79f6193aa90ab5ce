"""Real git repositories for tests, and what somebody else does in them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Grace"), ("EMAIL", "grace@example.org"))
}


@dataclass(frozen=True)
class Remote:
    """A bare repository with one branch, `main`, whose folder `dags` is published to."""

    path: Path

    @property
    def address(self) -> str:
        return f"git+file://{self.path}//dags?ref=main"

    def git(self, *words: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.path,
            input=stdin,
            capture_output=True,
            check=True,
            env={**_environ(), "GIT_DIR": str(self.path)},
        )
        return done.stdout.decode(errors="surrogateescape").strip()

    def push(self, files: dict[str, bytes | None], message: str = "by hand", branch: str = "main") -> str:
        """What somebody else commits: files by path (None: removed). Returns the commit."""
        stream = [f"commit refs/heads/{branch}\ncommitter Grace <grace@example.org> 1700000000 +0000\n".encode()]
        stream.append(b"data %d\n%s\n" % (len(message), message.encode()))
        if self.has(branch):
            stream.append(f"from refs/heads/{branch}^0\n".encode())
        for path, content in files.items():
            if content is None:
                stream.append(f"D {path}\n".encode())
            else:
                stream.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
        self.git("fast-import", "--quiet", stdin=b"".join(stream))
        return self.tip(branch)

    def has(self, branch: str) -> bool:
        return bool(self.git("for-each-ref", f"refs/heads/{branch}"))

    def tip(self, branch: str = "main") -> str:
        return self.git("rev-parse", f"refs/heads/{branch}")

    def files(self, folder: str = "dags", branch: str = "main") -> dict[str, bytes]:
        """What is in a folder now, by name."""
        listed = self.git("ls-tree", "-z", f"{branch}:{folder}").split("\0") if self.has_folder(folder, branch) else []
        names = [line.partition("\t")[2] for line in listed if line and " blob " in line]
        return {name: self._bytes(f"{branch}:{folder}/{name}" if folder else f"{branch}:{name}") for name in names}

    def has_folder(self, folder: str, branch: str = "main") -> bool:
        return not folder or bool(self.git("ls-tree", "-d", branch, folder))

    def commits(self, branch: str = "main") -> list[str]:
        return self.git("rev-list", branch).split()

    def hook(self, name: str, script: str) -> None:
        """A hook of the server's side."""
        file = self.path / "hooks" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def _bytes(self, name: str) -> bytes:
        command = ["git", "--git-dir", str(self.path), "cat-file", "blob", name]
        return subprocess.run(command, capture_output=True, check=True).stdout


def make_remote(folder: Path, *, empty: bool = False, filters: bool = True, hash: str = "sha1") -> Remote:
    """A repository at `folder`; `filters` says whether it serves partial clones, as hosted ones do."""
    command = ["git", "init", "-q", "--bare", "-b", "main", f"--object-format={hash}", str(folder)]
    subprocess.run(command, check=True, env=_environ())
    remote = Remote(folder)
    remote.git("config", "uploadpack.allowFilter", "true" if filters else "false")
    if not empty:
        remote.push({"README.md": b"dags of all\n"}, "first")
    return remote


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **WHO, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

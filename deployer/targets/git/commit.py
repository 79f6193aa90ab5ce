"""A commit on top of a clone's last one, without a worktree: bytes go in as they are, through no filter or hook."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Final

from deployer.models.target import TargetError
from deployer.targets.git.bare import GitTargetError
from deployer.targets.git.clone import Clone

_BUILT: Final = "refs/mfdeploy/built"
# Two pushes at the same moment: the server has locked the branch, or the branch moved after it was fetched.
_RACE: Final = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|incorrect old value"
    r"|reference already exists|failed to lock|unable to create '.*\.lock'",
    re.IGNORECASE,
)


def build_commit(clone: Clone, files: Mapping[str, bytes | None], message: str, user: str) -> str:
    """The id of a commit that writes `files` (by path in the repository; None: removes) and changes nothing else."""
    stream = b"".join(_stream(clone.tip, files))
    clone.repository.run("fast-import", "--quiet", "--force", "--done", "--date-format=raw", stdin=stream)
    signed = ["-S"] if _signs(clone) else []
    words = ("commit-tree", *signed, "-p", clone.tip, "-F", "-", f"{_BUILT}^{{tree}}")
    output = clone.repository.run(*words, stdin=message.encode(), variables=_identity(clone, user))
    return output.decode().strip()


def push(clone: Clone, commit: str) -> str | None:
    """Make the commit the branch's last one. Returns git's reason if somebody else pushed first; raises TargetError.

    The server compares and moves in one step, and only from the parent of the commit.
    """
    branch = f"refs/heads/{clone.branch}"
    options = ("--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no")
    lease = f"--force-with-lease={branch}:{clone.tip}"
    try:
        clone.repository.ask("push", *options, lease, "--", clone.repository.remote, f"{commit}:{branch}")
    except GitTargetError as error:
        refused = _refusal(error.stdout)
        if not refused:
            raise
        if _RACE.search(refused):
            return refused
        raise TargetError(_declined(clone, refused, error.stderr)) from error
    return None


def _refusal(output: str) -> str:
    """Why the server refused the commit, from the output of ``push --porcelain``; empty when it gives no reason."""
    for line in output.splitlines():
        _, found, reason = line.partition("rejected] (")
        if found:
            return reason.rpartition(")")[0]
    return ""


def _declined(clone: Clone, reason: str, errors: str) -> str:
    """The message of the server, or of a hook there, about a commit that it refused."""
    said = " ".join(line.removeprefix("remote:").strip() for line in errors.splitlines() if line.startswith("remote:"))
    refused = f"{clone.address.name}: the server refused the commit on {clone.branch!r} ({reason})"
    return f"{refused}{': ' if said else ''}{said}; allow the user who applies to push there, or use another branch"


def _stream(tip: str, files: Mapping[str, bytes | None]) -> Iterator[bytes]:
    """The input of fast-import. Only the tree of the commit that it makes is used."""
    yield f"commit {_BUILT}\ncommitter mfdeploy <> 0 +0000\ndata 0\nfrom {tip}\n".encode()
    for path, content in sorted(files.items()):
        if content is None:
            yield f"D {_quoted(path)}\n".encode()
        else:
            yield f"M 100644 inline {_quoted(path)}\ndata {len(content)}\n".encode() + content + b"\n"
    yield b"done\n"


def _quoted(path: str) -> str:
    escaped = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}" for byte in path.encode()
    )
    return f'"{escaped}"'


def _signs(clone: Clone) -> bool:
    """Whether the user's commits are signed: `commit-tree` ignores that setting, and a server may require it."""
    try:
        return clone.repository.text("config", "--type=bool", "--get", "commit.gpgSign") == "true"
    except GitTargetError:
        return False


def _identity(clone: Clone, user: str) -> dict[str, str]:
    """Author and committer where git has none configured: the user who applies."""
    try:
        known = clone.repository.text(
            "config", "--name-only", "--get-regexp", r"^(user|author|committer)\.(name|email)$"
        )
    except GitTargetError:
        known = ""
    names = known.lower().split()
    defaults = {"name": user, "email": f"{user}@{socket.gethostname()}".replace(" ", ".")}
    return {
        f"GIT_{role}_{part}".upper(): value
        for role in ("author", "committer")
        for part, value in defaults.items()
        if f"user.{part}" not in names and f"{role}.{part}" not in names
    }

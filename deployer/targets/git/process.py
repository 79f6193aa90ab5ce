"""Runs git so that nothing of whoever calls us, but identity and credentials, has an influence, and it never asks."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deployer.models.target import TargetError

# A hook of the server may think for long, but a connection that is dead must end.
_TIMEOUT: Final = 600.0
# mfdeploy may run inside a git hook, where GIT_DIR and its like name the user's own repository. These are the ones that
# say who one is and how to connect; the dates of a commit that is being made are not among them.
_KEPT: Final = re.compile(
    r"GIT_(?:(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|ASKPASS|SSH.*|SSL_.*|HTTP_.*|PROXY_.*|TRACE.*|CURL_.*|EXEC_PATH"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))"
)
_SETTINGS: Final = {
    "core.hooksPath": os.devnull,
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "i18n.commitEncoding": "UTF-8",
    "log.follow": "false",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "transfer.credentialsInUrl": "allow",  # what an `insteadOf` of the user's may make of ours is the user's
    # A server that stops sending is given up after a minute.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}
_HINTS: Final = (
    (r"Host key verification failed", "connect to the host once by hand, so that ssh knows its key"),
    (
        r"terminal prompts disabled|could not read (?:Username|Password)|Authentication failed|Permission denied"
        r"|error: 40[13]|denied to",
        "give the user who runs mfdeploy access: an ssh key in the agent, or a credential helper of git",
    ),
    (r"dubious ownership", "see the setting safe.directory of git"),
    (
        r"not appear to be a git repository|[Rr]epository .*not found|does not exist|not found$",
        "check the address; a repository that one may not see looks the same",
    ),
    (
        r"resolve host|[Cc]onnection (?:refused|reset|timed out|closed)|unreachable|Couldn't connect|Failed to connect"
        r"|hung up|early EOF|unexpected disconnect|Operation too slow",
        "check the address, and that this machine can reach the host; then plan again",
    ),
    (r"No space left|File too large|unable to write|cannot pwrite", "make room in the folder for temporary files"),
)


class GitError(TargetError):
    """A git command failed; `output` and `errors` are what it said."""

    def __init__(self, message: str, output: bytes = b"", errors: str = "") -> None:
        super().__init__(message)
        self.output = output
        self.errors = errors


@dataclass(frozen=True)
class Git:
    """git in one bare repository. `url` is the remote that messages are about."""

    folder: Path
    url: str

    def run(self, *words: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> bytes:
        """The standard output of `git WORDS`. Raises GitError."""
        settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
        variables = {**clean(os.environ), "GIT_DIR": str(self.folder), **(environ or {})}
        code, output, errors = _run(["git", *settings, *words], stdin, variables, self.folder.parent)
        said = errors.decode(errors="replace")
        if code < 0:
            raise GitError(
                f"{self.url}: git was ended by {signal.Signals(-code).name}; {self._safe(said)}".rstrip("; ")
            )
        if code:
            raise GitError(self._message(said), output, said)
        return output

    def text(self, *words: str) -> str:
        """The standard output as one stripped text."""
        return self.run(*words).decode(errors="replace").strip()

    def _message(self, errors: str) -> str:
        said = self._safe(" ".join(line.strip() for line in errors.splitlines() if _tells(line)))
        found = (hint for pattern, hint in _HINTS if re.search(pattern, errors, re.MULTILINE))
        hint = next(found, f"see what `git ls-remote {self.url}` says for the same user")
        return f"{self.url}: {said or 'git failed'}; {hint}"

    def _safe(self, text: str) -> str:
        """Without credentials: an `insteadOf` of the user's configuration may have put a token into the URL."""
        return re.sub(r"://[^/@\s]+@", lambda found: found[0] if found[0] in self.url else "://***@", text)


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that git is started with: in English, asking nothing."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1", "GIT_LITERAL_PATHSPECS": "1"}
    return {**kept, **fixed, "LC_ALL": "C", "LANGUAGE": "C"}


def _tells(line: str) -> bool:
    noise = ("Cloning into", "warning: filtering not recognized", "Please make sure", "and the repository exists")
    return bool(line.strip()) and not line.startswith(noise)


def _run(command: list[str], stdin: bytes, variables: dict[str, str], folder: Path) -> tuple[int, bytes, bytes]:
    pipe = subprocess.PIPE
    try:
        # A session of its own has no terminal: ssh cannot ask there either.
        process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, cwd=folder, start_new_session=True
        )
    except FileNotFoundError as error:
        raise TargetError("git is not installed here, and a target git+... needs it") from error
    try:
        output, errors = process.communicate(stdin, _TIMEOUT)
    except subprocess.TimeoutExpired:
        _end(process)
        raise TargetError(f"git {command[-1]}: no answer in {_TIMEOUT / 60:.0f} minutes; plan again later") from None
    except BaseException:
        _end(process)
        raise
    return process.returncode, output, errors


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git with what it started, so that nobody writes into a folder that is being removed."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

"""The one way in which git is run: with a clean environment, a time limit, bounded output, and never a prompt."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deployer.vcs.process import Limits, OutputLimitError, ProcessTimeoutError, run

# A hook of a server may take long, but a dead connection must end. The output is at most all files of a target.
_LIMITS: Final = Limits(seconds=600, output=512 * 2**20, errors=2**20)
# mfdeploy may itself run in a git hook, where GIT_DIR and its like name another repository and GIT_CONFIG_PARAMETERS
# holds the settings of another command. These variables alone stay: who the user is, how to connect and to get
# credentials, the user's own configuration, and how far up git looks for a repository. The dates of a commit that is
# being made are not among them.
_KEPT: Final = re.compile(
    r"GIT_(?:(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|ASKPASS|SSH.*|SSL_.*|HTTP_.*|PROXY_.*|TRACE.*|CURL_.*|EXEC_PATH"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)"
)
# No prompts. Without a terminal (see `process`) and without a program that opens a window, ssh cannot prompt either.
# Its BatchMode would have the same effect, but is set by GIT_SSH_COMMAND, which would override core.sshCommand of the
# user.
_NEVER_ASK: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
}
_FIXED: Final = {
    **_NEVER_ASK,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    # Messages are matched and shown to users: in English.
    "LC_ALL": "C",
    "LANGUAGE": "C",
}
_SETTINGS: Final = {
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    # A folder that is checked in may hold all that makes a bare repository, its settings naming programs to run.
    "safe.bareRepository": "explicit",
    # A server that stops sending is given up after a minute.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class GitResult:
    """How a git command ended: its exit code (negative: the signal that ended it) and what it wrote."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """The standard output, decoded as UTF-8 with replacements and stripped."""
        return self.stdout.decode(errors="replace").strip()


class GitError(Exception):
    """A git command failed. `result` is how it ended; None when git could not be started or was stopped by us."""

    def __init__(self, message: str, result: GitResult | None = None) -> None:
        super().__init__(message)
        self.result = result


class Git:
    """git as the user of `environ` has it installed and configured."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`environ` is the process environment: git, its configuration and its credentials are found by it."""
        self._variables = _clean(environ)

    def run(
        self,
        folder: Path,
        *words: str,
        stdin: bytes = b"",
        variables: Mapping[str, str] = _NOTHING,
        settings: Mapping[str, str] = _NOTHING,
    ) -> GitResult:
        """Run ``git WORDS`` in a folder; raises GitError unless it succeeds.

        `variables` and `settings` (``name.of.setting: value``) hold for this command alone and win over the user's.
        """
        options = [part for item in {**_SETTINGS, **settings}.items() for part in ("-c", "=".join(item))]
        # Without optional locks `status` does not refresh the index on disk: nothing of the user's is touched.
        command = ["git", "--no-optional-locks", *options, "-C", str(folder), *words]
        try:
            code, stdout, stderr = run(command, stdin, {**self._variables, **variables}, _LIMITS)
        except FileNotFoundError as error:
            raise GitError("git is not installed on this machine") from error
        except (OSError, ValueError) as error:
            raise GitError(f"git cannot be started: {error}") from error
        except ProcessTimeoutError:
            minutes = f"{_LIMITS.seconds / 60:.0f} minutes"
            raise GitError(f"git {words[0]} did not finish in {minutes} and was stopped") from None
        except OutputLimitError:
            most = f"{_LIMITS.output // 2**20} MiB"
            raise GitError(f"git {words[0]} wrote more than {most} and was stopped") from None
        result = GitResult(code, stdout, stderr.decode(errors="replace"))
        if code:
            raise GitError(f"git {words[0]} {_failure(result)}", result)
        return result


def _failure(result: GitResult) -> str:
    how = f"was ended by {signal.Signals(-result.code).name}" if result.code < 0 else "failed"
    said = result.stderr.strip().splitlines()
    return f"{how}: {said[-1]}" if said else how


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)}
    kept.pop("SSH_ASKPASS", None)
    # An empty GIT_ASKPASS disables core.askPass, too. If it is set, it stays: CI services pass passwords that way.
    return {"GIT_ASKPASS": "", **kept, **_FIXED}

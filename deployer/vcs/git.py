"""Runs git: with a clean environment, a time limit, limited output, and no prompts. Nothing else starts git."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from deployer.vcs.process import Limits, OutputLimitError, ProcessTimeoutError, SilenceError, run

# A hook of a server may take long, but a dead connection must end. The output is at most all files of a target.
_LIMITS: Final = Limits(seconds=600, output=512 * 2**20, errors=2**20)
# mfdeploy may itself run in a git hook, where GIT_DIR and its like name another repository and GIT_CONFIG_PARAMETERS
# holds the settings of another command. Only these variables are passed on: the identity of the user, connections and
# credentials, the user's configuration, and the limits of the search for a repository. The dates of a commit in
# progress are not passed on.
_PASSED_ON: Final = re.compile(
    r"GIT_(?:(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL)|ASKPASS|SSH.*|SSL_.*|HTTP_.*|PROXY_.*|TRACE.*|CURL_.*|EXEC_PATH"
    r"|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)"
)
# No prompts. Without a terminal (see `process`) and without a program that opens a window, ssh cannot prompt either.
# Its BatchMode would have the same effect, but is set by GIT_SSH_COMMAND, which would override core.sshCommand of the
# user.
_NO_PROMPTS: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
}
_FIXED: Final = {
    **_NO_PROMPTS,
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
    # A checked-in folder may look like a bare repository whose settings name programs to run.
    "safe.bareRepository": "explicit",
    # Give up after a minute (see `Git.ask`, too) if the server stops sending.
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "60",
}
# What git and the server's git report of how far they are: a sign of life, and no part of any message.
_PROGRESS: Final = re.compile(
    r"(?:remote: )?[A-Z][\w ]+:\s+(?:\d+% \(\d+/\d+\)|\d+)[^\r\n]*?(?:\r|\n|\Z)|remote: Total .*\n"
)
_ADVICE: Final = ("Please make sure", "and the repository exists")  # what git says below each remote that fails
_LONGEST_REASON: Final = 500
_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class GitResult:
    """The exit code of a git command (negative: the signal that ended it) and its output."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """The standard output, decoded as UTF-8 with replacements and stripped."""
        return self.stdout.decode(errors="replace").strip()


class GitError(Exception):
    """A git command failed. `result` is None if git could not be started or was stopped by mfdeploy."""

    def __init__(self, message: str, result: GitResult | None = None) -> None:
        super().__init__(message)
        self.result = result


class SilentServerError(GitError):
    """The server gave no sign of life for too long, and git was stopped."""


class Git:
    """The git that the user has installed and configured."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """`environ` is the process environment, which leads to git, its configuration and its credentials."""
        self._variables = _clean(environ)

    def run(
        self,
        folder: Path,
        *arguments: str,
        stdin: bytes = b"",
        variables: Mapping[str, str] = _NO_VARIABLES,
        settings: Mapping[str, str] = _NO_VARIABLES,
        silence: float | None = None,
        secret_settings: Mapping[str, str] = _NO_VARIABLES,
    ) -> GitResult:
        """Run git with arguments in a folder. Raises GitError if it fails.

        `variables` and `settings` (``name.of.setting: value``) apply to this command only and override the user's.
        So do `secret_settings`, which are in git's environment and not in its command line, which all users can read.
        `silence` is for a command that talks to a server: after so many seconds without a sign of life it is stopped,
        and SilentServerError is raised. With --progress, git shows one about once a second.
        """
        options = [part for item in {**_SETTINGS, **settings}.items() for part in ("-c", "=".join(item))]
        # Without optional locks `status` does not refresh the index on disk: nothing of the user's is touched.
        command = ["git", "--no-optional-locks", *options, "-C", str(folder), *arguments]
        environ = {**self._variables, **variables}
        environ |= _as_variables(secret_settings, environ) if secret_settings else {}
        try:
            code, stdout, stderr = run(command, stdin, environ, replace(_LIMITS, silence=silence))
        except FileNotFoundError as error:
            raise GitError("git is not installed on this machine") from error
        except (OSError, ValueError) as error:
            raise GitError(f"git cannot be started: {error}") from error
        except ProcessTimeoutError:
            minutes = f"{_LIMITS.seconds / 60:.0f} minutes"
            raise GitError(f"git {arguments[0]} did not finish in {minutes} and was stopped") from None
        except SilenceError:
            message = f"git {arguments[0]} got no answer within {silence:g} seconds and was stopped"
            raise SilentServerError(message) from None
        except OutputLimitError:
            most = f"{_LIMITS.output // 2**20} MiB"
            raise GitError(f"git {arguments[0]} wrote more than {most} and was stopped") from None
        errors = stderr.decode(errors="replace")
        result = GitResult(code, stdout, errors if silence is None else _PROGRESS.sub("", errors))
        if code:
            raise GitError(f"git {arguments[0]} {_failure(result)}", result)
        return result


def _as_variables(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Settings as the variables that git reads them from, after those that the user has set that way."""
    given = environ.get("GIT_CONFIG_COUNT", "")
    first = int(given) if given.isdecimal() else 0
    found = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for at, (name, value) in enumerate(settings.items(), first):
        found |= {f"GIT_CONFIG_KEY_{at}": name, f"GIT_CONFIG_VALUE_{at}": value}
    return found


def _failure(result: GitResult) -> str:
    how = f"was ended by {signal.Signals(-result.code).name}" if result.code < 0 else "failed"
    # The reason is in any of the lines: of ssh, or of git before or after its advice. Git may name a URL with a token.
    lines = (line.strip() for line in result.stderr.splitlines() if not line.startswith(_ADVICE))
    reason = re.sub(r"://[^/@\s]+@", "://***@", " ".join(filter(None, lines)))
    return f"{how}: {reason[:_LONGEST_REASON]}" if reason else how


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    passed_on = {
        name: value for name, value in environ.items() if not name.startswith("GIT_") or _PASSED_ON.fullmatch(name)
    }
    passed_on.pop("SSH_ASKPASS", None)
    # An empty GIT_ASKPASS disables core.askPass, too. If it is set, it stays: CI services pass passwords that way.
    return {"GIT_ASKPASS": "", **passed_on, **_FIXED}

"""The bare repository that a target works in: git there, and its failures explained to whoever publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Final

from deployer.models.target import TargetError
from deployer.models.waiting import DEFAULT_WAITS, RAISE_LIMIT, WaitPolicy
from deployer.targets.git.address import GitAddress
from deployer.targets.git.explain import CHECK_CONNECTION, explain
from deployer.vcs.git import Git, GitError, SilentServerError

# Nothing of how the user configures git, but identity and access, may change what is read or published.
_SETTINGS: Final = {
    "fetch.writeCommitGraph": "false",
    "i18n.commitEncoding": "UTF-8",
    "log.follow": "false",
    "log.showSignature": "false",
    "transfer.credentialsInUrl": "allow",  # a URL that the user's own `insteadOf` puts credentials into
}
# Stands for a URL with a secret in it; git takes it for a URL by its colon.
_STAND_IN: Final = "mfdeploy-target:"


class GitTargetError(TargetError):
    """A git command failed; `stdout` and `stderr` are what it wrote."""

    def __init__(self, message: str, stdout: str = "", stderr: str = "") -> None:
        super().__init__(message)
        self.stdout = stdout
        self.stderr = stderr


@dataclass(frozen=True)
class BareRepository:
    """A bare repository at `folder`, which need not exist yet, and the address of its remote."""

    git: Git
    folder: Path
    address: GitAddress
    waits: WaitPolicy = DEFAULT_WAITS
    _given_up: list[TargetError] = field(default_factory=list)

    @property
    def remote(self) -> str:
        """What git is given as the URL. A secret one is in no command line and in no file: see `_secret_settings`."""
        return _STAND_IN if self.address.shown else self.address.url

    @property
    def _secret_settings(self) -> Mapping[str, str]:
        return {f"url.{self.address.url}.insteadOf": _STAND_IN} if self.address.shown else {}

    def ask(self, command: str, *words: str, stdin: bytes = b"", settings: Mapping[str, str] | None = None) -> bytes:
        """As `run`, for a command that talks to the server. Once that gave no answer in time, it is not asked again."""
        if self._given_up:
            raise self._given_up[0]
        seconds = self.waits.seconds
        shown = () if command == "ls-remote" else ("--progress",)
        patient = {"http.lowSpeedTime": str(ceil(seconds)), **(settings or {})}
        with self.waits.waiting_for(f"{self.address.name} (git {command})"):
            try:
                return self.run(command, *shown, *words, stdin=stdin, settings=patient, silence=seconds)
            except GitTargetError as error:
                if isinstance(error.__cause__, SilentServerError):
                    self._given_up.append(error)
                raise

    def run(
        self,
        *words: str,
        stdin: bytes = b"",
        variables: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> bytes:
        """The standard output of ``git WORDS``. Raises GitTargetError."""
        try:
            return self.git.run(
                self.folder.parent,
                *words,
                stdin=stdin,
                variables={"GIT_DIR": str(self.folder), **(variables or {})},
                settings={**_SETTINGS, **(settings or {})},
                silence=silence,
                secret_settings=self._secret_settings,
            ).stdout
        except SilentServerError as error:
            raise GitTargetError(f"{self.address.name}: {error}; {CHECK_CONNECTION}; {RAISE_LIMIT}") from error
        except GitError as error:
            if error.result is None:
                raise GitTargetError(f"{self.address.name}: {error}") from error
            message = explain(error.result, self.address.name)
            raise GitTargetError(message, error.result.text, error.result.stderr) from error

    def text(self, *words: str) -> str:
        """The standard output as one stripped string."""
        return self.run(*words).decode(errors="replace").strip()

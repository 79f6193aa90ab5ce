"""The address of a folder in a git repository, as a manifest writes it: `git+ssh://host/repository.git//folder?ref=main`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from deployer.manifest.formats import BAD_BRANCH
from deployer.models.target import TargetError

_FORM: Final = "git+ssh://git@host/team/dags.git//folder?ref=branch"
_ADDRESS: Final = re.compile(r"git\+(?P<scheme>[a-z]+)://(?P<host>[^/?#]*)(?P<path>/[^?#]*)(?:\?(?P<query>[^#]*))?")
_LONGEST: Final = 4_000  # no server and no file system accepts more
_SCHEMES: Final = ("ssh", "https", "file")
_BAD_FOLDER: Final = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|/)(?:\.{0,2}|\.git)(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class GitAddress:
    """`url` is the remote for git, `folder` a path in the repository (empty: its root), `branch` None for HEAD's.

    `shown`, where it is not empty, is what messages have in the place of the URL: that has a secret in it.
    """

    url: str
    folder: str
    branch: str | None
    shown: str = ""

    @property
    def name(self) -> str:
        """The URL as messages may name it."""
        return self.shown or self.url

    @property
    def host(self) -> str:
        """The name of the machine; empty for a repository on this one."""
        return self.url.split("/")[2].rpartition("@")[2]


def parse_address(text: str, written: str = "") -> GitAddress:
    """Parse an address, offline. Raises TargetError, which says what to write instead.

    `written` is the address with ``${env.X}`` in it, if it has such a reference; only then it may have a password.
    """
    if len(text) > _LONGEST:
        raise TargetError(f"the address has {len(text):,} characters; the limit is {_LONGEST:,}")
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise TargetError(f"{text!r} is not of the form {_FORM}")
    _check_host(found["scheme"], found["host"], text, bool(written))
    path, _, folder = found["path"].partition("//")
    if path in ("", "/"):
        raise TargetError(f"{text!r} names no repository; write {_FORM}")
    url = f"{found['scheme']}://{found['host']}{path}"
    # git and its transports decode %0a.
    if " " in url or re.search(r"[\x00-\x1f\x7f]", unquote(url)):
        raise TargetError(f"{text!r} contains a space or a control character; a space is written %20")
    return GitAddress(url, _folder(folder, text), _branch(found["query"], text), _url_of(written))


def _url_of(written: str) -> str:
    """The URL in an address with references; all of it where these leave no URL to be seen."""
    found = _ADDRESS.fullmatch(written)
    return f"{found['scheme']}://{found['host']}{found['path'].partition('//')[0]}" if found else written


def _check_host(scheme: str, host: str, text: str, secret: bool) -> None:
    if scheme not in _SCHEMES:
        expected = ", ".join(f"git+{each}://" for each in _SCHEMES)
        raise TargetError(f"git+{scheme}:// is not supported; expected {expected}")
    if ":" in host.rpartition("@")[0] and not secret:
        # The text is left out: it contains the secret.
        raise TargetError(
            "the URL contains a password; leave it out, git finds credentials itself (ssh agent, helpers)"
        )
    if scheme == "file" and host:
        raise TargetError(f"{text!r} names a host; for a repository on this machine write git+file:///path")
    # As git reads it, and gives it to ssh.
    plain = unquote(host)
    if scheme != "file" and (not plain.rpartition("@")[2] or plain.startswith("-") or "@-" in plain):
        raise TargetError(f"{text!r} names no host; write {_FORM}")


def _folder(written: str, text: str) -> str:
    folder = unquote(written).rstrip("/")
    if folder and _BAD_FOLDER.search(folder):
        raise TargetError(
            f"{folder!r} in {text!r} is not a valid folder of a repository; write //folder or //folder/below"
        )
    return folder


def _branch(query: str | None, text: str) -> str | None:
    if query is None:
        return None
    key, _, value = query.partition("=")
    if key != "ref" or "&" in value:
        raise TargetError(f"{query!r} in {text!r} is not valid; the only parameter is ?ref=branch")
    branch = unquote(value).removeprefix("refs/heads/")
    if not branch or BAD_BRANCH.search(branch):
        raise TargetError(f"{branch!r} in {text!r} is not a valid branch name")
    return branch

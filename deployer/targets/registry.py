"""Opens targets by the scheme of their URL. Each kind is imported when it is needed: few are in one run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.deployment import Environment, ResolvedPath
from deployer.models.target import Target, TargetError
from deployer.models.waiting import DEFAULT_WAITS, WaitPolicy
from deployer.targets.bucket_url import UrlError
from deployer.targets.redaction import RedactedTarget, Redaction
from deployer.vcs.git import Git


class _Opener(Protocol):
    """Opens a target by its path or URL, with the process environment and git. Raises UrlError or TargetError."""

    def __call__(self, place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target: ...


def _folder(place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target:
    from deployer.targets.folder import FolderTarget

    return FolderTarget(Path(place.resolved))


def _git(place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target:
    from deployer.targets.git import GitTarget

    return GitTarget(place.resolved, git, waits, place.written if place.secrets else "")


def _s3(place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target:
    from deployer.targets.client_options import ClientOptions
    from deployer.targets.s3 import open_s3

    return open_s3(place.resolved, environ, ClientOptions(waits))


def _gcs(place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target:
    from deployer.targets.client_options import ClientOptions
    from deployer.targets.gcs import open_gcs

    return open_gcs(place.resolved, environ, ClientOptions(waits))


def _azure(place: ResolvedPath, environ: Mapping[str, str], git: Git, waits: WaitPolicy) -> Target:
    from deployer.targets.azure import open_azure
    from deployer.targets.client_options import ClientOptions

    return open_azure(place.resolved, environ, ClientOptions(waits))


# By URL scheme; a target without one is a folder.
_KINDS: Mapping[str, _Opener] = {
    "": _folder,
    "git+ssh": _git,
    "git+https": _git,
    "git+file": _git,
    "s3": _s3,
    "gs": _gcs,
    "azure": _azure,
    "az": _azure,
    "abfss": _azure,
}
_OTHER_SCHEMES = {
    "s3a": "write s3://bucket/prefix",
    "gcs": "write gs://bucket/prefix",
    "abfs": "write azure://container/prefix",
    "wasbs": "write azure://container/prefix",
    "git+http": "write git+https://host/repository.git//folder?ref=branch",
    "git": "write git+ssh:// or git+https://host/repository.git//folder?ref=branch",
    "ssh": "write git+ssh://host/repository.git//folder?ref=branch",
    "https": "write git+https://, or s3://, gs:// or azure:// with the bucket's name",
    "file": "write the path alone",
}


def open_target(
    environment: Environment, environ: Mapping[str, str], git: Git, waits: WaitPolicy = DEFAULT_WAITS
) -> Target:
    """The target of an environment; nothing is read or written yet. Raises DeployError for an unsupported URL.

    `environ` is the process environment, where access to stores is configured. Their client libraries (botocore,
    google-auth, obstore) read more of it by themselves.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", environment.target.resolved)
    kind = scheme.group(1) if scheme else ""
    redaction = Redaction(environment.target)
    if kind not in _KINDS:
        known = [name for name in _KINDS if name]
        hint = _OTHER_SCHEMES.get(kind) or nearest(kind, known) or f"write a folder, or a URL of {', '.join(known)}"
        message = redaction.hide(f"{kind}:// is not a supported kind of target")
        raise DeployError(_problem(environment, "unsupported-target", message, hint))
    try:
        target = _KINDS[kind](environment.target, environ, git, redaction.waits(waits))
    except (UrlError, TargetError) as error:
        raise DeployError(_problem(environment, "bad-target", redaction.hide(str(error)))) from None
    return RedactedTarget(target, redaction) if environment.target.secrets else target


def _problem(environment: Environment, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code, message, environment.source("target"), f"environments.{environment.name}.target", hint)

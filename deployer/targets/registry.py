"""Which module serves which kind of target: one function for each, since few are ever needed at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.deployment import Environment
from deployer.models.target import Target, TargetError
from deployer.targets.bucket_url import UrlError
from deployer.vcs.git import Git


def _folder(resolved: str) -> Target:
    from deployer.targets.folder import FolderTarget

    return FolderTarget(Path(resolved))


def _git(resolved: str) -> Target:
    from deployer.targets.git import GitTarget

    return GitTarget(resolved)


def _s3(resolved: str) -> Target:
    from deployer.targets.s3 import open_s3

    return open_s3(resolved)


def _gcs(resolved: str) -> Target:
    from deployer.targets.gcs import open_gcs

    return open_gcs(resolved)


def _azure(resolved: str) -> Target:
    from deployer.targets.azure import open_azure

    return open_azure(resolved)


# By URL scheme; a target without one is a folder.
_KINDS: Mapping[str, Callable[[str], Target]] = {
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


def open_target(environment: Environment, environ: Mapping[str, str], git: Git) -> Target:
    """The target of an environment; nothing is read or made yet. Raises DeployError for a URL that is none of ours."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", environment.target.resolved)
    kind = scheme.group(1) if scheme else ""
    if kind not in _KINDS:
        known = [name for name in _KINDS if name]
        hint = _OTHER_SCHEMES.get(kind) or nearest(kind, known) or f"write a folder, or a URL of {', '.join(known)}"
        message = f"there are no targets of the kind {kind}://"
        raise DeployError(_problem(environment, "unsupported-target", message, hint))
    try:
        return _KINDS[kind](environment.target.resolved)
    except (UrlError, TargetError) as error:
        raise DeployError(_problem(environment, "bad-target", str(error))) from error


def _problem(environment: Environment, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(code, message, environment.location, f"environments.{environment.name}.target", hint)

"""Which module serves which kind of target: one line for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from deployer.errors import DeployError, Diagnostic
from deployer.models.deployment import Environment
from deployer.targets import Target
from deployer.targets.folder import FolderTarget
from deployer.targets.git import GitTarget

# By URL scheme; a target without one is a folder.
_KINDS: Mapping[str, Callable[[str], Target]] = {
    "": lambda resolved: FolderTarget(Path(resolved)),
    "git+ssh": GitTarget,
    "git+https": GitTarget,
    "git+file": GitTarget,
}


def open_target(environment: Environment) -> Target:
    """The target of an environment; nothing is read or made yet.

    Raises DeployError for an unknown kind, TargetError for an address that its kind does not understand.
    """
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", environment.target.resolved)
    kind = scheme.group(1).lower() if scheme else ""
    if kind not in _KINDS:
        raise DeployError(
            Diagnostic(
                code="unsupported-target",
                message=f"targets of the kind {kind}:// are not supported yet",
                location=environment.location,
                path=f"environments.{environment.name}.target",
                hint="publish to a folder, and let your own tools carry it on",
            )
        )
    return _KINDS[kind](environment.target.resolved)

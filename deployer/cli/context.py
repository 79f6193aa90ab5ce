"""What a command is run with: the one place where the process environment and the clock are read."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from deployer.models.progress import Progress, silent

if TYPE_CHECKING:
    from deployer.context import Context


def make_context(progress: Progress = silent) -> Context:
    """The context of this process."""
    from deployer.context import Context
    from deployer.orchestrators.registry import ORCHESTRATORS
    from deployer.vcs.git import Git

    return Context(
        environ=os.environ,
        now=lambda: datetime.now(timezone.utc),
        git=Git(os.environ),
        user=user_name(os.environ),
        orchestrators=ORCHESTRATORS,
        progress=progress,
    )


def user_name(environ: Mapping[str, str]) -> str:
    """Who applies: the variables that Metaflow looks at, else the account of this process."""
    named = (environ.get(name) for name in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"))
    return next(filter(None, named), None) or getpass.getuser()

"""What commands get from the process around them, made in one place: its environment, the clock, git, progress."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from deployer.cli.early import started_helper
from deployer.cli.progress import progress_bar
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError
from deployer.models.progress import Progress, silent
from deployer.models.waiting import DEFAULT_SECONDS, SETTING, WaitPolicy, tell_nobody

if TYPE_CHECKING:
    from deployer.context import Context
    from deployer.models.selection import Selection


@contextmanager
def command_context(
    chosen: Selection | None = None, *, compiles: bool = False, offline: bool = False
) -> Iterator[Context]:
    """The context of one call of `deployer.commands`. Its progress bar goes away at the end of the block.

    With a selection its manifests are read first, so that an error in them is reported before the command is imported.
    If the command `compiles` the selection, the compiler starts while that is done. With `offline` it asks no running
    orchestrator.
    """
    with progress_bar() as (progress, notify):
        context = make_context(progress, notify, offline=offline)
        if chosen is None:
            yield context
            return
        with context.start(chosen, compiles=compiles) as begun:
            yield begun


def make_context(
    progress: Progress = silent, notify: Callable[[str], None] = tell_nobody, *, offline: bool = False
) -> Context:
    """The context of this process; `notify` is told which server is waited for. Raises DeployError."""
    # Not before a command needs it: help and errors of usage do without.
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
        waits=WaitPolicy(_seconds_to_wait(os.environ), notify),
        offline=offline,
        early=started_helper(),
    )


def user_name(environ: Mapping[str, str]) -> str:
    """Who applies: METAFLOW_USER, who started the CI job, Metaflow's other variables, the account of this process."""
    from deployer.vcs.ci import actor

    named = (environ.get(name) for name in ("SUDO_USER", "USERNAME", "USER"))
    return next(filter(None, (environ.get("METAFLOW_USER"), actor(environ), *named)), None) or getpass.getuser()


def _seconds_to_wait(environ: Mapping[str, str]) -> float:
    """How long servers are waited for: MFDEPLOY_TIMEOUT, or a minute. Raises DeployError."""
    text = environ.get(SETTING, "").strip()
    if not text:
        return DEFAULT_SECONDS
    # Neither signs nor exponents, and nothing like `nan`.
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", text) or not float(text):
        message = f"{SETTING} is {text!r}, and must be a number of seconds above 0"
        raise DeployError(bad_usage(message, "unset it to wait for 60 seconds"))
    return float(text)

"""Starts what an apply waits for most, before anybody knows what will be applied: processes that import Metaflow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from deployer.context import Context, Started
from deployer.errors import DeployError
from deployer.models.manifests import Manifests
from deployer.models.selection import Selection


class AheadOfApply:
    """The helpers of the next apply of a selection. They read no flow before they are asked."""

    def __init__(self, selection: Selection, context: Context) -> None:
        self._selection = selection
        self._context = context
        self._helpers = contextlib.ExitStack()
        self._started: Started | None = None

    @property
    def is_started(self) -> bool:
        """Whether they run, for an apply that has not begun."""
        return self._started is not None

    def start(self) -> None:
        """Start them, unless the manifests cannot be read: the apply will say why."""
        with contextlib.suppress(DeployError):
            manifests = self._context.load(self._selection)
            started = self._helpers.enter_context(self._context.start_apply(manifests, self._selection))
            self._started = started.started

    @contextlib.contextmanager
    def context(self) -> Iterator[Context]:
        """The context of an apply that begins now, with the helpers unless the manifests need others by now.

        Raises DeployError.
        """
        try:
            manifests = self._context.load(self._selection)
            yield replace(self._context, started=self._for(manifests) or Started(self._selection, manifests))
        finally:
            self.close()

    def _for(self, manifests: Manifests) -> Started | None:
        """What was started, for the manifests as they are; None if it is of no use."""
        ahead = self._started
        if ahead is None or ahead.compiler is None or ahead.packager is None:
            return None
        deployments = manifests.selected(self._selection)
        if not ahead.compiler.take_over(deployments) or not ahead.packager.take_over(deployments):
            return None
        return replace(ahead, manifests=manifests)

    def close(self) -> None:
        """End what was started."""
        self._started = None
        self._helpers.close()

"""An orchestrator that runs on this machine, for whoever has none: neutral types, and the protocol of what runs it.

What goes wrong is a `LiveError`, as with an orchestrator elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.models.live import LiveRun, LiveTask


@dataclass(frozen=True)
class LocalRun:
    """A look at a run: its state, and its tasks as far as there are any. `log` is the file with all that they write."""

    run: LiveRun
    tasks: Sequence[LiveTask]
    log: str


class RunningServer(Protocol):
    """A started orchestrator."""

    @property
    def url(self) -> str:
        """The address of its pages."""

    def answers(self) -> bool:
        """Whether it serves its pages by now. Raises LiveError if it has ended."""

    def check(self) -> None:
        """Raise LiveError if any of its processes has ended, with the end of what that wrote."""


class LocalOrchestrator(Protocol):
    """What installs and runs an orchestrator on this machine, for the files of one folder."""

    @property
    def title(self) -> str:
        """What it is, as ``Airflow 3.3.2``."""

    def install(self, notify: Callable[[str], None]) -> None:
        """Make its environment, unless it is there; `notify` is told if that takes time. Raises LiveError."""

    def serve(self, port: int | None, *, schedules: bool) -> AbstractContextManager[RunningServer]:
        """It runs during the block, at a port of this machine (None: one that is free), and nothing is left of it then.

        Without `schedules` no schedule starts a run. Raises LiveError.
        """

    def run_once(self, name: str, file: str, parameters: Mapping[str, Any]) -> Iterator[LocalRun]:
        """Run a deployment in a process of its own, without a server; the last look is at its end. Raises LiveError."""

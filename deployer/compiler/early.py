"""A helper that starts before the manifests are read, which say what it is for.

It imports what Metaflow imports of others, more than half of all, on another core while this process imports what it
reads manifests with. A plan of one flow takes a sixth longer without it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from threading import Lock

from deployer.compiler.environment import environment_to_load
from deployer.compiler.handover import pack
from deployer.compiler.helpers import Helper, helper_command

# The argument which says that it is told its environment once it runs.
_EARLY = "early"


class EarlyHelper:
    """A helper of this process's own interpreter, without settings of Metaflow yet. Raises OSError."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._command = helper_command(sys.executable)
        self._environ = environment_to_load(environ)
        self._lock = Lock()
        self._helper: Helper | None = Helper([*self._command, _EARLY], self._environ)

    @property
    def pid(self) -> int | None:
        """The id of the process that waits; None once it is taken or ended."""
        return self._helper.process.pid if self._helper is not None else None

    def take(self, command: Sequence[str], environ: Mapping[str, str]) -> Helper | None:
        """The helper, with this environment from now on; None where it is taken by now, or does not suit."""
        if [*command] != self._command or not self._can_have(environ):
            return None
        with self._lock:  # two compilers may start at once
            helper, self._helper = self._helper, None
        if helper is None:
            return None
        assert helper.process.stdin is not None
        try:
            helper.process.stdin.write(pack(environ))
            helper.process.stdin.flush()
        except OSError:  # somebody ended it
            _end(helper)
            return None
        return helper

    def _can_have(self, environ: Mapping[str, str]) -> bool:
        """Whether nothing differs but settings of Metaflow: what Python reads when it starts has been read."""
        differing = {name for name, _ in self._environ.items() ^ environ.items()}
        return all(name.startswith("METAFLOW_") for name in differing)

    def close(self) -> None:
        """End it, unless it was taken."""
        with self._lock:
            helper, self._helper = self._helper, None
        if helper is not None:
            _end(helper)


def _end(helper: Helper) -> None:
    helper.signal(signal.SIGKILL)
    helper.close()

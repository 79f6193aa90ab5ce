"""How long a command waits for an answer of a server, and who is told when that takes long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Final

DEFAULT_SECONDS: Final = 60.0
# For messages: what makes the limit longer.
SETTING: Final = "MFDEPLOY_TIMEOUT"
RAISE_LIMIT: Final = f"{SETTING} sets how many seconds to wait for an answer"


def tell_nobody(what: str) -> None:
    """The default of `WaitPolicy.notify`."""


@dataclass(frozen=True)
class WaitPolicy:
    """A server that gives no answer for `seconds` in all, whatever is retried meanwhile, is given up.

    `notify` is called with what is waited for when that takes long: from another thread, and it must return quickly.
    """

    seconds: float = DEFAULT_SECONDS
    notify: Callable[[str], None] = tell_nobody

    @property
    def notice_after(self) -> float:
        """Seconds after which a wait is long: five, or less where the limit is short."""
        return min(5.0, self.seconds / 12)

    @contextmanager
    def waiting_for(self, what: str) -> Iterator[None]:
        """Tell what is waited for if the block takes long. `what` is a noun with its server: "s3://b/dags: a list"."""
        timer = Timer(self.notice_after, self.notify, (what,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


DEFAULT_WAITS: Final = WaitPolicy()

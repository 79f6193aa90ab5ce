"""Whether a running orchestrator has what an apply wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArrivalState = Literal["current", "gone", "broken", "late", "unchecked"]
"""`current`: it has the written version; `gone`: the deleted one is gone; `broken`: it cannot import the file; `late`:
the time to wait was over; `unchecked`: it could not be asked."""


@dataclass(frozen=True)
class Expected:
    """What an apply did to one deployment. `version` is what was written; None for a delete.

    `was_same` tells that the file before had the same version: only a new reading of the file shows that it arrived.
    """

    address: str
    environment: str
    name: str
    file: str
    version: str | None
    was_same: bool = False


@dataclass(frozen=True)
class Arrival:
    """What became of it in the running orchestrator.

    `note` is the end of the traceback if it is broken, and the reason if it is late or unchecked; empty otherwise.
    """

    expected: Expected
    state: ArrivalState
    seconds: int
    note: str = ""

    @property
    def is_there(self) -> bool:
        """Whether the orchestrator has exactly what was written."""
        return self.state in ("current", "gone")

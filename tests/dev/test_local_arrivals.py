"""What a running orchestrator has of what was applied, looked at without waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from deployer.models.description import version_of
from deployer.models.live import LiveDeployment, LiveImportError
from deployer.models.plan import Change
from deployer.pipeline.local_arrivals import Arrival, Arrivals
from deployer.views.dev_text import DevText
from tests.plan import made

STARTED = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER, EARLIER = "2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z"


@dataclass
class Has:
    """A running orchestrator: deployments by name, errors, and `parsed`, the deployments that it was asked to read."""

    deployments: dict[str, LiveDeployment] = field(default_factory=dict)
    errors: Sequence[LiveImportError] = ()
    parsed: list[str] = field(default_factory=list)

    def deployment(self, name: str) -> LiveDeployment | None:
        return self.deployments.get(name)

    def import_errors(self) -> Sequence[LiveImportError]:
        return self.errors

    def parse(self, deployment: LiveDeployment) -> None:
        self.parsed.append(deployment.name)


def change(action: str = "update", name: str = "Train") -> Change:
    described = made.desired(made.deployment("train"), name=name).description
    found = Change("prod/train", "prod", "update", name, f"{name}.py", after=described)
    return replace(found, action="delete", after=None) if action == "delete" else found


def live(version: str | None, stale: bool = False) -> LiveDeployment:
    return LiveDeployment(name="Train", version=version, paused=False, stale=stale, active_runs=0, next_run=None)


def expecting(found: Change) -> Arrivals:
    arrivals = Arrivals(STARTED)
    arrivals.expect([found], 0.0)
    return arrivals


def look(arrivals: Arrivals, has: Any) -> list[str]:
    return [arrival.address or "-" for arrival in arrivals.look(has)]


def test_a_change_has_arrived_with_its_version() -> None:
    written, has = change(), Has()
    arrivals = expecting(written)
    assert look(arrivals, has) == []  # not known
    has.deployments["Train"] = live("000000000000")
    assert look(arrivals, has) == []
    assert has.parsed == ["Train"]
    assert written.after is not None
    has.deployments["Train"] = live(version_of(written.after))
    assert look(arrivals, has) == ["prod/train"]
    assert not arrivals.are_expected
    assert look(arrivals, has) == []


def test_a_delete_has_arrived_when_its_file_is_missed() -> None:
    arrivals, has = expecting(change("delete")), Has({"Train": live(None)})
    assert look(arrivals, has) == []
    has.deployments["Train"] = live(None, stale=True)
    assert look(arrivals, has) == ["prod/train"]


def test_an_import_error_is_told_once_and_not_one_of_another_time() -> None:
    old, new = (LiveImportError("sub/Train.py", "ValueError: no\n", at) for at in (EARLIER, LATER))
    arrivals, has = expecting(change()), Has(errors=[old])
    assert look(arrivals, has) == []
    has.errors = [new, LiveImportError("other.py", "NameError: x\n", "soon")]
    assert look(arrivals, has) == ["prod/train", "-"]
    assert look(arrivals, has) == []


def test_arrivals_are_lines_until_they_are_too_many() -> None:
    view = DevText(100)
    error = LiveImportError("other.py", "Traceback\x1b[31m\nNameError: x\n")
    text = view.arrived([Arrival("prod/train", 1.23), Arrival("", error=error)])
    assert text.splitlines() == [
        "  Airflow has prod/train after 1.2 s",
        "  Airflow cannot import other.py",
        "    Traceback\\x1b[31m",
        "    NameError: x",
    ]
    many = [Arrival(f"prod/{number}", float(number)) for number in range(9)]
    assert view.arrived(many) == "  Airflow has 9 flows after 8.0 s\n"
    assert view.applied([change()] * 9, ()) == "~ 9 flows updated\n"
    assert view.applied((), [(change(), "no space")]) == "! prod/train  no space\n"

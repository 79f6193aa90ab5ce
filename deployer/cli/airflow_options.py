"""The options about the running Airflow that an apply and a plan have, and what follows an apply there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from deployer.cli.options import NO_TYPE
from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

_AIRFLOW = "Running Airflow"

Wait = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="TIME",
        help="How long to wait until Airflow has it, as in 90s or 5m. Default: `airflow.wait` of the environment.",
        rich_help_panel=_AIRFLOW,
    ),
]
Forget = Annotated[
    bool,
    typer.Option(
        "--forget",
        metavar=NO_TYPE,
        help="Also delete what Airflow keeps of deleted DAGs: their runs.",
        rich_help_panel=_AIRFLOW,
    ),
]
Offline = Annotated[
    bool,
    typer.Option(
        "--offline",
        metavar=NO_TYPE,
        help="Plan without what the running Airflow knows.",
        rich_help_panel=_AIRFLOW,
    ),
]
NoWait = Annotated[
    bool,
    typer.Option("--no-wait", metavar=NO_TYPE, help="Do not wait for the running Airflow.", rich_help_panel=_AIRFLOW),
]


@dataclass(frozen=True)
class Afterwards:
    """What follows an apply in the running Airflow.

    `seconds` is how long it is waited for: None as the manifests say, and 0 not at all. With `forgets` it is told to
    delete what it keeps of the deleted DAGs.
    """

    seconds: float | None = None
    forgets: bool = False


def afterwards(wait: str | None, no_wait: bool, forget: bool, *, saves: bool = False) -> Afterwards:
    """What follows an apply in the running Airflow. Raises DeployError for options that do not go together."""
    given = "--wait" if wait is not None else "--forget" if forget else ""
    if given and no_wait:
        raise DeployError(bad_usage(f"{given} and --no-wait do not go together", "leave one out"))
    if given and saves:
        raise DeployError(bad_usage(f"{given} is about an apply, and --out only saves the plan", "leave one out"))
    return Afterwards(0 if no_wait else _seconds(wait), forget)


def _seconds(wait: str | None) -> float | None:
    from deployer.manifest.formats import seconds_of

    if wait is None:
        return None
    try:
        return seconds_of(wait)
    except ValueError:
        raise DeployError(bad_usage(f"--wait {wait[:80]!r} is no time to wait", "for example 90s, 5m or 1h")) from None

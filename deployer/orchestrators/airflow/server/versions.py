"""Which Airflow is installed, on which Python, and with which packages beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from deployer.manifest.keys import Compute

DEFAULT_VERSION: Final = "3.3.2"

_PROVIDERS: Final[Mapping[Compute, Sequence[str]]] = {
    # A step is a process, and what runs processes comes with Airflow.
    "local": (),
    "kubernetes": ("apache-airflow-providers-cncf-kubernetes",),
}
# An Airflow that does not run with the newest of what it asks for is installed with the packages of that day.
_PACKAGES_OF: Final[Mapping[str, str]] = {"3.0.6": "2025-09-15"}


def requirements(version: str, compute: Compute) -> tuple[str, ...]:
    """What is installed for DAG files of a compute."""
    return (f"apache-airflow=={version}", *_PROVIDERS[compute])


def day_of_packages(version: str) -> str | None:
    """The day (``2025-09-15``) whose packages this version needs; None for the newest."""
    return _PACKAGES_OF.get(version)


def pythons(version: str) -> tuple[str, ...]:
    """The Pythons that this version runs on, as ``3.12``, the preferred first."""
    numbers = tuple(int(number) for number in version.split(".")[:2])
    return ("3.12", "3.13", "3.11", "3.10") if numbers >= (3, 1) else ("3.11", "3.12", "3.10")


def python_for(version: str, running: str) -> str:
    """The Python for this version: the running one (``3.12``) if it can be, so that none must be fetched."""
    known = pythons(version)
    return running if running in known else known[0]


def is_2(version: str) -> bool:
    """Whether it is an Airflow 2."""
    return version.startswith("2.")

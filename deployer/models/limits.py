"""What a platform limits for manifest projects: what a deployment uses, and what of it goes beyond the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from deployer.errors import Location

PROJECTS_FILE: Final = "mfdeploy-projects.yaml"
"""The file at a target in which a platform says what each manifest project may deploy there. Airflow ignores it."""

LimitKind = Literal[
    "environments", "names", "compute", "pools", "namespaces", "service_accounts", "images", "secrets", "connections"
]
"""The keys of a project in a projects file (`deployer/manifest/projects.py`)."""


@dataclass(frozen=True)
class Use:
    """Something that a deployment uses under a name, as in the pool ``shared``.

    `field` is the dotted path in its description of what says so, or would say so where a default is used; empty where
    the description has no such field. `step` is the step that uses it; empty for what the whole deployment uses.
    """

    kind: LimitKind
    value: str
    field: str = ""
    step: str = ""


@dataclass(frozen=True)
class BeyondLimits:
    """A use that the limits of a project do not allow.

    `allowed` are the names and patterns that they do allow, `written` is where these are written.
    """

    use: Use
    allowed: Sequence[str]
    written: Location

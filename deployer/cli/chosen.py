"""What the options of a command line choose: deployments, what is allowed, what is expected of a saved plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.cli.usage import bad_usage
from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.models.selection import Selection
    from deployer.planning.assertions import Assertions
    from deployer.planning.guards import Permissions


def selection(
    manifests: Path,
    variables: Sequence[str] | None,
    *,
    environments: Sequence[str] | None = None,
    flows: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    adopt: Sequence[str] | None = None,
    keep_going: bool = False,
    projects: Path | None = None,
    policies: Path | None = None,
) -> Selection:
    """The selection that the options of a command give. Raises DeployError."""
    from deployer.models.selection import Selection

    return Selection(
        manifests,
        assigned("--var", variables or (), "branch=pr_12"),
        environments=tuple(environments or ()),
        flows=tuple(flows or ()),
        exclude=tuple(exclude or ()),
        adopt=tuple(adopt or ()),
        keep_going=keep_going,
        projects=projects,
        policies=policies,
    )


def from_variable(name: str) -> Path | None:
    """What an option for a path is where nobody writes it: the value of its variable."""
    value = os.environ.get(name)
    return Path(value) if value else None


def only_environment(manifests: Path) -> str:
    """The only environment of the manifests. Raises DeployError if there are several, with their names."""
    from deployer.manifest.load import outline

    found = sorted(outline(manifests).environments)
    if len(found) > 1:
        message = f"--env is missing: the environments are {', '.join(found)}"
        raise DeployError(bad_usage(message, f"for example --env {found[0]}"))
    # Without any, what is wrong with the manifests is reported when they are loaded.
    return found[0] if found else ""


def permissions(delete: Sequence[str] | None, mass_change: bool, branch: bool) -> Permissions:
    """The permissions that the ``--allow-...`` options give."""
    from deployer.planning.guards import Permissions

    return Permissions(tuple(delete or ()), mass_change, branch)


def assertions(
    environments: Sequence[str] | None, rollback: bool, destroy: bool, adopt: Sequence[str] | None
) -> Assertions:
    """What is expected and allowed of a saved plan."""
    from deployer.planning.assertions import Assertions

    return Assertions(tuple(environments or ()), rollback, destroy, tuple(adopt or ()))


def assigned(option: str, given: Sequence[str], example: str) -> Mapping[str, str]:
    """The values by name that a repeatable option gives, each as NAME=VALUE. Raises DeployError."""
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise DeployError(bad_usage(f"{option} {each!r} is not NAME=VALUE", f"for example {option} {example}"))
        if found.setdefault(name.strip(), value) != value:
            raise DeployError(bad_usage(f"{option} {name.strip()} is given twice with different values", ""))
    return found

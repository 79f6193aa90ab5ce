"""Shell completion of names that the manifests define. Manifests that cannot be read give no completions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from deployer.errors import DeployError

if TYPE_CHECKING:
    from deployer.manifest.load import Outline


def complete_environment(context: typer.Context, incomplete: str) -> list[str]:
    """Names of environments."""
    found = _outline(context)
    return _matching(found.environments, incomplete) if found else []


def complete_flow(context: typer.Context, incomplete: str) -> list[str]:
    """Names of flows; addresses (``prod/train``) once a slash is typed."""
    found = _outline(context)
    if found is None:
        return []
    return _matching(found.addresses if "/" in incomplete else found.flows, incomplete)


def complete_address(context: typer.Context, incomplete: str) -> list[str]:
    """Addresses of deployments."""
    found = _outline(context)
    return _matching(found.addresses, incomplete) if found else []


def complete_variable(context: typer.Context, incomplete: str) -> list[str]:
    """Names of variables, with the equals sign that follows."""
    found = _outline(context)
    return _matching((f"{name}=" for name in found.variables), incomplete) if found else []


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _outline(context: typer.Context) -> Outline | None:
    from deployer.manifest.load import outline

    try:
        return outline(context.params["manifests"])
    except (DeployError, OSError, KeyError):
        return None

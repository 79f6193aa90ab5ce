"""Mistakes in how the command line is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.errors import DeployError, Diagnostic

if TYPE_CHECKING:
    from deployer.cli.output import PlanPageFormat


def bad_usage(message: str, hint: str) -> Diagnostic:
    """A mistake in how the command line is used."""
    return Diagnostic("bad-usage", message, hint=hint)


def refuse_unshown(format: PlanPageFormat, *, diff: bool) -> None:
    """Raise DeployError for a diff in a format that has no place for it."""
    if diff and format in ("json", "github"):
        form = {"json": "JSON form", "github": "form for GitHub"}[format]
        raise DeployError(bad_usage(f"--diff has no {form}", "leave it out, or use --format text, markdown or html"))

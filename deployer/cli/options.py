"""The options that commands share, and what becomes of them: a selection, what is permitted."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from deployer.errors import DeployError, Diagnostic

PlanFormat = Literal["text", "json", "markdown"]
SchemaName = Literal["manifest", "plan", "history"]
SCHEMA_NAMES: Sequence[SchemaName] = ("manifest", "plan", "history")
Decorator = Callable[[Any], Any]


class _Path(click.Path):
    """A path that a file system can be asked about."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = os.fsencode(value)
        if len(path) > 4_000 or any(len(name) > 255 for name in path.split(b"/")):
            self.fail("the path is longer than a file system takes", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)
DEFAULT_MANIFESTS = Path("deployments")
_MANIFESTS: Decorator = click.option(
    "--manifests",
    "-m",
    type=PATH,
    metavar="DIR",
    default=DEFAULT_MANIFESTS,
    show_default=True,
    envvar="MFDEPLOY_MANIFESTS",
    show_envvar=True,
    help="Folder of the manifests.",
)
_VARIABLES: Decorator = click.option(
    "--var", multiple=True, metavar="NAME=VALUE", help="Value of a manifest variable. Repeatable."
)
# What narrows a selection, by the name of the option.
_NARROWING: dict[str, Decorator] = {
    "env": click.option(
        "--env", "-e", multiple=True, metavar="NAME", help="Environment; all of them when absent. Repeatable."
    ),
    "flow": click.option(
        "--flow", multiple=True, metavar="PATTERN", help="Only flows whose name or address matches. Repeatable."
    ),
    "exclude": click.option(
        "--exclude", multiple=True, metavar="PATTERN", help="Leave out flows whose name or address matches. Repeatable."
    ),
    "adopt": click.option(
        "--adopt",
        multiple=True,
        metavar="PATTERN",
        help="Take over DAGs of others: an address, a pattern, or project:NAME. Repeatable.",
    ),
}
_PERMITTING: Sequence[Decorator] = (
    click.option(
        "--allow-delete",
        multiple=True,
        metavar="ADDRESS",
        help="Allow this delete in a protected environment. Repeatable.",
    ),
    click.option("--allow-mass-change", is_flag=True, help="Allow deleting much of an environment."),
    click.option("--allow-branch", is_flag=True, help="Allow a branch that the environment does not name."),
)

ENVIRONMENT: Decorator = click.option("--env", "-e", required=True, metavar="NAME", help="Environment.")
ENVIRONMENTS: Decorator = click.option(
    "--env", "-e", required=True, multiple=True, metavar="NAME", help="Environment. Repeatable."
)
FLOW: Decorator = click.argument("flow", metavar="FLOW")
YES: Decorator = click.option("--yes", "-y", is_flag=True, help="Apply without asking.")
CHECK_CLUSTER: Decorator = click.option(
    "--check-cluster/--no-check-cluster",
    default=None,
    help="Ask the clusters whether they would take the pods; else as each environment's `kubernetes.check` says.",
)


def output_format(*words: str, help: str = "How to print the result.") -> Decorator:
    """``--format``, of which the first word is the default."""
    return click.option("--format", type=click.Choice(words), default=words[0], show_default=True, help=help)


def selects(*narrowing: str) -> Decorator:
    """Gives a command a `selection`, by ``--manifests``, ``--var`` and the options that are named."""

    def decorate(function: Callable[..., int]) -> Any:
        @functools.wraps(function)
        def call(*arguments: Any, manifests: Path, var: Sequence[str], **options: Any) -> int:
            from deployer.models.selection import Selection

            patterns = [tuple(options.pop(name)) if name in narrowing else () for name in _NARROWING]
            return function(*arguments, selection=Selection(manifests, _variables(var), *patterns), **options)

        return _with(call, _MANIFESTS, _VARIABLES, *(_NARROWING[name] for name in narrowing))

    return decorate


def permits(function: Callable[..., int]) -> Any:
    """Gives a command the `permissions` that ``--allow-...`` say."""

    @functools.wraps(function)
    def call(
        *arguments: Any, allow_delete: Sequence[str], allow_mass_change: bool, allow_branch: bool, **options: Any
    ) -> int:
        from deployer.planning.guards import Permissions

        permissions = Permissions(tuple(allow_delete), allow_mass_change, allow_branch)
        return function(*arguments, permissions=permissions, **options)

    return _with(call, *_PERMITTING)


def _with(function: Callable[..., int], *options: Decorator) -> Any:
    """The command with these options, shown in this order."""
    for option in reversed(options):
        function = option(function)
    return function


def _variables(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise DeployError(bad_usage(f"--var {each!r} is not NAME=VALUE", "for example --var branch=pr_12"))
        if found.setdefault(name.strip(), value) != value:
            raise DeployError(bad_usage(f"--var {name.strip()} is given twice with different values", ""))
    return found


def bad_usage(message: str, hint: str) -> Diagnostic:
    return Diagnostic("bad-usage", message, hint=hint)

"""What `@trigger` and `@trigger_on_finish` ask for, with what functions of the user give at deploy time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaflow.parameters import DeployTimeField


def triggers_of(decorator: Any) -> list[Mapping[str, Any]]:
    """The triggers as Metaflow's own compiler for Argo has them: maps with `name` and `parameters`, or with `flow`.

    Functions among the arguments are called. The decorator must be initialized.
    """
    decorator.format_deploytime_value()
    # Before 2.19 only the first of several functions of @trigger_on_finish was called, and none said so.
    left = [trigger for trigger in decorator.triggers if isinstance(trigger, DeployTimeField)]
    if left:
        raise TypeError(f"@{decorator.name} takes one function, not a list of them")
    return list(decorator.triggers)

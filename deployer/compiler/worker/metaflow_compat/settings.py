"""Metaflow's version, the settings that it knows, and who it takes the user for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from metaflow import metaflow_config_funcs, metaflow_version, util
from metaflow.client import core


def get_version() -> str:
    """Metaflow's own version, as it notes it for each run."""
    return metaflow_version.get_version()  # type: ignore[no-any-return]


def configuration() -> frozenset[str]:
    """The METAFLOW_* settings that this Metaflow and its extensions know: those that it has looked for."""
    return frozenset(metaflow_config_funcs._all_configs)


def get_username() -> str | None:
    """Who Metaflow takes the user for."""
    return util.get_username()  # type: ignore[no-any-return]


def functions_of_account() -> Sequence[Callable[..., Any]]:
    """What a flow may call to learn who runs it."""
    asking = (util.get_username, util.resolve_identity, util.resolve_identity_as_tuple)
    return (*asking, core.get_namespace, core.default_namespace)

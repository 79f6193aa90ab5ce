"""What Metaflow's Client needs, as JSON and as commands for a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TypedDict

from deployer.models.client_variables import UNSET

NAMESPACE = "MFDEPLOY_NAMESPACE"


class EnvJson(TypedDict):
    """`variables` are to be set and `unset` removed. `dag_id`, `flow` and `namespace` are null if not known."""

    address: str
    dag_id: str | None
    flow: str | None
    namespace: str | None
    variables: dict[str, str]
    unset: list[str]


def env_to_json(
    address: str, dag_id: str | None, flow: str | None, namespace: str | None, variables: Mapping[str, str]
) -> EnvJson:
    """The variables as JSON values, with that of the namespace."""
    own = {NAMESPACE: namespace} if namespace else {}
    return {
        "address": address,
        "dag_id": dag_id,
        "flow": flow,
        "namespace": namespace,
        "variables": {**variables, **own},
        # A namespace of another deployment would be taken for that of this one.
        "unset": [*UNSET, *([] if namespace else [NAMESPACE])],
    }


def env_to_text(shown: EnvJson, *, width: int = 80, colour: bool = False) -> str:
    """Commands for a shell, one on each line, to be evaluated by it. There are no comments: `eval $(...)` works too."""
    exports = [f"export {name}={shlex.quote(value)}" for name, value in shown["variables"].items()]
    return "".join(f"{line};\n" for line in [f"unset {' '.join(shown['unset'])}", *exports])

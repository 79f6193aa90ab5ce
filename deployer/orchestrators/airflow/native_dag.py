"""Recognises a DAG file that Metaflow's own ``airflow create`` wrote, and reads it without executing it.

Its template (metaflow/plugins/airflow/dag.py) puts the whole DAG into one literal, ``CONFIG``, copies Metaflow's
Airflow classes below it and ends with the line ``MARK``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from deployer.models.desired import NativeDag
from deployer.models.plain_data import check_plain, check_size
from deployer.models.reading import validate

MARK = "Workflow.from_dict(CONFIG)"


class _Part(BaseModel):
    """A part of the literal. Keys that are not needed here are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class _Dag(_Part):
    dag_id: str
    schedule_interval: str | None = None


class _Metadata(_Part):
    flow_name: str


class _Parameter(_Part):
    name: str
    default: JsonValue = None


class _Operator(_Part):
    annotations: Mapping[str, JsonValue] | None = None

    @property
    def production_token(self) -> str | None:
        """The token of a step's pod; None if this is not a step."""
        token = (self.annotations or {}).get("metaflow/production_token")
        return token if isinstance(token, str) else None


class _State(_Part):
    operator_args: _Operator


class _Config(_Part):
    dag: Annotated[_Dag, Field(alias="dag_instantiation_params")]
    metadata: _Metadata
    parameters: Annotated[list[_Parameter] | None, Field(alias="metaflow_params")] = None
    states: Mapping[str, _State]


def read(text: str) -> NativeDag | None:
    """The content of a native DAG file; None for any other file, and for a damaged one."""
    if MARK not in text:
        return None
    try:
        config = validate(_Config, _literal(text))
        check_plain([item.default for item in config.parameters or ()])
        return _native_dag(config)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return None


def _literal(text: str) -> object:
    check_size(text)
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["CONFIG"]:
            found: object = ast.literal_eval(node.value)
            return found
    raise KeyError("CONFIG")


def _native_dag(config: _Config) -> NativeDag:
    # Sensors are states too; they have no container.
    tokens = {name: state.operator_args.production_token for name, state in config.states.items()}
    steps = {name: token for name, token in tokens.items() if token is not None}
    return NativeDag(
        name=config.dag.dag_id,
        flow=config.metadata.flow_name,
        cron=config.dag.schedule_interval,
        parameters={item.name: item.default for item in config.parameters or ()},
        steps=tuple(steps),
        production_token=next(filter(None, steps.values()), None),
    )

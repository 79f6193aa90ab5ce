"""Recognises a DAG file that Metaflow's own ``airflow create`` wrote, and reads what it says without running it.

Its template (metaflow/plugins/airflow/dag.py) puts the whole DAG into one literal, ``CONFIG``, copies Metaflow's
Airflow classes below it and ends with the line that is looked for here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.models.desired import NativeDag
from deployer.models.plain_data import check_plain, check_size, is_name

MARK = "Workflow.from_dict(CONFIG)"


def read(text: str) -> NativeDag | None:
    """What a stock DAG file says of itself; None for any other file, and for one that is damaged."""
    if MARK not in text:
        return None
    try:
        return _stock(_config(text))
    except (ValueError, SyntaxError, TypeError, KeyError, AttributeError, MemoryError, RecursionError):
        return None


def _config(text: str) -> Mapping[str, Any]:
    check_size(text)
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["CONFIG"]:
            found: Mapping[str, Any] = ast.literal_eval(node.value)
            return found
    raise KeyError("CONFIG")


def _stock(config: Mapping[str, Any]) -> NativeDag:
    dag, states = config["dag_instantiation_params"], config["states"]
    tokens = [_token(state) for state in states.values()]
    stock = NativeDag(
        name=dag["dag_id"],
        flow=config["metadata"]["flow_name"],
        cron=dag.get("schedule_interval"),
        parameters={item["name"]: item.get("default") for item in config.get("metaflow_params") or ()},
        # Beside those of steps there are the states of sensors, which have no container.
        steps=tuple(name for name, token in zip(states, tokens, strict=True) if token is not None),
        production_token=next(filter(None, tokens), None),
    )
    if not is_name(stock.name) or not is_name(stock.flow) or not all(map(is_name, stock.steps)):
        raise TypeError("a name is no text")
    check_plain([stock.cron, dict(stock.parameters), list(stock.steps)])
    return stock


def _token(state: Mapping[str, Any]) -> str | None:
    """The production token of a step's pod; None for what is no step."""
    annotations = state["operator_args"].get("annotations") or {}
    token = annotations.get("metaflow/production_token")
    return token if isinstance(token, str) else None


def dag_ids(source: bytes) -> Iterator[str]:
    """The ids that a Python file gives to DAGs as literals: ``DAG("x")``, ``dag_id="x"``. Nothing of it is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a stray backslash in it is not ours to tell of
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("DAG", "dag"):
            given = [word.value for word in node.keywords if word.arg == "dag_id"] or node.args[:1]
            values = [each.value for each in given if isinstance(each, ast.Constant)]
            yield from (value for value in values if isinstance(value, str))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")

"""Nothing that a user writes gets out of its literal."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
from datetime import timedelta
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.models.flow import Flow, Parameter
from deployer.orchestrators.airflow.literals import (
    Source,
    constant,
    duration,
    finalize,
    identifier,
    lines_of,
    literal,
    ordered_literal,
    triple_quoted,
)
from deployer.orchestrators.airflow.render import render
from tests.renderer import flows

HOSTILE = 'a\'b"c"""d\'\'\'e\\ {{ f }} {% raw %} $(G) `h` \r\n\t\0 \u2028 \u202e é 漢 🚀 #}""")\nimport os\n'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.integers(0, 12))
def test_a_literal_reads_back(value: Any, indent: int) -> None:
    assert ast.literal_eval(literal(value, indent).text) == value


@given(st.text())
def test_a_quoted_text_reads_back(text: str) -> None:
    assert ast.literal_eval(triple_quoted(text).text) == text
    assert ast.literal_eval(lines_of(text).text) == text


def test_order_of_keys_does_not_matter() -> None:
    assert literal({"b": 1, "a": 2}) == literal({"a": 2, "b": 1})


@given(values, st.integers(0, 12))
def test_a_value_of_a_user_keeps_its_order(value: Any, indent: int) -> None:
    assert json.dumps(ast.literal_eval(ordered_literal(value, indent).text)) == json.dumps(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, object(), {1: 2}, b"x", timedelta(1)])
def test_what_has_no_literal_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        literal(value)


def test_a_source_cannot_be_made_of_text() -> None:
    with pytest.raises(TypeError):
        Source("import os")
    with pytest.raises(TypeError):
        finalize("import os")
    with pytest.raises(ValueError, match="not a valid name"):
        constant("x; import os")


def test_a_template_cannot_write_text() -> None:
    environment = jinja2.Environment(finalize=finalize, autoescape=False)
    with pytest.raises(TypeError, match="raw str"):
        environment.from_string("x = {{ name }}").render(name="import os")
    assert environment.from_string("x = {{ name }}").render(name=literal("a")) == 'x = "a"'


@pytest.mark.parametrize(
    ("name", "variable"),
    [("fit", "fit"), ("print", "print_"), ("class", "class_"), ("match", "match_"), ("a-b", "a_b"), ("1x", "_1x")],
)
def test_variables_hide_nothing(name: str, variable: str) -> None:
    assert identifier(name).text == variable


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (timedelta(days=5), "timedelta(days=5)"),
        (timedelta(minutes=90), "timedelta(minutes=90)"),
        (timedelta(seconds=61.5), "timedelta(seconds=61.5)"),
        (timedelta(0), "timedelta(seconds=0)"),
    ],
)
def test_durations(value: timedelta, source: str) -> None:
    assert duration(value).text == source


def hostile_flow() -> Flow:
    parameters = (
        Parameter("text", "string", 8, default=HOSTILE, help=HOSTILE),
        Parameter("json", "json", 9, default={HOSTILE: [HOSTILE]}),
    )
    flow = flows.linear(doc=HOSTILE, parameters=parameters)
    flow = flows.with_pods(flow, start={"labels": {"a": HOSTILE}, "annotations": {HOSTILE: HOSTILE}, "image": HOSTILE})
    return flows.with_step(flow, "start", doc=HOSTILE, environment={"X": HOSTILE}, options=("--with", HOSTILE))


@pytest.mark.parametrize("compute", ["local", "kubernetes"])
def test_a_hostile_deployment_stays_data(compute: str) -> None:
    deployment = flows.deployment(
        environment=flows.environment(compute=compute, name="env"),
        tags=(HOSTILE,),
        owner=HOSTILE,
        description=HOSTILE,
        worker_pool=HOSTILE,
        namespace=HOSTILE,
        entry={"description": HOSTILE, HOSTILE: "```\n````"},
    )
    flow = dataclasses.replace(hostile_flow(), environment={"METAFLOW_X": HOSTILE})
    package = flows.package(flow, script=HOSTILE, environment={"METAFLOW_Y": HOSTILE})
    tree = ast.parse(render(deployment, flow, package))
    assigned = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id not in ("POD_ENVIRONMENT", "ENDED")
    }
    assert assigned["SCRIPT"] == HOSTILE
    assert assigned["ENVIRONMENT"]["METAFLOW_X"] == assigned["ENVIRONMENT"]["METAFLOW_Y"] == HOSTILE
    assert HOSTILE.strip() in assigned["DOC"]
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert "os" not in {alias.name for node in imported for alias in node.names}
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    # Description, owner, pool, tag, namespace, help, default and docstring of the step, each as it was.
    assert texts.count(HOSTILE) >= 9

"""Hostile texts in everything that a manifest or a flow gives to a DAG file change its literals and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from deployer.manifest.notify_keys import Email, LateSettings, NotifierSettings, NotifySettings, SlackMessage
from deployer.models.deployment import Deployment
from deployer.models.flow import Decorator, Flow, Package, Parameter, Sensor
from deployer.models.record import Origin
from deployer.orchestrators.airflow.render import render
from tests.hostile.payloads import CANARY, payloads
from tests.renderer import flows

HARMLESS = "a text"
Made = tuple[Deployment, Flow, Package]


def of_deployment(**values: Any) -> Made:
    flow = flows.linear()
    return flows.deployment(**values), flow, flows.package(flow)


def of_tag(text: str) -> Made:
    flow = flows.linear()
    tagged = flows.deployment().model_copy(update={"tags": (text,)})  # some are longer than a manifest may have them
    return tagged, flow, flows.package(flow)


def told_by(text: str) -> NotifySettings:
    """Somebody who is told of everything, by texts that a manifest may not have there."""
    email = Email.model_construct(_fields_set={"to", "sender", "connection"}, to=(text,), sender=text, connection=text)
    slack = SlackMessage.model_construct(_fields_set={"connection", "channel"}, connection=text, channel=text)
    notifiers = (NotifierSettings(email=email), NotifierSettings(slack=slack))
    return NotifySettings(
        failure=notifiers, success=notifiers, retry=notifiers, late=LateSettings(after="2h", notify=notifiers)
    )


def of_flow(flow: Flow, compute: str = "local", **package: Any) -> Made:
    return flows.deployment(environment=flows.environment(compute=compute)), flow, flows.package(flow, **package)


def of_step(compute: str = "local", **values: Any) -> Made:
    flow = flows.with_step(flows.linear(), "start", **values)
    return of_flow(flows.with_pods(flow) if compute == "kubernetes" else flow, compute)


def of_pod(**values: Any) -> Made:
    return of_flow(flows.with_pods(flows.linear(), start=values), "kubernetes")


def of_parameter(**values: Any) -> Made:
    return of_flow(flows.linear(parameters=(Parameter("alpha", values.pop("type", "string"), 8, **values),)))


PLACES: dict[str, Callable[[str], Made]] = {
    "tag": lambda text: of_tag(text),
    "owner": lambda text: of_deployment(owner=text),
    "display name": lambda text: of_deployment(display_name=text),
    "description": lambda text: of_deployment(description=text),
    "pool": lambda text: of_deployment(worker_pool=text),
    "namespace": lambda text: of_deployment(namespace=text),
    "notification": lambda text: of_deployment(owner=text, notify=told_by(text)),
    "entry": lambda text: of_deployment(entry={"description": text, text: [text]}),
    "parameter of the manifest": lambda text: (
        flows.deployment(parameters={"alpha": text}),
        flow := flows.linear(parameters=(Parameter("alpha", "string", 8, default="x"),)),
        flows.package(flow),
    ),
    "docstring": lambda text: of_flow(flows.linear(doc=text)),
    "docstring of a step": lambda text: of_step(doc=text),
    "default": lambda text: of_parameter(default=text),
    "default in JSON": lambda text: of_parameter(type="json", default={"a": [text]}),
    "help": lambda text: of_parameter(default="x", help=text),
    "variable": lambda text: of_step(environment={"X": text}),
    "variable of a pod": lambda text: of_step("kubernetes", environment={"X": text}),
    "option of a step": lambda text: of_step(options=("--with", text)),
    "image": lambda text: of_pod(image=text),
    "label": lambda text: of_pod(labels={"a": text}),
    "annotation": lambda text: of_pod(annotations={"a": text}),
    "secret": lambda text: of_pod(secrets=[text]),
    "script": lambda text: of_flow(flows.linear(), script=text),
    "setting": lambda text: of_flow(flows.linear(environment={"METAFLOW_X": text})),
    "setting of a package": lambda text: of_flow(flows.linear(), environment={"METAFLOW_Y": text}),
    "place of the package": lambda text: of_flow(flows.linear(), url=text, sha=text),
    "flow decorator": lambda text: of_flow(flows.linear(decorators=(Decorator("project", {"name": text}),))),
    "sensor": lambda text: of_flow(
        flows.linear(sensors=(Sensor("wait", "external_task", 3, {"external_dag_id": text}),))
    ),
}
"""What is made with a text in one place; places of which `check` demands a form are tried as well."""


def outline(source: str) -> str:
    """The code of a file without its literals: texts, and lists and maps of literals."""
    return ast.dump(_Blank().visit(ast.parse(source)))


class _Blank(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant(0) if isinstance(node.value, str) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "Param":
            # Its schema depends on the default (`trigger_form`): it may be another one, of literals.
            for value in (*node.args, *(keyword.value for keyword in node.keywords)):
                ast.literal_eval(value)
            return ast.Call(node.func, [], [])
        return self.generic_visit(node)


@pytest.mark.parametrize("compute", ["local", "kubernetes"])
def test_what_an_apply_says_of_itself_stays_a_literal(compute: str) -> None:
    flow = flows.with_pods(flows.linear()) if compute == "kubernetes" else flows.linear()
    made = of_flow(flow, compute)
    expected = outline(render(*made, origin=Origin(HARMLESS, HARMLESS, "https://ci.test/1")))
    for name, text in payloads().items():
        source = render(*made, origin=Origin(text, text, f"https://{text}"))
        compile(source, "dag.py", "exec")
        assert outline(source).replace(CANARY, "") == expected, name


@pytest.mark.parametrize("place", PLACES)
def test_a_text_stays_a_literal(place: str) -> None:
    make = PLACES[place]
    expected = outline(render(*make(HARMLESS)))
    for name, text in payloads().items():
        source = render(*make(text))
        compile(source, "dag.py", "exec")
        assert outline(source).replace(CANARY, "") == expected, name

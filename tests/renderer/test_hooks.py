"""The tasks of `@exit_hook`: their names, what their pods are, and what a plan says of them."""

from __future__ import annotations

import ast
from typing import Any

from deployer.description import describe
from deployer.description.explain import explain
from deployer.errors import Severity
from deployer.models.description import Description, same_description, to_json
from deployer.models.flow import Flow, Hook, Sensor, Step
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.hooks import hook_steps, task_id
from deployer.orchestrators.airflow.render import render
from deployer.views.show_json import show_to_json
from tests.renderer import flows

TELL, PAGE = Hook("tell", "success", line=4), Hook("alerts.page", "error", line=4)


def described(*hooks: Hook) -> Description:
    return describe(flows.deployment(), flows.linear(hooks=hooks), None, 1, "0" * 16)


def calls(text: str, name: str) -> dict[str, dict[str, Any]]:
    """The keyword arguments that are literals of each call of a function, by the id of the task."""
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            given = {word.arg: word.value for word in node.keywords if word.arg}
            values = {key: ast.literal_eval(value) for key, value in given.items() if not isinstance(value, ast.Name)}
            if "task_id" in values:
                found[values["task_id"]] = values
    return found


class TestTask:
    def test_its_id_is_the_end_and_the_function(self) -> None:
        assert [task_id(hook) for hook in (TELL, PAGE)] == ["on-success-tell", "on-error-alerts.page"]
        assert len(task_id(Hook("f" * 300, "error"))) == 250

    def test_a_sensor_of_that_name_is_refused(self) -> None:
        sensor = Sensor("on-success-tell", "s3_key", 3, {"bucket_key": "s3://acme/x"})
        [problem] = check(flows.deployment(), flows.linear(hooks=(TELL,), sensors=(sensor,)))
        assert "'on-success-tell'" in problem.message

    def test_no_step_hides_what_makes_it(self) -> None:
        steps = (
            Step("start", "split", 1, next=("metaflow_hook", "MetaflowHook")),
            Step("metaflow_hook", "linear", 2, next=("end",), previous=("start",)),
            Step("MetaflowHook", "linear", 2, next=("end",), previous=("start",)),
            Step("end", "join", 3, previous=("metaflow_hook", "MetaflowHook"), joins="start"),
        )
        flow = flows.flow(*steps, hooks=(TELL,))
        text = render(flows.deployment(), flow, flows.package(flow))
        tree = ast.parse(text)
        assigned = [
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        assert not {"metaflow_hook", "MetaflowHook"} & set(assigned)

    def test_it_has_nothing_of_the_decorators_of_the_start_step(self) -> None:
        flow = flows.with_step(flows.linear(hooks=(TELL,)), "start", environment={"KEY": "x"}, timeout_seconds=60)
        made = calls(render(flows.deployment(), flow, flows.package(flow)), "metaflow_hook")
        assert made == {"on-success-tell": {"task_id": "on-success-tell", "function": "tell", "on": "success"}}

    def test_what_it_names_is_data(self) -> None:
        """Python's identifiers are all that the compiler lets through; the renderer does not rely on it."""
        hook = Hook('x"); import os; ("{{ ds }}', "success")
        flow = flows.linear(hooks=(hook,))
        [made] = calls(render(flows.deployment(), flow, flows.package(flow)), "metaflow_hook").values()
        assert made["function"] == hook.function


STEP = {"cpu": "8", "memory": "32000", "gpu": "1", "secrets": ["slack"], "shared_memory": 64, "qos": "Guaranteed"}


class TestPod:
    def pods(self, *hooks: Hook) -> list[dict[str, Any]]:
        flow = flows.with_pods(flows.linear(hooks=hooks), start=STEP)
        return [dict(step.pod) for step in hook_steps(flow)]

    def test_it_has_image_secrets_and_place_of_the_start_step_and_default_amounts(self) -> None:
        [pod] = self.pods(TELL)
        assert pod == {
            "cpu": "1",
            "memory": "4096",
            "disk": "10240",
            "image": "python:3.12",
            "namespace": "ml",
            "secrets": ["slack"],
            "service_account": "metaflow",
        }

    def test_it_has_the_image_of_its_options(self) -> None:
        [pod] = self.pods(Hook("tell", "success", image="acme/tell:1"))
        assert pod["image"] == "acme/tell:1"


class TestWorkflowTimeout:
    def found(self, *hooks: Hook, **settings: Any) -> list[str]:
        flow: Flow = flows.linear(hooks=hooks)
        found = check(flows.deployment(**settings), flow)
        assert all(each.severity is Severity.WARNING for each in found)
        return [each.message for each in found]

    def test_it_warns_that_airflow_skips_hooks_for_errors(self) -> None:
        said = "TrainFlow has an @exit_hook for errors, which Airflow skips when workflow_timeout ends a run"
        assert self.found(TELL, PAGE, workflow_timeout=3600) == [said]

    def test_no_other_hook_is_warned_of(self) -> None:
        assert self.found(TELL, workflow_timeout=3600) == []
        assert self.found(TELL, PAGE) == []


class TestDescription:
    def test_hooks_and_their_images_are_in_it(self) -> None:
        settings = to_json(described(TELL, PAGE, Hook("page", "error", image="acme/page:1")).settings)
        assert settings["exit_hooks"] == {
            "on_success": ["tell"],
            "on_error": ["alerts.page", "page"],
            "images": {"error": {"page": "acme/page:1"}},
        }

    def test_a_flow_without_them_is_described_as_before(self) -> None:
        assert "exit_hooks" not in to_json(described().settings)

    def test_a_change_is_a_reason(self) -> None:
        before, after = described(TELL), described(TELL, PAGE)
        assert not same_description(before, after)
        [reason] = explain(before, after)
        assert [(each.field, each.before, each.after) for each in reason.fields] == [
            ("settings.exit_hooks.on_error", None, ["alerts.page"])
        ]

    def test_show_has_them(self) -> None:
        flow = flows.linear(hooks=(TELL, Hook("page", "error", image="acme/page:1", line=9)))
        shown = show_to_json(flows.deployment(), flow, "TrainFlow", None)
        assert [each for each in shown["settings"] if each["name"].startswith("exit_hooks")] == [
            {"name": "exit_hooks.on_success", "value": ["tell"], "source": "flows/train.py:4"},
            {"name": "exit_hooks.on_error", "value": ["page in acme/page:1"], "source": "flows/train.py:9"},
        ]

"""The tasks of `@exit_hook`: as the compiler's steps, so that they get variables, a script and a pod as steps do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.description.values import POD_DEFAULTS
from deployer.models.flow import Flow, Hook, Retries, Step
from deployer.orchestrators.airflow.literals import Source, call, literal
from deployer.orchestrators.airflow.names import MAX_LENGTH, shortened

# Names that a DAG file with hooks uses itself, in addition to those of every DAG file.
RESERVED = frozenset(("metaflow_hook", "MetaflowHook"))
COLUMN = 4
# Amounts of `@kubernetes` that a hook gets by default, however much the start step needs, and what it has of the step.
_AMOUNTS = ("cpu", "disk", "memory")
# fmt: off
_OF_START = (
    "annotations", "image", "image_pull_policy", "image_pull_secrets", "labels", "namespace", "node_selector",
    "secrets", "security_context", "service_account", "tolerations",
)
# fmt: on


def task_id(hook: Hook) -> str:
    """The id of a hook's task. No step has a dash in its name."""
    return shortened(f"on-{hook.on}-{hook.function}", MAX_LENGTH)


def hook_steps(flow: Flow) -> list[Step]:
    """For each hook of the flow a step that is like the start step, without what its decorators say.

    Source: ArgoWorkflows._lifecycle_hook_from_deco in metaflow/plugins/argo/argo_workflows.py, where hooks have the
    image and the secrets of the start step and Metaflow's default amounts.
    """
    start = flow.step(flow.start)
    return [
        Step(
            name=task_id(hook),
            kind="linear",
            line=hook.line,
            previous=tuple(step.name for step in flow.steps),
            retries=Retries(),
            pod=_pod(start.pod, hook),
            options=start.options,
        )
        for hook in flow.hooks
    ]


def with_scripts(scripts: Mapping[str, str], flow: Flow) -> dict[str, str]:
    """The scripts by step name, with those of hooks: the start step's, which fetches and unpacks the same package."""
    return {**scripts, **{task_id(hook): scripts[flow.start] for hook in flow.hooks}}


def statements(flow: Flow, extras: Mapping[str, Mapping[str, Source]]) -> tuple[Source, ...]:
    """The statement of each hook's task. `extras` are further arguments by task id."""
    return tuple(
        call(
            "metaflow_hook",
            (),
            {
                "task_id": literal(task_id(hook)),
                "function": literal(hook.function),
                "on": literal(hook.on),
                **extras[task_id(hook)],
            },
            COLUMN,
        )
        for hook in flow.hooks
    )


def _pod(start: Mapping[str, Any], hook: Hook) -> dict[str, Any]:
    if not start:
        return {}
    found = {name: start[name] for name in _OF_START if name in start}
    found |= {name: POD_DEFAULTS[name] for name in _AMOUNTS}
    return {**found, "image": hook.image} if hook.image else found

"""Decorators: who wrote them, what was given to them, and which become sensors."""

from __future__ import annotations

from typing import Any

from metaflow import decorators
from metaflow.plugins.airflow.sensors.base_sensor import AirflowSensorDecorator

from ....runtime.mfdeploy_task.metaflow_compat import step_decorators

UnknownStepDecorator = decorators.UnknownStepDecoratorException


def user_decorators(node: Any) -> tuple[Any, ...]:
    """The decorators of a step that users wrote themselves; none before 2.16."""
    return (*getattr(node, "wrappers", ()), *getattr(node, "config_decorators", ()))


def arguments_of(decorator: Any) -> dict[str, Any]:
    """What was given to a decorator that a user wrote."""
    return {**({"args": decorator._args} if decorator._args else {}), **decorator._kwargs}


def user_defined_attributes(decorator: Any) -> frozenset[str] | None:
    """The attributes that a user gave to a decorator of Metaflow; None for one that a user wrote."""
    found = getattr(decorator, "_user_defined_attributes", None)
    return frozenset(found) if isinstance(found, set) else None


def is_added(decorator: Any) -> bool:
    """Whether a decorator is there because of the command line: neither in the code nor put there by a mutator."""
    return not decorator.statically_defined and not is_inserted(decorator)


def is_inserted(decorator: Any) -> bool:
    """Whether a mutator put a decorator there."""
    return getattr(decorator, "inserted_by", None) is not None


def initialize_decorator(decorator: Any) -> None:
    """Completes a decorator's attributes."""
    # Before 2.16 it was called so.
    (decorator.external_init if hasattr(decorator, "external_init") else decorator.init)()


def check_decorator_spec(spec: str) -> None:
    """Raises UnknownStepDecorator, or whatever the decorator raises, where ``--with SPEC`` would fail."""
    if hasattr(decorators, "extract_step_decorator_from_decospec"):
        decorators.extract_step_decorator_from_decospec(spec)
        return
    # Before 2.16.
    name, _, attributes = spec.partition(":")
    if name not in step_decorators():
        raise UnknownStepDecorator(name)
    step_decorators()[name]._parse_decorator_spec(attributes)


def is_sensor(decorator: Any) -> bool:
    """Whether a flow decorator is one that becomes a sensor of Airflow."""
    return isinstance(decorator, AirflowSensorDecorator)


def sensor_task_name(decorator: Any) -> str:
    """The name of the sensor's task, which Metaflow makes where the user gave none."""
    return decorator._airflow_task_name  # type: ignore[no-any-return]

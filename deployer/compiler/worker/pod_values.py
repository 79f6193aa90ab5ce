"""Refuses values of `@kubernetes` and `@environment` that Kubernetes would refuse, where they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...kubernetes.rules import Violation, dotted, variable_names, violations
from ..protocol import Job, Problem
from .decorate import plain
from .metaflow_compat import is_added, steps_of, user_defined_attributes
from .pod import merged_attributes
from .problems import FlowError
from .source import Location, Source

# Decorators with attributes of pods. Metaflow merges the second into the first.
DECORATORS = ("kubernetes", "resources")
# What Metaflow reads as JSON.
_JSON_SETTINGS = (
    "METAFLOW_KUBERNETES_TOLERATIONS",
    "METAFLOW_KUBERNETES_PERSISTENT_VOLUME_CLAIMS",
    "METAFLOW_KUBERNETES_IMAGE_PULL_SECRETS",
)
# For each pod, beside those of its step.
_COMMON_SECRETS = "METAFLOW_KUBERNETES_SECRETS"
_PLAIN = (type(None), bool, int, float, str, Mapping, list, tuple, set, frozenset)


def check_pod_values(job: Job, obj: Any, source: Source) -> None:
    """Raises FlowError with each value of the pods' attributes that Kubernetes would refuse."""
    problems: list[Problem] = []
    if job.on_kubernetes:
        problems += _common_secrets(job)
        for name in obj.graph.sorted_nodes:
            node = obj.graph[name]
            step = _Step(job, source, name, node.decorators)
            values = plain_values(merged_attributes(job, node))
            problems += [step.problem(violation) for violation in violations(values)]
            problems += step.variables()
    if problems:
        raise FlowError(*dict.fromkeys(problems))


def problems_of_code(job: Job, flow: Any, source: Source) -> list[Problem]:
    """What is wrong with the decorators of a flow that Metaflow, or the decorators themselves, could not use."""
    if not job.on_kubernetes:
        return []
    problems = list(_broken_settings(job))
    for step in steps_of(flow):
        found = _Step(job, source, step.__name__, step.decorators)
        for decorator in step.decorators:
            if decorator.name in DECORATORS:
                values = plain_values(decorator.attributes)
                problems += [found.problem_of_code(violation) for violation in violations(values)]
        problems += found.variables()
    return list(dict.fromkeys(problems))


def plain_values(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as plain values, without those that only a Config gives a value to."""
    return {name: plain(value) for name, value in attributes.items() if isinstance(value, _PLAIN)}


class _Step:
    """Where the values of one step's pod were written."""

    def __init__(self, job: Job, source: Source, name: str, decorators: Any) -> None:
        self._job, self._source, self._name = job, source, name
        self._decorators = {decorator.name: decorator for decorator in decorators}

    def problem(self, violation: Violation) -> Problem:
        """The problem of a value of the merged attributes: in the manifest if it has the value, else in the code."""
        for section, given in (
            (f"steps.{self._name}", self._job.steps.get(self._name, {})),
            ("kubernetes", self._job.kubernetes),
        ):
            if setting := _setting(section, given, violation.path):
                return self._problem(violation, dotted(violation.path), setting=setting)
        return self.problem_of_code(violation)

    def problem_of_code(self, violation: Violation) -> Problem:
        """The problem of a value that the manifest does not have."""
        attribute, where = str(violation.path[0]), dotted(violation.path)
        for name in reversed(DECORATORS):
            decorator = self._decorators.get(name)
            if decorator is not None and attribute in (user_defined_attributes(decorator) or ()):
                if is_added(decorator):
                    return self._problem(violation, where, setting="with")
                return self._problem(violation, f"@{name}: {where}", self._source.decorator(name, self._name))
        variable = f"METAFLOW_KUBERNETES_{attribute.upper()}"
        if variable in self._job.settings:
            return self._problem(violation, f"{variable}: {where}", setting=f"metaflow.{variable}")
        return self._problem(violation, where, self._source.decorator("kubernetes", self._name))

    def variables(self) -> Iterator[Problem]:
        """Names that no environment variable of a pod has."""
        decorator = self._decorators.get("environment")
        if decorator is None:
            return
        given = decorator.attributes.get("vars")
        for violation in variable_names(given if isinstance(given, Mapping) else {}):
            if is_added(decorator):
                yield self._problem(violation, "@environment", setting="with")
            else:
                yield self._problem(violation, "@environment", self._source.decorator("environment", self._name))

    def _problem(self, violation: Violation, where: str, location: Location = ("", 0), setting: str = "") -> Problem:
        # What stands for all steps in one place is one problem.
        step = "" if setting == "with" or setting.startswith("metaflow.") else f"step {self._name}: "
        message = f"{step}{where}: {violation.message}"
        return Problem(violation.code, message, *location, hint=violation.hint, setting=setting)


def _setting(section: str, given: Any, path: tuple[str | int, ...]) -> str:
    """The setting of a manifest with the value that a path leads to; empty if the manifest has no such value.

    A list is one setting: it replaces that of the code as a whole.
    """
    setting = section
    for part in path:
        if not isinstance(given, Mapping):
            break
        if part not in given:
            return ""
        given, setting = given[part], f"{setting}.{part}"
    return setting


def _common_secrets(job: Job) -> Iterator[Problem]:
    for violation in violations({"secrets": job.settings.get(_COMMON_SECRETS)}):
        message = f"{_COMMON_SECRETS}: {violation.message}"
        yield Problem(violation.code, message, hint=violation.hint, setting=f"metaflow.{_COMMON_SECRETS}")


def _broken_settings(job: Job) -> Iterator[Problem]:
    for name in _JSON_SETTINGS:
        try:
            json.loads(job.settings.get(name) or "null")
        except ValueError as error:
            message = f"{name}: expected JSON: {error}"
            yield Problem("bad-value", message, setting=f"metaflow.{name}")

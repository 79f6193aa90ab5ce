"""The values of a description that are not defaults: what there is to review in a deployment that is new."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from deployer.description.explain import added_decorators
from deployer.description.follows import is_derived_option, is_derived_variable
from deployer.manifest.keys import FlowSettings
from deployer.models.description import Description, NoSchedule, SettingsDescription, StepSettings, to_json
from deployer.models.plan import Value, ValueGroup

POD_DEFAULTS: Final[Mapping[str, str]] = {
    "cpu": "1",
    "disk": "10240",
    "memory": "4096",
    "namespace": "default",
    "qos": "burstable",
}
"""Metaflow's own defaults of `@kubernetes`, as a description has them. A value that equals one was hardly written."""

# Metaflow writes the vendor beside each number of GPUs.
_IMPLIED = {**POD_DEFAULTS, "gpu_vendor": "nvidia"}
# Of a step's pod; what is not here is an image or one of the settings.
_COMPUTE = frozenset(
    (
        *("cpu", "memory", "disk", "gpu", "gpu_vendor", "extended_resources", "shared_memory", "qos"),
        *("use_tmpfs", "tmpfs_size", "tmpfs_path", "tmpfs_tempdir", "compute_pool"),
    )
)
_LIMITS = frozenset(("max_workers", "max_active_runs", "workflow_timeout", "timeout_seconds"))
_SCHEDULE_DEFAULTS = {"timezone": "UTC", "catchup": False, "start_date": None}
# Parts of the section `settings` with values of their own below them.
_MAPS = ("cluster", "configs", "sensors", "decorators", "exit_hooks")
# They follow from the environment and from @project, and the DAG's name shows them.
_OF_THE_NAME = ("--production", "--branch=")


class Written:
    """What a manifest gives a deployment: the names of parameters and configs, and the owner without it."""

    def __init__(self, parameters: Collection[str], configs: Collection[str], project: str) -> None:
        self.parameters = parameters
        self.configs = configs
        self.project = project


def values_of(description: Description, written: Written | None = None) -> list[Value]:
    """Every value that is not a default, in the order of the groups, without origins.

    A parameter and a config count if the manifest gives their value. Without `written` that is unknown, so all count.
    The image of a pod is always among the values: there is no harmless default of what runs.
    """
    found = [
        *_schedule(description),
        *_parameters(description, written),
        *(value for name in description.retries for value in _retries(description, name)),
        *(value for name in description.resources for value in _pod(name, description.resources[name])),
        *_settings(description.settings, written),
        *(value for name, step in description.settings.steps.items() for value in _step(name, step)),
    ]
    return sorted(found, key=lambda value: _ORDER.index(value.group))


def values_of_steps(description: Description, steps: Collection[str]) -> list[Value]:
    """The values of some steps."""
    return [value for value in values_of(description) if step_of(value.field) in steps]


def step_of(field: str) -> str:
    """The step that a field of a description belongs to; empty for any other field."""
    section, _, rest = field.partition(".")
    if section == "settings" and rest.startswith("steps."):
        rest = rest.removeprefix("steps.")
    elif section not in ("retries", "resources"):
        return ""
    return rest.partition(".")[0]


_ORDER: Final[tuple[ValueGroup, ...]] = (
    *("schedule", "parameters", "compute", "retries", "limits", "image", "settings"),
)


def _schedule(description: Description) -> Iterator[Value]:
    schedule = description.schedule
    if not isinstance(schedule, NoSchedule):
        for name, value in to_json(schedule).items():
            if name != "kind" and value != _SCHEDULE_DEFAULTS.get(name, ""):
                yield Value("schedule", f"schedule.{name}", value)


def _parameters(description: Description, written: Written | None) -> Iterator[Value]:
    for name, parameter in description.parameters.items():
        if parameter.default is not None and (written is None or name in written.parameters):
            yield Value("parameters", f"parameters.{name}.default", parameter.default)


def _retries(description: Description, step: str) -> Iterator[Value]:
    retries = description.retries[step]
    if retries.times or retries.fallback:
        for name, value in to_json(retries).items():
            yield Value("retries", f"retries.{step}.{name}", value)


def _pod(step: str, pod: Mapping[str, Any]) -> Iterator[Value]:
    for name, value in pod.items():
        if str(value).lower() != _IMPLIED.get(name):
            group: ValueGroup = "image" if name == "image" else "compute" if name in _COMPUTE else "settings"
            yield Value(group, f"resources.{step}.{name}", value)


def _settings(settings: SettingsDescription, written: Written | None) -> Iterator[Value]:
    yield Value("settings", "settings.compute", settings.compute)
    yield Value("settings", "settings.datastore", settings.datastore)
    if added := added_decorators(settings, settings.steps.keys()):
        yield Value("settings", "settings.with", list(added))
    for name, value in (settings.model_extra or {}).items():
        if name == "notify" and isinstance(value, dict):
            yield from (Value("settings", f"settings.notify.{event}", told) for event, told in value.items())
        elif not _is_default(name, value, written):
            yield Value("limits" if name in _LIMITS else "settings", f"settings.{name}", value)
    described = to_json(settings)
    for part in _MAPS:
        for name, value in described.get(part, {}).items():
            if part != "configs" or written is None or name in written.configs:
                yield Value("settings", f"settings.{part}.{name}", value)
    for name, text in settings.variables.items():
        if not is_derived_variable(name, text):
            yield Value("settings", f"settings.variables.{name}", text)


def _is_default(name: str, value: object, written: Written | None) -> bool:
    if name == "owner":
        return written is not None and value == written.project
    field = FlowSettings.model_fields.get(name)
    default = field.get_default(call_default_factory=True) if field else None
    return value == (list(default) if isinstance(default, tuple) else default)


def _step(name: str, step: StepSettings) -> Iterator[Value]:
    for key, value in to_json(step).items():
        if key == "options":
            value = [each for each in value if not _is_shown_elsewhere(each)]
        if value:
            yield Value("limits" if key in _LIMITS else "settings", f"settings.steps.{name}.{key}", value)


def _is_shown_elsewhere(option: str) -> bool:
    return is_derived_option(option) or option.startswith(("--with=", *_OF_THE_NAME))

"""The canonical description of a deployment: what decides it, and nothing else.

Two descriptions are equal exactly if the same DAG would be deployed. A description does not depend on the user, the
time, the machine or the folder; paths are as the manifests write them. A plan names the sections that differ. In JSON
an optional part that is not set is absent.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag

from deployer.models.deployment import Compute
from deployer.models.flow import HookKind, ParameterType, SensorKind, StepKind
from deployer.models.types import FrozenModel, Several


class CodeDescription(FrozenModel):
    """The flow's class, its file as the manifest writes it, and the digest of each file in the code package."""

    flow: str
    file: str
    files: Mapping[str, str]


class StepNode(FrozenModel):
    """A step in the graph, with the steps that follow it. `cases` maps the values of a switch to steps."""

    kind: StepKind
    next: Several[str]
    foreach_over: str | None = None
    joins: str | None = None
    condition: str | None = None
    cases: Mapping[str, str] = {}


class GraphDescription(FrozenModel):
    """The steps by name, and which of them is the first and the last."""

    start: str
    end: str
    steps: Mapping[str, StepNode]


class NoSchedule(FrozenModel):
    """The DAG runs only when it is triggered."""

    kind: Literal["none"]


class CronSchedule(FrozenModel):
    """A cron expression of five fields. The defaults are those of a manifest that has only the expression."""

    kind: Literal["cron"]
    cron: str
    timezone: str | None = "UTC"
    catchup: bool = False
    start_date: str | None = None


class CronsSchedule(FrozenModel):
    """Several crons of five fields, sorted: a run starts at each time of each, and one where several say the same."""

    kind: Literal["crons"]
    crons: Several[str]
    timezone: str | None = "UTC"
    catchup: bool = False
    start_date: str | None = None


class PayloadDescription(FrozenModel):
    """Where a parameter's value comes from: the event, and the key of its payload."""

    event: str
    key: str


class EventSchedule(FrozenModel):
    """The DAG runs when other DAGs have run (`after`) and events were published (`events`): all of them, by name.

    With a cron, or several, it also runs at its times. `payload` has the parameters that events give values to.
    """

    kind: Literal["events"]
    after: Several[str] = ()
    events: Several[str] = ()
    payload: Mapping[str, PayloadDescription] = {}
    cron: str | None = None
    crons: Several[str] = ()
    timezone: str | None = "UTC"
    catchup: bool = False
    start_date: str | None = None


Schedule = Annotated[NoSchedule | CronSchedule | CronsSchedule | EventSchedule, Field(discriminator="kind")]


@dataclass(frozen=True)
class Times:
    """When a schedule starts runs by itself: at each time of each of its crons, of which there is at least one."""

    crons: tuple[str, ...]
    timezone: str | None
    catchup: bool
    start_date: str | None


def times_of(schedule: Schedule) -> Times | None:
    """The times of a schedule, or of one with events the part that has times; None where there are none."""
    if isinstance(schedule, NoSchedule):
        return None
    crons = schedule.crons if isinstance(schedule, (CronsSchedule, EventSchedule)) else ()
    if not isinstance(schedule, CronsSchedule) and schedule.cron is not None:
        crons = (schedule.cron,)
    return Times(crons, schedule.timezone, schedule.catchup, schedule.start_date) if crons else None


def event_of_end(name: str) -> str:
    """The event that is published when a run of a flow has succeeded, by the name that is unique to its deployment.

    The form is Metaflow's (`ArgoWorkflowsInternalDecorator` in metaflow/plugins/argo/argo_workflows_decorator.py).
    """
    return f"metaflow.{name}.end"


class ParameterDescription(FrozenModel):
    """A parameter of the flow. `default` is not set if a value is required."""

    type: ParameterType
    required: bool
    help: str
    separator: str | None = None
    default: JsonValue = None


class RetriesDescription(FrozenModel):
    """How often a failed task is retried, and `fallback` more times only to record the failure."""

    times: int
    minutes_between: int | float
    fallback: int


class StepSettings(FrozenModel):
    """What a step's decorators set, without what other sections contain."""

    environment: Mapping[str, str] = {}
    timeout_seconds: int | None = None
    options: Several[str] = ()
    packages: Mapping[str, JsonValue] = {}


class SensorDescription(FrozenModel):
    """What a run waits for: the kind of sensor, and the arguments of the decorator as further keys."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    kind: SensorKind


class ExitHooksDescription(FrozenModel):
    """The functions that are called when the steps of a run have ended, and the image of those that have their own."""

    on_success: Several[str] = ()
    on_error: Several[str] = ()
    images: Mapping[HookKind, Mapping[str, str]] = {}


class SettingsDescription(FrozenModel):
    """All other settings. Those that the registry of manifest keys declares are further keys, by their names.

    `publishes_as` is the name in the event of a run's end, where it is not the deployment's own.
    `publishes_events` is true if steps may publish other events as well.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    compute: Compute
    datastore: str
    cluster: Mapping[str, JsonValue]
    variables: Mapping[str, str]
    configs: Mapping[str, JsonValue]
    steps: Mapping[str, StepSettings]
    sensors: Mapping[str, SensorDescription] = {}
    decorators: Mapping[str, JsonValue] = {}
    exit_hooks: ExitHooksDescription = ExitHooksDescription()
    publishes_as: str | None = None
    publishes_events: bool = False

    def value(self, name: str) -> JsonValue:
        """The value of a setting of the registry; None if it is not set."""
        return self.__pydantic_extra__.get(name)


class MetaflowDescription(FrozenModel):
    """The Metaflow in the code package."""

    version: str
    digest: str


class RendererDescription(FrozenModel):
    """The version of the renderer, and the digest of mfdeploy's runtime in the code package."""

    version: int
    runtime: str


class Description(FrozenModel):
    """Everything that decides a deployment, by section."""

    code: CodeDescription
    graph: GraphDescription
    schedule: Schedule
    parameters: Mapping[str, ParameterDescription]
    retries: Mapping[str, RetriesDescription]
    resources: Mapping[str, Mapping[str, JsonValue]]
    settings: SettingsDescription
    metaflow: MetaflowDescription
    renderer: RendererDescription


class NativeCode(FrozenModel):
    """The flow's class."""

    flow: str


class NativeParameter(FrozenModel):
    """A parameter's default."""

    default: JsonValue


class NativeDescription(FrozenModel):
    """What is known of a DAG that Metaflow's own command deployed."""

    code: NativeCode
    schedule: Schedule
    parameters: Mapping[str, NativeParameter]


def _variant(value: object) -> str:
    """The name of the description type that a value is, or is validated as."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    is_native = isinstance(value, dict) and set(value) == set(NativeDescription.model_fields)
    return NativeDescription.__name__ if is_native else Description.__name__


DeployedDescription = Annotated[
    Annotated[Description, Tag("Description")] | Annotated[NativeDescription, Tag("NativeDescription")],
    Discriminator(_variant),
]
"""The description of what is deployed."""


def to_json(part: BaseModel) -> dict[str, Any]:
    """A description, or a part of one, as JSON values."""
    return part.model_dump(mode="json", exclude_unset=True)


def ordered_values(description: Description | NativeDescription) -> dict[tuple[str, ...], JsonValue]:
    """The values, by their paths, in which another order of keys is another value: flows get them as they were written.

    In all other maps of a description the order of keys has no meaning.
    """
    parameters: Mapping[str, ParameterDescription | NativeParameter] = description.parameters
    found: dict[tuple[str, ...], JsonValue] = {
        ("parameters", name, "default"): parameter.default
        for name, parameter in sorted(parameters.items())
        if "default" in parameter.model_fields_set
    }
    if isinstance(description, Description):
        found |= {("settings", "configs", name): value for name, value in sorted(description.settings.configs.items())}
    return found


def ordered_text(description: Description | NativeDescription | None) -> str:
    """The `ordered_values` as text, for an exact comparison: ``==`` does not see the order of keys."""
    return "" if description is None else json.dumps(list(ordered_values(description).values()))


def published_by(name: str, description: DeployedDescription) -> str | None:
    """The event that a deployment of this name publishes at the end of a run; None for a native DAG."""
    if not isinstance(description, Description):
        return None
    return event_of_end(description.settings.publishes_as or name)


def version_of(description: Description) -> str:
    """The version of a deployment that people and the orchestrator see: 12 hex digits that follow from what decides it.

    The deployed file carries it, so that whoever has the file in use can say which version that is.
    """
    content = json.dumps([to_json(description), ordered_text(description)], sort_keys=True)
    return hashlib.sha256(content.encode(errors="surrogatepass")).hexdigest()[:12]


def same_description(before: Description, after: Description) -> bool:
    """Whether two descriptions are equal, also in the order of keys where that has a meaning."""
    return before == after and ordered_text(before) == ordered_text(after)


def same_value(before: JsonValue, after: JsonValue) -> bool:
    """Whether a flow would get the same value: also in the order of keys, and with no 1 for a 1.0 or a true."""
    return before == after and json.dumps(before) == json.dumps(after)


def canonical_json(description: Description) -> dict[str, Any]:
    """A description as JSON values: the same text for the same description, whatever the order that it was built in."""
    found: dict[str, Any] = _sorted(to_json(description))
    for (*holders, name), value in ordered_values(description).items():
        holder = found
        for key in holders:
            holder = holder[key]
        holder[name] = value
    return found


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value

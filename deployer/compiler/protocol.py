"""The messages between the client and a worker: lines of JSON, and their types.

The client sends one `Request`. The worker writes one `Greeting`, then an `Answer` for each job as it is done, and
between them a `Waiting` where a datastore takes long. Both are of one version of mfdeploy and import this module, which
needs the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypedDict, Union

Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]  # noqa: UP007 (names itself)

Mode = Literal["describe", "package", "upload"]
Compute = Literal["local", "kubernetes"]
ParameterType = Literal["string", "integer", "number", "boolean", "json", "file"]
SensorKind = Literal["external_task", "s3_key"]
TriggerKind = Literal["run", "event"]
HookKind = Literal["success", "error"]
StepKind = Literal["linear", "split", "foreach", "parallel", "switch", "join", "end"]


@dataclass(frozen=True)
class Job:
    """One deployment as far as Metaflow needs to know it: what to compile, and how.

    `mode` is ``describe``, ``package`` (built only) or ``upload`` (built and stored).
    `config_files` and `include_files` are absolute paths. `base` is the folder of the manifest, `project` the one below
    which the project lies, and `current` the one that the command runs in: absolute, without links.
    `dag_id` is the name of the DAG in Airflow, empty where its runs get no production token; `production_token` is
    the one that its runs have already, empty where that is not known.
    With `note_inputs` the answer lists what the description was made from; `known` are the notes of an earlier answer,
    not validated: while nothing that they name has changed, the flow is not described again.
    `package` chooses the files of the code package, by the keys of the manifest (``only``, ``include``, ``exclude``).
    `settings` are the METAFLOW_* values that tasks get; `configuration` names those of them that have an effect only
    if they are part of Metaflow's configuration.
    """

    id: str
    mode: Mode
    dag_id: str
    production_token: str
    file: str
    base: str
    project: str
    current: str
    class_name: str | None
    compute: Compute
    datastore_type: str
    datastore_root: str
    datastore_setting: str
    production: bool
    branch: str
    owner: str
    decorators: tuple[str, ...]
    retries: tuple[int, float] | None
    package_environment: str
    package_suffixes: tuple[str, ...]
    package: Mapping[str, Json]
    package_limit: int
    parameters: Mapping[str, Json]
    config_values: Mapping[str, Json]
    config_files: Mapping[str, str]
    include_files: Mapping[str, str]
    kubernetes: Mapping[str, Json]
    steps: Mapping[str, Mapping[str, Json]]
    settings: Mapping[str, str]
    configuration: tuple[str, ...]
    note_inputs: bool
    known: Mapping[str, Json] | None

    @property
    def path(self) -> Path:
        return Path(self.file)

    @property
    def datastore_url(self) -> str:
        """The root as a manifest has it: Metaflow writes that of Azure without a scheme."""
        return f"azure://{self.datastore_root}" if self.datastore_type == "azure" else self.datastore_root

    @property
    def decorator_specs(self) -> list[str]:
        """What ``--with`` is given for every step, but for the compute's decorator."""
        specs = list(self.decorators)
        if self.retries is not None:
            # Metaflow leaves steps that have a @retry of their own alone.
            times, minutes = self.retries
            specs.append(f"retry:times={times},minutes_between_retries={json.dumps(minutes)}")
        return specs

    @property
    def on_kubernetes(self) -> bool:
        return self.compute == "kubernetes"


def write_job(job: Job) -> dict[str, Any]:
    """A job as JSON values."""
    return {field.name: getattr(job, field.name) for field in fields(Job)}


def read_job(data: Mapping[str, Any]) -> Job:
    """A job from its JSON values. Raises TypeError for an unknown or a missing key."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return Job(**values)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a flow, in a `file` (absolute) at `line` or in the manifest's `setting` (``steps.fit``)."""

    code: str
    message: str
    file: str = ""
    line: int = 0
    hint: str = ""
    setting: str = ""
    severity: Literal["error", "warning"] = "error"

    def as_json(self) -> dict[str, Any]:
        """As `Answer` has it; see `read_problems`."""
        return asdict(self)


class Request(TypedDict):
    """`processes` is how many flows may be compiled at a time, `jobs` what `write_job` makes of each `Job`.

    `access` are variables that no flow has while it is loaded: what stores a flow's package has them.
    A datastore that gives no answer for `limit` seconds is given up; after `notice` seconds a `Waiting` is sent.
    """

    processes: int
    limit: float
    notice: float
    jobs: list[dict[str, Any]]
    access: Mapping[str, str]


class Greeting(TypedDict):
    """The first line of a worker: its version of Metaflow. The worker exits after it if the version is too old."""

    metaflow: str


class Waiting(TypedDict):
    """A datastore has given no answer for a while: which, and what it is asked for."""

    waiting: str


class DecoratorData(TypedDict):
    """`deployer.models.flow.Decorator`."""

    name: str
    attributes: Mapping[str, Json]


class RetriesData(TypedDict):
    """`deployer.models.flow.Retries`."""

    times: int
    minutes_between: float
    fallback: int


class NodeData(TypedDict):
    """A step's position in the graph: the first part of `deployer.models.flow.Step`."""

    name: str
    kind: StepKind
    line: int
    next: list[str]
    previous: list[str]
    foreaches: list[str]
    foreach_over: str | None
    joins: str | None
    condition: str | None
    cases: dict[str, str]
    parallel: bool


class StepData(NodeData):
    """`deployer.models.flow.Step`."""

    doc: str
    decorators: list[DecoratorData]
    retries: RetriesData
    timeout_seconds: int | None
    environment: dict[str, str]
    pod: dict[str, Json]
    packages: dict[str, Json]
    options: list[str]


class ParameterData(TypedDict):
    """`deployer.models.flow.Parameter`."""

    name: str
    type: ParameterType
    line: int
    default: Json
    deploy_time: bool
    required: bool
    help: str
    separator: str | None


class CodeData(TypedDict):
    """`deployer.models.flow.Code`."""

    files: dict[str, str]
    own: list[str]
    imports: list[str]
    folders: list[str]
    metaflow_version: str
    metaflow_digest: str


class ScheduleData(TypedDict):
    """`deployer.models.flow.FlowSchedule`."""

    cron: str
    timezone: str | None
    line: int


class ProjectData(TypedDict):
    """`deployer.models.flow.ProjectNames`."""

    project: str
    branch: str
    flow: str


class SensorData(TypedDict):
    """`deployer.models.flow.Sensor`."""

    name: str
    kind: SensorKind
    line: int
    arguments: dict[str, Json]


class TriggerData(TypedDict):
    """`deployer.models.flow.Trigger`."""

    kind: TriggerKind
    name: str
    flow: str
    project: str
    branch: str
    parameters: dict[str, str]
    line: int


class HookData(TypedDict):
    """`deployer.models.flow.Hook`."""

    function: str
    on: HookKind
    image: str
    line: int


class FlowData(TypedDict):
    """`deployer.models.flow.Flow`, without its `file`."""

    name: str
    line: int
    doc: str
    start: str
    end: str
    steps: list[StepData]
    parameters: list[ParameterData]
    code: CodeData
    schedule: ScheduleData | None
    project: ProjectData | None
    configs: dict[str, Json]
    decorators: list[DecoratorData]
    sensors: list[SensorData]
    triggers: list[TriggerData]
    hooks: list[HookData]
    environment: dict[str, str]
    default_time_limit: int


class PackageData(TypedDict):
    """`deployer.models.flow.Package`."""

    url: str
    sha: str
    scripts: dict[str, str]
    environment: dict[str, str]
    parameters: dict[str, Json]


class InputsData(TypedDict):
    """What a description was made from (see `deployer.compiler.worker.inputs`), and the digest of all that."""

    suffixes: list[str]
    exclude: list[str]
    files: list[str]
    folders: list[str]
    missing: list[str]
    unset: list[str]
    packages: list[str]
    absent: list[str]
    digest: str


class Answer(TypedDict):
    """What became of a job: a `flow` or a `package`, neither where it is `unchanged` or has an error among `problems`.

    `inputs` are given where the job asked for them and they are complete.
    """

    id: str
    flow: FlowData | None
    package: PackageData | None
    inputs: InputsData | None
    unchanged: bool
    problems: list[dict[str, Any]]


def read_problems(answer: Answer) -> tuple[Problem, ...]:
    """The problems of an answer. Raises TypeError for an unknown or a missing key."""
    return tuple(Problem(**problem) for problem in answer["problems"])


def answer_without_result(job_id: str, *problems: Problem, unchanged: bool = False) -> Answer:
    """The answer for a job that gave neither a flow nor a package."""
    return {
        "id": job_id,
        "flow": None,
        "package": None,
        "inputs": None,
        "unchanged": unchanged,
        "problems": [problem.as_json() for problem in problems],
    }

"""A compiled flow: the result of the compiler, and all that the rest of the program knows of a Metaflow flow.

It does not depend on the machine, the user, the folder or the time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DEFAULT_TIME_LIMIT = 5 * 24 * 60 * 60
"""Metaflow's own limit for a task without `@timeout`, in seconds."""

_EVENT_MODULES = ("metaflow.integrations", "metaflow.plugins.argo.argo_events")
SensorKind = Literal["external_task", "s3_key"]
TriggerKind = Literal["run", "event"]
HookKind = Literal["success", "error"]
StepKind = Literal["linear", "split", "foreach", "parallel", "switch", "join", "end"]
ParameterType = Literal["string", "integer", "number", "boolean", "json", "file"]


@dataclass(frozen=True)
class Decorator:
    """A step or flow decorator with its attributes as Metaflow resolved them (JSON values)."""

    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Retries:
    """How often a failed task is retried.

    `times` retries run the user's code, and `fallback` further ones only let `@catch` record a failure of the
    platform. `minutes_between` is the wait before each.
    """

    times: int = 0
    minutes_between: float = 0
    fallback: int = 0


@dataclass(frozen=True)
class Step:
    """One step. `line` is its line in the flow's file.

    `next` and `previous` are step names in graph order. `foreaches` are the foreach steps that enclose this step,
    outermost first (a join that closes a foreach is not inside it). A step of the kind `parallel` is one that calls
    ``self.next`` with ``num_parallel``: the step after it is `parallel`, which Metaflow runs as a control task and its
    workers. `joins` is the split, foreach or parallel step that a join closes. `pod` has the attributes of
    `@kubernetes`, merged with `@resources` by Metaflow and with the manifest by mfdeploy (empty with local compute).
    `packages` are the requirements of `@conda` and `@pypi`: versions by package name below ``conda`` and ``pypi``, and
    ``python``. `options` are the command-line options before ``step`` when the task runs. `timeout_seconds` is set only
    by `@timeout`.
    """

    name: str
    kind: StepKind
    line: int
    doc: str = ""
    next: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    foreaches: tuple[str, ...] = ()
    foreach_over: str | None = None
    joins: str | None = None
    condition: str | None = None
    cases: Mapping[str, str] = field(default_factory=dict)
    parallel: bool = False
    decorators: tuple[Decorator, ...] = ()
    retries: Retries = Retries()
    timeout_seconds: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    pod: Mapping[str, Any] = field(default_factory=dict)
    packages: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parameter:
    """A flow parameter. `default` is a JSON value; a JSONType's is its decoded document.

    `deploy_time` is true if the default is a function, which only an apply evaluates; `required` if Metaflow demands a
    value and there is no default.
    """

    name: str
    type: ParameterType
    line: int
    default: Any = None
    deploy_time: bool = False
    required: bool = False
    help: str = ""
    separator: str | None = None


@dataclass(frozen=True)
class FlowSchedule:
    """The flow's `@schedule`. `cron` is exactly as written, which may be a word such as ``hourly``."""

    cron: str
    timezone: str | None
    line: int


@dataclass(frozen=True)
class Sensor:
    """What a run waits for before its start step: a task called `name`.

    `arguments` are those of Metaflow's decorator that are set, without its name (JSON values; durations in seconds).
    `line` is its line in the flow's file.
    """

    name: str
    kind: SensorKind
    line: int
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Trigger:
    """An event that starts runs: the end of another flow's run (`run`), or one that somebody publishes (`event`).

    `name` is the event's. Of a flow's end it is Metaflow's own name, ``metaflow.Flow.end``, until the orchestrator
    puts in its place the one that the flow's deployment publishes; `flow`, `project` and `branch` say which flow (empty
    strings where there is none). `parameters` maps parameters of the flow to keys of the event's payload. `line` is the
    decorator's in the flow's file; 0 where the manifest says it.
    """

    kind: TriggerKind
    name: str
    flow: str = ""
    project: str = ""
    branch: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True)
class Hook:
    """A function that `@exit_hook` names. It is called when all steps of a run have ended, in the way that `on` says.

    `function` is a function of the flow's file, or a dotted path. `image` is that of `options`; empty where there is
    none. `line` is the decorator's in the flow's file.
    """

    function: str
    on: HookKind
    image: str = ""
    line: int = 0


@dataclass(frozen=True)
class ProjectNames:
    """`@project` as Metaflow resolved it: the names of the project, the branch, and the flow in them."""

    project: str
    branch: str
    flow: str


@dataclass(frozen=True)
class Code:
    """The content of the code package.

    `files` maps each of the user's files (path in the package) to the first 16 hex digits of its SHA-256;
    `metaflow_digest` covers Metaflow's own files and those of its extensions. `own` are the paths of those files that
    the flow imports, directly and through others, that it opened while it was loaded, or that its decorators add; all
    others are merely packed with it. None where that is not known. `imports` are the names in the import statements of
    these files: of modules, or of what is in them. `folders` are those of the package that the flow listed.
    """

    files: Mapping[str, str]
    metaflow_version: str
    metaflow_digest: str
    own: Collection[str] | None = None
    imports: Collection[str] = ()
    folders: Collection[str] = ()

    @property
    def publishes_events(self) -> bool:
        """Whether the flow's own code imports Metaflow's `ArgoEvent`, as far as the statements for it show."""
        return any(name in _EVENT_MODULES or name.endswith(".ArgoEvent") for name in self.imports)

    def is_own(self, path: str) -> bool:
        """Whether a file by its path in the package, there or gone, is or would be part of the flow's own code."""
        if self.own is None or path in self.files:
            return self.own is None or path in self.own
        module = path.removesuffix(".py").removesuffix("/__init__")
        if module == path or path.rpartition("/")[0] in self.folders:
            return True  # the flow may have opened it, and cannot now that it is gone
        parts = module.split("/")
        names = {".".join(parts[start:]) for start in range(len(parts))}
        return any(name in names or name.startswith(tuple(f"{each}." for each in names)) for name in self.imports)


@dataclass(frozen=True)
class Flow:
    """A flow as it would be deployed. `steps` are in graph order, the start step first.

    `file` is relative to the manifest that lists the flow, as written there. `environment` has the variables that every
    task gets (no secret, no path of this machine, no code address). `configs` are resolved values. `decorators` are
    those of the flow, except for those that become `sensors`, `triggers` (a run waits for all of either) or `hooks`.
    `default_time_limit` is Metaflow's setting for a task without `@timeout`, in seconds.
    """

    name: str
    file: str
    line: int
    doc: str
    start: str
    end: str
    steps: tuple[Step, ...]
    parameters: tuple[Parameter, ...]
    code: Code
    schedule: FlowSchedule | None = None
    project: ProjectNames | None = None
    configs: Mapping[str, Any] = field(default_factory=dict)
    decorators: tuple[Decorator, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    hooks: tuple[Hook, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    default_time_limit: int = DEFAULT_TIME_LIMIT

    def time_limit(self, step: Step) -> int:
        """How many seconds one attempt of a step may take: those of its `@timeout`, else Metaflow's setting.

        Source: get_run_time_limit_for_task in metaflow/plugins/timeout_decorator.py.
        """
        return self.default_time_limit if step.timeout_seconds is None else step.timeout_seconds

    def step(self, name: str) -> Step:
        """The step of that name. Raises KeyError."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)


@dataclass(frozen=True)
class Package:
    """A built code package: where tasks fetch it, and what each step's task runs.

    `scripts` maps a step's name to the bash script of its task. A script reads what differs between tasks from its
    environment: METAFLOW_RUN_ID, METAFLOW_TASK_ID, METAFLOW_RETRY_COUNT, METAFLOW_MAX_USER_CODE_RETRIES,
    METAFLOW_INPUT_PATHS, METAFLOW_SPLIT_INDEX and (start step) METAFLOW_PARAMETERS, one JSON object of parameter
    values by name. `parameters` are the values of deploy-time defaults (JSON values by parameter name).
    """

    url: str
    sha: str
    scripts: Mapping[str, str]
    environment: Mapping[str, str]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        """Metaflow's namespace of the runs, ``production:<token>``; empty if they have no production token."""
        token = self.environment.get("METAFLOW_PRODUCTION_TOKEN")
        return f"production:{token}" if token else ""

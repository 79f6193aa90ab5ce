"""What users may write in a manifest: strict, every key described, no key that does nothing.

The models check and describe (the JSON Schema is made from them); the values that the program uses are merged from the
documents themselves, so a default of None says only that a key may be absent: a written `null` is refused.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

NAME: Final = r"^[a-zA-Z][a-zA-Z0-9_-]*$"
NO_SCHEDULE: Final = "none"
SCHEDULE_WORDS: Final = ("hourly", "daily", "weekly")
# A scalar where a map may stand is short for the map with this one key: `retries: 3` is `retries: {times: 3}`.
SHORT_FORMS: Final = {"retries": "times", "schedule": "cron"}
# Dotted paths (`*` for any name) whose values no DAG, plan or record ever holds, so that ${env...} may stand there.
# There is none yet: every setting of today ends in one of the three.
MAY_BE_SECRET: Final[frozenset[str]] = frozenset()

_CRON_FIELD = re.compile(r"[0-9A-Za-z*,/?#-]+\Z")


def _problem(code: str, message: str, hint: str = "") -> PydanticCustomError:
    # The template has no other braces: the message may hold what a user wrote.
    return PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


@lru_cache(maxsize=4096)
def _cron_problem(text: str) -> tuple[str, str] | None:
    from croniter import CroniterBadDateError, croniter

    if text in SCHEDULE_WORDS:
        return None
    word = text.lower().lstrip("@")
    if word in (NO_SCHEDULE, "null", "off", "no", "never"):
        return f"{text!r} is no cron expression", "write none for no schedule"
    fields = text.split()
    if len(fields) not in (5, 6):
        hint = f"write {word}" if word in SCHEDULE_WORDS else ""
        found = f"{text!r} has {len(fields)} field{'' if len(fields) == 1 else 's'}"
        return f"{found}, expected a cron of 5 (minute hour day month weekday), or {', '.join(SCHEDULE_WORDS)}", hint
    wrong = [field for field in fields if not _CRON_FIELD.match(field)]
    if wrong:
        return f"cron {text!r}: the field {wrong[0]!r} cannot be read", ""
    if len(fields) == 6:  # the AWS form, whose sixth field is the year: translated where crons are rendered
        return None
    try:
        croniter(text).get_next()
    except CroniterBadDateError:
        return f"cron {text!r} never fires", ""
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        return f"cron {text!r} cannot be read", str(error).splitlines()[0][:120]
    return None


def _check_cron(text: Any) -> Any:
    if text is False:
        raise _problem("bad-cron", "false is no cron expression", "write none for no schedule")
    if not isinstance(text, str) or text == NO_SCHEDULE:
        return text
    problem = _cron_problem(text)
    if problem is not None:
        raise _problem("bad-cron", *problem)
    return text


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _check_timezone(text: str) -> str:
    from deployer.errors import nearest

    # The set, not ZoneInfo(): a file system that ignores case would accept what the next machine refuses.
    if text not in _timezones():
        same = next((zone for zone in _timezones() if zone.lower() == text.lower()), "")
        hint = f"did you mean {same!r}?" if same else nearest(text, sorted(_timezones()))
        raise _problem("bad-timezone", f"unknown timezone {text!r}, expected a name like Europe/Helsinki or UTC", hint)
    return text


def _check_date(text: str) -> str:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    raise _problem("bad-date", f"{text!r} is no date, expected one like 2026-01-31")


def _check_branch(text: str) -> str:
    if not re.fullmatch(r"[^\s~^:\\]+", text):
        raise _problem("bad-branch", f"{text!r} can be no branch of git, expected one like main or release/*")
    return text


def _check_branches(found: list[str]) -> list[str]:
    if not found:
        raise _problem("bad-branch", "no branch is listed", "leave the key out to allow every branch")
    return found


Name = Annotated[str, StringConstraints(pattern=NAME)]
Text = Annotated[str, StringConstraints(min_length=1)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=100)]
DagName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=250)]
Cron = Annotated[str | None, BeforeValidator(_check_cron)]
Date = Annotated[str, AfterValidator(_check_date)]
Timezone = Annotated[str, AfterValidator(_check_timezone)]
Branches = Annotated[list[Annotated[str, AfterValidator(_check_branch)]], AfterValidator(_check_branches)]
Positive = Annotated[int, Field(ge=1)]
NotNegative = Annotated[int, Field(ge=0)]
MegaBytes = Positive
Values = dict[Text, JsonValue]
Names = dict[Text, str]
MetaflowSettings = Annotated[
    dict[str, JsonValue],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"profile": {"type": "string", "description": "Reads config_<profile>.json."}},
            "patternProperties": {"^METAFLOW_[A-Z0-9_]+$": {"type": ["string", "number", "boolean"]}},
            "additionalProperties": False,
        }
    ),
]


def _optional(description: str, alias: str | None = None) -> Any:
    return Field(None, description=description, alias=alias)


class Strict(BaseModel):
    """No other key, no other type: nothing is converted and nothing is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ShortForm(Strict):
    """A map that may be written as one scalar, the value of its first key."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        whole = handler.resolve_ref_schema(handler(core))
        first = next(iter(whole["properties"].values()))
        return {"anyOf": [{key: value for key, value in first.items() if key not in ("title", "default")}, whole]}


class Schedule(ShortForm):
    """When Airflow starts a run."""

    cron: Cron = _optional(
        "A cron of five fields, hourly, daily or weekly; none for no schedule. AWS crons (six) work."
    )
    timezone: Timezone = _optional("The timezone that the cron is read in, as in Europe/Helsinki.")


class Retries(ShortForm):
    """How often Airflow runs a failed task again, for the steps that carry no @retry of their own."""

    times: NotNegative = _optional("How often a failed task is run again.")
    minutes_between: Annotated[float, Field(ge=0)] = _optional("Minutes before each of them; else 2.")


class Toleration(Strict):
    """A Kubernetes toleration."""

    key: str = _optional("The taint's key; absent with operator Exists for every taint.")
    operator: Literal["Exists", "Equal"] = _optional("How key and value are compared.")
    value: str = _optional("The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = _optional("The taint's effect.")
    toleration_seconds: int = _optional("How long a NoExecute taint is tolerated, in seconds.")


class SecurityContext(Strict):
    """The security context of a step's container."""

    privileged: bool = _optional("Whether the container runs privileged.")
    allow_privilege_escalation: bool = _optional("Whether a process may gain more privileges.")
    run_as_user: int = _optional("The user id that the container runs as.")
    run_as_group: int = _optional("The group id that the container runs as.")
    run_as_non_root: bool = _optional("Whether the container must not run as root.")


class PodSettings(Strict):
    """What a step's pod is like: the attributes of Metaflow's @kubernetes."""

    cpu: Annotated[float, Field(gt=0)] = _optional("CPUs.")
    memory: MegaBytes = _optional("Memory in MB.")
    disk: MegaBytes = _optional("Disk in MB.")
    image: Text = _optional("The container image.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = _optional("When it is pulled.")
    image_pull_secrets: list[Text] = _optional("Kubernetes secrets that the image is pulled with.")
    service_account: Text = _optional("The Kubernetes service account.")
    secrets: list[Text] = _optional("Kubernetes secrets that become environment variables of the pod.")
    node_selector: Names = _optional("Labels of the nodes that the pod may run on.")
    namespace: Text = _optional("The Kubernetes namespace.")
    gpu: NotNegative = _optional("GPUs; 0 for a node without any.")
    gpu_vendor: Literal["nvidia", "amd"] = _optional("The GPUs' vendor.")
    tolerations: list[Toleration] = _optional("Taints of nodes that the pod tolerates.")
    labels: Names = _optional("Labels of the pod.")
    annotations: Names = _optional("Annotations of the pod.")
    use_tmpfs: bool = _optional("Whether a tmpfs is mounted.")
    tmpfs_tempdir: bool = _optional("Whether METAFLOW_TEMPDIR is the tmpfs.")
    tmpfs_size: Positive = _optional("The size of the tmpfs in MiB; else half of the memory.")
    tmpfs_path: Text = _optional("Where the tmpfs is mounted.")
    persistent_volume_claims: Names = _optional("Mount paths by name of the persistent volume claim.")
    shared_memory: Positive = _optional("Shared memory in MiB.")
    port: Annotated[int, Field(ge=1, le=65535)] = _optional("A port that the container opens.")
    qos: Literal["Guaranteed", "Burstable"] = _optional("The pod's quality of service class.")
    extended_resources: Names = _optional("Kubernetes extended resources, amounts as quoted text.")
    security_context: SecurityContext = _optional("The container's security context.")


class ClusterSettings(PodSettings):
    """What every pod of an environment is like, and how Airflow reaches the cluster."""

    context: Text = _optional("The context in the kubeconfig that the Airflow worker uses.")
    kubeconfig: Text = _optional("The path of the kubeconfig on the Airflow worker.")
    connection: Text = _optional("The Airflow connection to the cluster.")
    in_cluster: bool = _optional("Whether the Airflow worker runs in the cluster that runs the pods.")
    check: bool = _optional("Whether each plan and apply asks the cluster for the pods, as --check-cluster does.")
    check_context: Text = _optional("The context in the kubeconfig of whoever plans, for that check; else `context`.")


class FlowSettings(Strict):
    """Settings of a flow: in defaults, an environment, a flow, or a flow's overrides."""

    schedule: Schedule = _optional("When Airflow starts a run; absent for the flow's own @schedule.")
    parameters: Values = _optional("Values for the flow's parameters, by name.")
    retries: Retries = _optional("Retries of the steps that carry no @retry of their own.")
    max_workers: Positive = _optional(
        "How many tasks of each step in a foreach may run at once, in each run; else 100."
    )
    max_active_runs: Positive = _optional("How many runs may be active at once; else 16.")
    catchup: bool = _optional("Whether Airflow makes up for missed runs, from the start date on; else false.")
    start_date: Date = _optional("No run is scheduled before this day (UTC); else before the first apply.")
    tags: list[Tag] = _optional("Tags of the DAG and of each run.")
    with_: list[Text] = _optional("Decorators for all steps, as in `retry:times=2`.", alias="with")
    namespace: Text = _optional("The Metaflow namespace of the runs.")
    workflow_timeout: Positive = _optional("How long a run may take, in seconds.")
    worker_pool: Text = _optional("The Airflow pool of the tasks.")
    paused: bool = _optional("Whether the DAG starts paused when Airflow first sees it.")
    description: str = _optional("One line about the DAG.")
    owner: Text = _optional("The DAG's owner in Airflow; else the project.")
    package_environment: Text = _optional("Metaflow's --environment: local, conda, pypi, uv; else local.")
    package_suffixes: list[Text] = _optional("Suffixes of more files for the code package.")
    config_values: Values = _optional("Values for the flow's Configs, by name.")
    config_files: Names = _optional("Files with the values of the flow's Configs, by name.")
    branch: Text = _optional("The branch of flows with @project; else the environment's name, and none in production.")
    python: Text = _optional("Another Python interpreter: to compile the flow, and (compute: local) to run its steps.")
    kubernetes: PodSettings = _optional("Settings of every pod.")
    steps: dict[Text, PodSettings] = _optional("Settings of one step's pods, by step name.")


class Environment(FlowSettings):
    """Where flows are deployed and what runs them, with settings for all of them."""

    target: Text = Field(description="Where DAG files are published: a folder or a URL.")
    compute: Literal["local", "kubernetes"] = Field(
        description="What a step is: a process on the Airflow worker, or a pod."
    )
    datastore: Text = Field(description="Metaflow's datastore: a folder, s3://, gs:// or azure://container/prefix.")
    production: bool = _optional("Whether DAG ids are the flows' own names; else false.")
    protect: bool = _optional("Whether deletes must be named one by one; else false.")
    branches: Branches = _optional("The git branches that it may be applied from, as in main or release/*; else any.")
    schedules: bool = _optional("false: no flow has a schedule here; else true.")
    metaflow: MetaflowSettings = _optional(
        "Metaflow's settings: METAFLOW_* values, and a profile that is read before them."
    )
    kubernetes: ClusterSettings = _optional("Settings of every pod, and access to the cluster.")


class Override(FlowSettings):
    """Settings of one flow in one environment."""

    dag_id: DagName = _optional("The DAG's id in this environment.")


class FlowEntry(FlowSettings):
    """A flow to deploy."""

    file: Text = Field(description="The flow's Python file, relative to this manifest.")
    class_: Text = _optional("The flow's class, where the file has several.", alias="class")
    environments: list[str] = _optional("The environments it is deployed to; else all.")
    dag_id: DagName = _optional("The DAG's id; else made from the flow's name and the environment.")
    overrides: dict[str, Override] = _optional("Settings for one environment, by its name.")


class Manifest(Strict):
    """A manifest of mfdeploy. All manifests of a folder are read as one; a name is defined once."""

    version: Literal[1] = _optional("The version of the manifest format: 1.")
    project: Name = _optional("Who owns the DAGs that these manifests deploy.")
    variables: dict[Name, str | int | float | bool | None] = _optional(
        "Variables with their default values; null for one that must be set by the caller."
    )
    defaults: FlowSettings = _optional("Settings for every flow.")
    environments: dict[Name, Environment] = _optional("Environments by name.")
    flows: dict[Name, FlowEntry] = _optional("Flows by name.")

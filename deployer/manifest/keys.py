"""The registry of settings: every key that users may write in a manifest, declared once.

A declaration says the key's type, default and purpose, and in which section of the canonical description a change of it
shows (`fields.Setting`). Validation, JSON Schema, reference, `show`, the resolved deployment and the description follow
from it. Layers of settings merge as their types imply: maps by key, lists and scalars replace. A default is what the
resolved deployment has where no layer says anything; a written null is refused.
"""

# Without the future import of annotations: pydantic would evaluate the text of each of them, once for each model.

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from deployer.manifest.airflow_keys import AirflowAccess
from deployer.manifest.fields import (
    AnyValue,
    Branches,
    ByName,
    Crons,
    DagId,
    Date,
    IncludePattern,
    Items,
    Minutes,
    Name,
    Omissible,
    OwnBranch,
    Patterns,
    Positive,
    ResolvedPath,
    RetryCount,
    Scalar,
    Setting,
    Settings,
    Tag,
    Text,
    Texts,
    Timezone,
    VariableName,
)
from deployer.manifest.pod_keys import ClusterSettings, PodSettings
from deployer.manifest.policy_keys import ExemptionEntry, FlowExemption, PolicyEntry

Compute = Literal["local", "kubernetes"]

_NEVER_IN_A_DAG = "changes no DAG"


class Schedule(Settings, defer_build=False):
    """When Airflow starts a run."""

    short: ClassVar[str] = "cron"
    short_list: ClassVar[bool] = True
    expected: ClassVar[str] = "a cron, a list of crons, hourly, daily, weekly, none or a map"

    cron: Annotated[
        Crons,
        Setting(
            "A cron of five fields, hourly, daily or weekly, or a list of these; none for no schedule. AWS crons (six)"
            " work."
        ),
    ]
    timezone: Annotated[
        Omissible[Timezone], Setting("The timezone that the cron is read in, as in Europe/Helsinki. Default: UTC.")
    ] = None

    @property
    def crons(self) -> tuple[str, ...]:
        """The crons as they are written; none for no schedule."""
        return (self.cron,) if isinstance(self.cron, str) else self.cron or ()


class Retries(Settings, defer_build=False):
    """How often Airflow runs a failed task again, for the steps that carry no @retry of their own."""

    short: ClassVar[str] = "times"
    expected: ClassVar[str] = "a whole number or a map"

    times: Annotated[RetryCount, Setting("How often a failed task is run again; Metaflow's most is 4.")]
    minutes_between: Annotated[Minutes, Setting("Minutes before each of them.")] = 2


class TriggerSettings(Settings, defer_build=False):
    """What starts runs: the end of the runs of another flow, or an event. One of `flow`, `dag_id` and `event`."""

    flow: Annotated[
        Omissible[Text],
        Setting("The class of a flow in the same environment, or PROJECT.BRANCH.FLOW for one with @project."),
    ] = None
    dag_id: Annotated[
        Omissible[DagId], Setting("The DAG id of a flow without @project, as one of another manifest project.")
    ] = None
    event: Annotated[Omissible[Text], Setting("The name of an event that somebody publishes.")] = None
    parameters: Annotated[
        ByName[Text],
        Setting(
            "Keys of the event's payload, by the parameter that each gives a value to. Default, for a single event: all"
            " parameters, by their own names."
        ),
    ] = Field(default_factory=dict)


class PackageSettings(Settings, defer_build=False):
    """The files of a flow's code package. Patterns start at the folder of the flow's file."""

    only: Annotated[
        Omissible[Literal["imports"]],
        Setting(
            "imports: no other modules than those that the flow imports, directly and through others. Default: all "
            "files below the folder that have a suffix of Metaflow's or of package_suffixes."
        ),
    ] = None
    include: Annotated[Patterns, Setting("Patterns of more files, of any suffix, as in `sql/**/*.sql`.")] = ()
    exclude: Annotated[Patterns, Setting("Patterns of files that are left out, as in `tests`.")] = ()


class FlowSettings(Settings):
    """Settings of a flow: in defaults, an environment, a flow, or a flow's overrides."""

    schedule: Annotated[
        Omissible[Schedule],
        Setting(
            "When Airflow starts a run; absent for the flow's own @schedule.",
            section="schedule",
            note="beside the flow's own @schedule",
        ),
    ] = None
    triggers: Annotated[
        Omissible[Items[TriggerSettings]],
        Setting(
            "What a run waits for beside the schedule: ends of other flows' runs and events, all of them. An empty list"
            " for none; absent for the flow's own @trigger and @trigger_on_finish.",
            section="schedule",
            note="with the names of the events",
            orchestrator="airflow",
        ),
    ] = None
    parameters: Annotated[
        ByName[AnyValue],
        Setting(
            "Values for the flow's parameters, by name.",
            section="parameters",
            note="as the default of each of the flow's parameters",
        ),
    ] = Field(default_factory=dict)
    retries: Annotated[
        Omissible[Retries],
        Setting(
            "Retries of the steps that carry no @retry of their own.",
            section="retries",
            note="as the retries of each step",
        ),
    ] = None
    max_workers: Annotated[
        Positive,
        Setting("How many tasks of each step in a foreach may run at once, in each run.", section="settings"),
    ] = 100
    max_active_runs: Annotated[Positive, Setting("How many runs may be active at once.", section="settings")] = 16
    catchup: Annotated[
        bool,
        Setting(
            "Whether Airflow makes up for missed runs, from the start date on.",
            section="schedule",
            note="only beside a cron",
            orchestrator="airflow",
        ),
    ] = False
    start_date: Annotated[
        Omissible[Date],
        Setting(
            "No run is scheduled before this day (UTC). Default: before the first apply.",
            section="schedule",
            note="only beside a cron",
            orchestrator="airflow",
        ),
    ] = None
    tags: Annotated[Items[Tag], Setting("Tags of the DAG and of each run.", section="settings", order="set")] = ()
    decorators: Annotated[
        Texts,
        Field(alias="with"),
        Setting(
            "Decorators for all steps, as in `retry:times=2`.",
            section="settings",
            note="as options of the steps, and in the sections that the decorators decide",
        ),
    ] = ()
    namespace: Annotated[Omissible[Text], Setting("The Metaflow namespace of the runs.", section="settings")] = None
    workflow_timeout: Annotated[
        Omissible[Positive], Setting("How long a run may take, in seconds.", section="settings")
    ] = None
    worker_pool: Annotated[
        Omissible[Text], Setting("The Airflow pool of the tasks.", section="settings", orchestrator="airflow")
    ] = None
    priority: Annotated[
        Omissible[Positive],
        Setting(
            "Airflow's priority_weight: tasks with a higher one come first where several wait for a slot.",
            section="settings",
            omit_default=True,
            orchestrator="airflow",
        ),
    ] = None
    paused: Annotated[
        Omissible[bool],
        Setting(
            "Whether the DAG starts paused when Airflow first sees it.", section="settings", orchestrator="airflow"
        ),
    ] = None
    display_name: Annotated[
        Omissible[Text],
        Setting(
            "The DAG's name in Airflow's pages. Default: its id.",
            section="settings",
            omit_default=True,
            orchestrator="airflow",
        ),
    ] = None
    show_items: Annotated[
        bool,
        Setting(
            "Whether Airflow shows the items of a foreach by their values, where these are short and no secrets.",
            section="settings",
            omit_default=True,
            orchestrator="airflow",
        ),
    ] = True
    description: Annotated[Omissible[str], Setting("One line about the DAG.", section="settings")] = None
    owner: Annotated[Text, Setting("The DAG's owner in Airflow. Default: the project.", section="settings")] = ""
    package_environment: Annotated[
        Text, Setting("Metaflow's --environment: local, conda, pypi, uv.", section="settings")
    ] = "local"
    package_suffixes: Annotated[
        Texts, Setting("Suffixes of more files for the code package.", section="settings", order="sorted")
    ] = ()
    package: Annotated[
        PackageSettings,
        Setting("Which files are in the code package.", section="settings", omit_default=True),
    ] = PackageSettings.model_construct()
    package_limit: Annotated[
        Positive,
        Setting("Megabytes of files in the code package above which a plan warns.", note=_NEVER_IN_A_DAG),
    ] = 100
    config_values: Annotated[
        ByName[AnyValue],
        Setting("Values for the flow's Configs, by name.", section="settings", note="as the flow's configs"),
    ] = Field(default_factory=dict)
    config_files: Annotated[
        ByName[ResolvedPath],
        Setting(
            "Files with the values of the flow's Configs, by name.", section="settings", note="as the flow's configs"
        ),
    ] = Field(default_factory=dict)
    include_files: Annotated[
        ByName[ResolvedPath],
        Setting("Files of the flow's IncludeFiles, by name.", section="settings", omit_default=True),
    ] = Field(default_factory=dict)
    include_from: Annotated[
        Items[IncludePattern],
        Setting(
            "What a run may give IncludeFiles beside objects of its datastore, as in /data/*.csv or s3://lake/**/*.csv.",
            section="settings",
            order="set",
            omit_default=True,
        ),
    ] = ()
    branch: Annotated[
        OwnBranch,
        Setting(
            "The branch, a part of each DAG id outside of production, as in ${var.branch}; empty for none."
            " Default: none; for flows with @project the environment's name.",
            note="part of the DAG's name; another name is another DAG",
        ),
    ] = ""
    python: Annotated[
        Omissible[ResolvedPath],
        Setting(
            "Another Python interpreter: to compile the flow, and (compute: local) to run its steps.",
            section="settings",
        ),
    ] = None
    compile_environment: Annotated[
        Items[VariableName],
        Setting(
            "Environment variables that the process which loads the flow gets though they give access to something.",
            note=_NEVER_IN_A_DAG,
        ),
    ] = ()
    kubernetes: Annotated[
        PodSettings, Setting("Settings of every pod.", section="resources", note="as the resources of each step")
    ] = PodSettings.model_construct()
    steps: Annotated[
        ByName[PodSettings],
        Setting(
            "Settings of one step's pods, by step name.", section="resources", note="as the resources of each step"
        ),
    ] = Field(default_factory=dict)


_METAFLOW_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"profile": {"type": "string", "description": "Reads config_<profile>.json."}},
    "patternProperties": {"^METAFLOW_[A-Z0-9_]+$": {"type": ["string", "number", "boolean"]}},
    "additionalProperties": False,
}


class EnvironmentSettings(Settings):
    """What an environment has beside the settings of flows: where they are deployed and what runs them."""

    target: Annotated[
        ResolvedPath,
        Setting(
            "Where DAG files are published: a folder or a URL.",
            note="it is where DAGs are compared",
            may_be_secret=True,
        ),
    ]
    compute: Annotated[
        Compute,
        Setting("What a step is: a process on the Airflow worker, or a pod.", section="settings"),
    ]
    datastore: Annotated[
        ResolvedPath,
        Setting("Metaflow's datastore: a folder, s3://, gs:// or azure://container/prefix.", section="settings"),
    ]
    orchestrator: Annotated[
        Text, Setting("What runs the flows on a schedule.", note="each has files and records of its own")
    ] = "airflow"
    production: Annotated[
        bool,
        Setting(
            "Whether DAG ids are the flows' own names.", note="part of the DAG's name; another name is another DAG"
        ),
    ] = False
    protect: Annotated[bool, Setting("Whether deletes must be named one by one.", note=_NEVER_IN_A_DAG)] = False
    branches: Annotated[
        Branches,
        Setting(
            "The git branches that it may be applied from, as in main or release/*. Default: any.",
            note=_NEVER_IN_A_DAG,
        ),
    ] = ()
    airflow: Annotated[
        Omissible[AirflowAccess],
        Setting("The running Airflow, and how to log in.", note=_NEVER_IN_A_DAG, orchestrator="airflow"),
    ] = None
    promotes_from: Annotated[
        Omissible[Text],
        Setting(
            "The environment that flows are tried in before: the plan says whether the same code runs there.",
            note=_NEVER_IN_A_DAG,
        ),
    ] = None
    schedules: Annotated[
        bool,
        Setting("false: no flow has a schedule or triggers here.", section="schedule", note="as no schedule"),
    ] = True
    metaflow: Annotated[
        Mapping[str, AnyValue],
        WithJsonSchema(dict(_METAFLOW_SCHEMA)),
        Setting(
            "Metaflow's settings: METAFLOW_* values, and a profile that is read before them.",
            section="settings",
            note="as the variables of the tasks",
        ),
    ] = Field(default_factory=dict)


class EnvironmentEntry(EnvironmentSettings, FlowSettings):
    """Where flows are deployed and what runs them, with settings for all of them."""

    kubernetes: Annotated[
        ClusterSettings,
        Setting(
            "Settings of every pod, and access to the cluster.",
            section="settings",
            note="the access as the cluster, the rest as the resources of each step",
        ),
    ] = ClusterSettings.model_construct()


class FlowIdentity(Settings):
    """What one flow in one environment is: its code, and the name of its DAG."""

    file: Annotated[
        ResolvedPath,
        Setting("The flow's Python file, relative to this manifest.", section="settings", note="in the section code"),
    ]
    class_name: Annotated[
        Omissible[Text],
        Field(alias="class"),
        Setting("The flow's class, where the file has several.", section="settings", note="in the section code"),
    ] = None
    dag_id: Annotated[
        Omissible[DagId],
        Setting(
            "The DAG's id. Default: made from the flow's name and the environment.",
            note="it is the DAG's name; another name is another DAG",
            orchestrator="airflow",
        ),
    ] = None


class Override(FlowSettings):
    """Settings of one flow in one environment."""

    dag_id: Annotated[Omissible[DagId], Setting("The DAG's id in this environment.")] = None


class FlowEntry(FlowSettings, FlowIdentity):
    """A flow to deploy."""

    environments: Annotated[Omissible[Items[str]], Setting("The environments it is deployed to. Default: all.")] = None
    overrides: Annotated[Mapping[str, Override], Setting("Settings for one environment, by its name.")] = Field(
        default_factory=dict
    )
    exemptions: Annotated[
        Mapping[Name, FlowExemption], Setting("Exemptions of the flow from policies, by the policy's name.")
    ] = Field(default_factory=dict)


class RemovedEntry(Settings):
    """A flow that has left the manifests, and may be deleted though its environment is protected."""

    environments: Annotated[Items[str], Setting("The environments that it may be deleted from.")]
    reason: Annotated[Text, Setting("Why it goes; the plan shows it.")]


class ManifestFile(Settings):
    """A manifest of mfdeploy. All manifests of a folder are read as one; a name is defined once."""

    version: Annotated[Omissible[Literal[1]], Setting("The version of the manifest format: 1.")] = None
    project: Annotated[Omissible[Name], Setting("Who owns the DAGs that these manifests deploy.")] = None
    variables: Annotated[
        Mapping[Name, Scalar],
        Setting("Variables with their default values; null for one that must be set by the caller."),
    ] = Field(default_factory=dict)
    defaults: Annotated[FlowSettings, Setting("Settings for every flow.")] = FlowSettings.model_construct()
    environments: Annotated[Mapping[Name, EnvironmentEntry], Setting("Environments by name.")] = Field(
        default_factory=dict
    )
    flows: Annotated[Mapping[Name, FlowEntry], Setting("Flows by name.")] = Field(default_factory=dict)
    removed: Annotated[
        Mapping[Name, RemovedEntry],
        Setting("Flows that are gone, by name: their delete is allowed also where `protect` is set."),
    ] = Field(default_factory=dict)
    policies: Annotated[Mapping[Name, PolicyEntry], Setting("Rules for changes, by name.")] = Field(
        default_factory=dict
    )
    exemptions: Annotated[
        Mapping[Name, ExemptionEntry], Setting("Exemptions of several flows from a policy, by a name of their own.")
    ] = Field(default_factory=dict)

"""What users may write in a manifest: strict, every key described, no key that does nothing.

The JSON Schema is made from these sections, and the documents are held against them; the values that the program uses
are merged from the documents themselves. No key has a default here: it may be absent, and a written `null` is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

NAME: Final = r"[a-zA-Z][a-zA-Z0-9_-]*"
NO_SCHEDULE: Final = "none"
SCHEDULE_WORDS: Final = ("hourly", "daily", "weekly")
# Dotted paths (`*` for any name) whose values no DAG, plan or record ever holds, so that ${env...} may stand there.
# There is none yet: every setting of today ends in one of the three.
MAY_BE_SECRET: Final[frozenset[str]] = frozenset()

# What is checked by a rule of its own, beyond its type.
Format = Literal["cron", "timezone", "date", "branch", "branches"]


class Text(NamedTuple):
    """A text of some length (characters), the whole of which matches `pattern`; `expected` says so in words."""

    at_least: int = 0
    at_most: int | None = None
    pattern: str = ""
    expected: str = ""
    format: Format | None = None
    or_null: bool = False


class Whole(NamedTuple):
    """A whole number."""

    at_least: int | None = None
    at_most: int | None = None


class Number(NamedTuple):
    """A number, whole or not."""

    at_least: float | None = None
    more_than: float | None = None


class Flag(NamedTuple):
    """true or false."""


class Choice(NamedTuple):
    """One of some words."""

    words: tuple[str, ...]


class AnyValue(NamedTuple):
    """Whatever JSON can say. `schema` tells editors of what is checked elsewhere."""

    schema: Mapping[str, object] | None = None


class ListOf(NamedTuple):
    """A list of values of one kind."""

    item: Kind
    format: Format | None = None


class MapOf(NamedTuple):
    """A map of values of one kind by a name of the user's own. `schema` tells editors what is checked elsewhere."""

    value: Kind
    name: Text = Text()
    schema: Mapping[str, object] | None = None


class Key(NamedTuple):
    """A key of a section: what may stand there, and what it is for, in a sentence."""

    kind: Kind
    description: str
    required: bool = False


class Section(NamedTuple):
    """A map with these keys and no others.

    Where it may be written as one scalar, `short` is the key that the scalar is the value of, and `expected` says in
    words what may be written.
    """

    name: str
    description: str
    keys: Mapping[str, Key]
    short: str = ""
    expected: str = "a map"


Kind = Text | Whole | Number | Flag | Choice | AnyValue | ListOf | MapOf | Section

_NAME: Final = Text(pattern=NAME, expected="a name: a letter, then letters, digits, _ or -")
_DAG_ID: Final = Text(pattern=r"[A-Za-z0-9_.-]+", at_most=250, expected="a DAG id: letters, digits, _, . or -")
_ANY_TEXT: Final = Text()
_TEXT: Final = Text(at_least=1)
_FLAG: Final = Flag()
_WHOLE: Final = Whole()
_POSITIVE: Final = Whole(at_least=1)
_NOT_NEGATIVE: Final = Whole(at_least=0)
_TEXTS: Final = ListOf(_TEXT)
_NAMES: Final = MapOf(_ANY_TEXT, name=_TEXT)
_VALUES: Final = MapOf(AnyValue(), name=_TEXT)
_METAFLOW: Final = MapOf(
    AnyValue(),
    schema={
        "type": "object",
        "properties": {"profile": {"type": "string", "description": "Reads config_<profile>.json."}},
        "patternProperties": {"^METAFLOW_[A-Z0-9_]+$": {"type": ["string", "number", "boolean"]}},
        "additionalProperties": False,
    },
)

SCHEDULE: Final = Section(
    "Schedule",
    "When Airflow starts a run.",
    {
        "cron": Key(
            Text(format="cron", or_null=True),
            "A cron of five fields, hourly, daily or weekly; none for no schedule. AWS crons (six) work.",
        ),
        "timezone": Key(Text(format="timezone"), "The timezone that the cron is read in, as in Europe/Helsinki."),
    },
    short="cron",
    expected="a cron, hourly, daily, weekly, none or a map",
)

RETRIES: Final = Section(
    "Retries",
    "How often Airflow runs a failed task again, for the steps that carry no @retry of their own.",
    {
        "times": Key(Whole(at_least=0, at_most=4), "How often a failed task is run again; Metaflow's most is 4."),
        "minutes_between": Key(Number(at_least=0), "Minutes before each of them; else 2."),
    },
    short="times",
    expected="a whole number or a map",
)

TOLERATION: Final = Section(
    "Toleration",
    "A Kubernetes toleration.",
    {
        "key": Key(_ANY_TEXT, "The taint's key; absent with operator Exists for every taint."),
        "operator": Key(Choice(("Exists", "Equal")), "How key and value are compared."),
        "value": Key(_ANY_TEXT, "The taint's value."),
        "effect": Key(Choice(("NoSchedule", "PreferNoSchedule", "NoExecute")), "The taint's effect."),
        "toleration_seconds": Key(_WHOLE, "How long a NoExecute taint is tolerated, in seconds."),
    },
)

SECURITY_CONTEXT: Final = Section(
    "SecurityContext",
    "The security context of a step's container.",
    {
        "privileged": Key(_FLAG, "Whether the container runs privileged."),
        "allow_privilege_escalation": Key(_FLAG, "Whether a process may gain more privileges."),
        "run_as_user": Key(_WHOLE, "The user id that the container runs as."),
        "run_as_group": Key(_WHOLE, "The group id that the container runs as."),
        "run_as_non_root": Key(_FLAG, "Whether the container must not run as root."),
    },
)

POD_SETTINGS: Final = Section(
    "PodSettings",
    "What a step's pod is like: the attributes of Metaflow's @kubernetes.",
    {
        "cpu": Key(Number(more_than=0), "CPUs."),
        "memory": Key(_POSITIVE, "Memory in MB."),
        "disk": Key(_POSITIVE, "Disk in MB."),
        "image": Key(_TEXT, "The container image."),
        "image_pull_policy": Key(Choice(("Always", "IfNotPresent", "Never")), "When it is pulled."),
        "image_pull_secrets": Key(_TEXTS, "Kubernetes secrets that the image is pulled with."),
        "service_account": Key(_TEXT, "The Kubernetes service account."),
        "secrets": Key(_TEXTS, "Kubernetes secrets that become environment variables of the pod."),
        "node_selector": Key(_NAMES, "Labels of the nodes that the pod may run on."),
        "namespace": Key(_TEXT, "The Kubernetes namespace."),
        "gpu": Key(_NOT_NEGATIVE, "GPUs; 0 for a node without any."),
        "gpu_vendor": Key(Choice(("nvidia", "amd")), "The GPUs' vendor."),
        "tolerations": Key(ListOf(TOLERATION), "Taints of nodes that the pod tolerates."),
        "labels": Key(_NAMES, "Labels of the pod."),
        "annotations": Key(_NAMES, "Annotations of the pod."),
        "use_tmpfs": Key(_FLAG, "Whether a tmpfs is mounted."),
        "tmpfs_tempdir": Key(_FLAG, "Whether METAFLOW_TEMPDIR is the tmpfs."),
        "tmpfs_size": Key(_POSITIVE, "The size of the tmpfs in MiB; else half of the memory."),
        "tmpfs_path": Key(_TEXT, "Where the tmpfs is mounted."),
        "persistent_volume_claims": Key(_NAMES, "Mount paths by name of the persistent volume claim."),
        "shared_memory": Key(_POSITIVE, "Shared memory in MiB."),
        "port": Key(Whole(at_least=1, at_most=65535), "A port that the container opens."),
        "qos": Key(Choice(("Guaranteed", "Burstable")), "The pod's quality of service class."),
        "extended_resources": Key(_NAMES, "Kubernetes extended resources, amounts as quoted text."),
        "security_context": Key(SECURITY_CONTEXT, "The container's security context."),
    },
)

CLUSTER_SETTINGS: Final = Section(
    "ClusterSettings",
    "What every pod of an environment is like, and how Airflow reaches the cluster.",
    {
        **POD_SETTINGS.keys,
        "context": Key(_TEXT, "The context in the kubeconfig that the Airflow worker uses."),
        "kubeconfig": Key(_TEXT, "The path of the kubeconfig on the Airflow worker."),
        "connection": Key(_TEXT, "The Airflow connection to the cluster."),
        "in_cluster": Key(_FLAG, "Whether the Airflow worker runs in the cluster that runs the pods."),
        "check": Key(_FLAG, "Whether each plan and apply asks the cluster for the pods, as --check-cluster does."),
        "check_context": Key(_TEXT, "The context in the kubeconfig of whoever plans, for that check; else `context`."),
    },
)

FLOW_SETTINGS: Final = Section(
    "FlowSettings",
    "Settings of a flow: in defaults, an environment, a flow, or a flow's overrides.",
    {
        "schedule": Key(SCHEDULE, "When Airflow starts a run; absent for the flow's own @schedule."),
        "parameters": Key(_VALUES, "Values for the flow's parameters, by name."),
        "retries": Key(RETRIES, "Retries of the steps that carry no @retry of their own."),
        "max_workers": Key(
            _POSITIVE, "How many tasks of each step in a foreach may run at once, in each run; else 100."
        ),
        "max_active_runs": Key(_POSITIVE, "How many runs may be active at once; else 16."),
        "catchup": Key(_FLAG, "Whether Airflow makes up for missed runs, from the start date on; else false."),
        "start_date": Key(
            Text(format="date"), "No run is scheduled before this day (UTC); else before the first apply."
        ),
        "tags": Key(ListOf(Text(at_least=1, at_most=100)), "Tags of the DAG and of each run."),
        "with": Key(_TEXTS, "Decorators for all steps, as in `retry:times=2`."),
        "namespace": Key(_TEXT, "The Metaflow namespace of the runs."),
        "workflow_timeout": Key(_POSITIVE, "How long a run may take, in seconds."),
        "worker_pool": Key(_TEXT, "The Airflow pool of the tasks."),
        "paused": Key(_FLAG, "Whether the DAG starts paused when Airflow first sees it."),
        "description": Key(_ANY_TEXT, "One line about the DAG."),
        "owner": Key(_TEXT, "The DAG's owner in Airflow; else the project."),
        "package_environment": Key(_TEXT, "Metaflow's --environment: local, conda, pypi, uv; else local."),
        "package_suffixes": Key(_TEXTS, "Suffixes of more files for the code package."),
        "config_values": Key(_VALUES, "Values for the flow's Configs, by name."),
        "config_files": Key(_NAMES, "Files with the values of the flow's Configs, by name."),
        "branch": Key(_TEXT, "The branch of flows with @project; else the environment's name, and none in production."),
        "python": Key(_TEXT, "Another Python interpreter: to compile the flow, and (compute: local) to run its steps."),
        "kubernetes": Key(POD_SETTINGS, "Settings of every pod."),
        "steps": Key(MapOf(POD_SETTINGS, name=_TEXT), "Settings of one step's pods, by step name."),
    },
)

ENVIRONMENT: Final = Section(
    "Environment",
    "Where flows are deployed and what runs them, with settings for all of them.",
    {
        **FLOW_SETTINGS.keys,
        "target": Key(_TEXT, "Where DAG files are published: a folder or a URL.", required=True),
        "compute": Key(
            Choice(("local", "kubernetes")), "What a step is: a process on the Airflow worker, or a pod.", required=True
        ),
        "datastore": Key(
            _TEXT, "Metaflow's datastore: a folder, s3://, gs:// or azure://container/prefix.", required=True
        ),
        "orchestrator": Key(_TEXT, "What runs the flows on a schedule."),
        "production": Key(_FLAG, "Whether DAG ids are the flows' own names; else false."),
        "protect": Key(_FLAG, "Whether deletes must be named one by one; else false."),
        "branches": Key(
            ListOf(Text(format="branch"), format="branches"),
            "The git branches that it may be applied from, as in main or release/*; else any.",
        ),
        "schedules": Key(_FLAG, "false: no flow has a schedule here; else true."),
        "metaflow": Key(_METAFLOW, "Metaflow's settings: METAFLOW_* values, and a profile that is read before them."),
        "kubernetes": Key(CLUSTER_SETTINGS, "Settings of every pod, and access to the cluster."),
    },
)

OVERRIDE: Final = Section(
    "Override",
    "Settings of one flow in one environment.",
    {
        **FLOW_SETTINGS.keys,
        "dag_id": Key(_DAG_ID, "The DAG's id in this environment."),
    },
)

FLOW_ENTRY: Final = Section(
    "FlowEntry",
    "A flow to deploy.",
    {
        **FLOW_SETTINGS.keys,
        "file": Key(_TEXT, "The flow's Python file, relative to this manifest.", required=True),
        "class": Key(_TEXT, "The flow's class, where the file has several."),
        "environments": Key(ListOf(_ANY_TEXT), "The environments it is deployed to; else all."),
        "dag_id": Key(_DAG_ID, "The DAG's id; else made from the flow's name and the environment."),
        "overrides": Key(MapOf(OVERRIDE), "Settings for one environment, by its name."),
    },
)

MANIFEST: Final = Section(
    "Manifest",
    "A manifest of mfdeploy. All manifests of a folder are read as one; a name is defined once.",
    {
        "version": Key(AnyValue({"const": 1, "type": "integer"}), "The version of the manifest format: 1."),
        "project": Key(_NAME, "Who owns the DAGs that these manifests deploy."),
        "variables": Key(
            MapOf(AnyValue({"type": ["string", "number", "boolean", "null"]}), name=_NAME),
            "Variables with their default values; null for one that must be set by the caller.",
        ),
        "defaults": Key(FLOW_SETTINGS, "Settings for every flow."),
        "environments": Key(MapOf(ENVIRONMENT, name=_NAME), "Environments by name."),
        "flows": Key(MapOf(FLOW_ENTRY, name=_NAME), "Flows by name."),
    },
)

# A scalar where a map may stand is short for the map with this one key: `retries: 3` is `retries: {times: 3}`.
SHORT_FORMS: Final = {"retries": RETRIES.short, "schedule": SCHEDULE.short}

"""Every METAFLOW_* setting and what becomes of it below `metaflow:` of an environment.

A setting is either read, by the helper that compiles a flow or by each task of it, or refused with what to write
instead. The names are those of Metaflow 2.15 to 2.19.39: of its configuration (``from_conf`` in metaflow_config.py and
the modules of its plugins), of its command line (whose options Metaflow also takes from variables), and those that it
reads straight from the process environment. `tests/compiler/test_settings.py` looks for each of them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from deployer.models import credentials

PREFIX: Final = "METAFLOW_"
Reader = Literal["compile", "task", "both"]


@dataclass(frozen=True)
class Read:
    """Settings that are read, and what they are about.

    `by` is ``compile`` for what decides the pod, the code package or the stored files, ``task`` for what Metaflow reads
    while a step runs, or ``both``. Settings of `pods` mean something only with `compute: kubernetes`. Those that are
    `variables` are no part of Metaflow's configuration: it reads them from the process environment itself.
    """

    about: str
    by: Reader
    names: tuple[str, ...]
    pods: bool = False
    variables: bool = False


@dataclass(frozen=True)
class Refused:
    """Settings that would have no effect, and what to do instead. A name that ends with ``*`` is a prefix."""

    about: str
    instead: str
    names: tuple[str, ...]


def _names(text: str) -> tuple[str, ...]:
    return tuple(f"{PREFIX}{name}" for name in text.split())


READ: Final = (
    Read(
        "defaults of `@kubernetes`",
        "compile",
        _names("""
            DEFAULT_CONTAINER_IMAGE DEFAULT_CONTAINER_REGISTRY KUBERNETES_ANNOTATIONS KUBERNETES_CONDA_ARCH
            KUBERNETES_CONTAINER_IMAGE KUBERNETES_CONTAINER_REGISTRY KUBERNETES_CPU KUBERNETES_DISK
            KUBERNETES_GPU_VENDOR KUBERNETES_IMAGE_PULL_POLICY KUBERNETES_IMAGE_PULL_SECRETS KUBERNETES_LABELS
            KUBERNETES_MEMORY KUBERNETES_NAMESPACE KUBERNETES_NODE_SELECTOR KUBERNETES_PERSISTENT_VOLUME_CLAIMS
            KUBERNETES_PORT KUBERNETES_QOS KUBERNETES_SECRETS KUBERNETES_SERVICE_ACCOUNT KUBERNETES_SHARED_MEMORY
            KUBERNETES_TOLERATIONS
        """),
        pods=True,
    ),
    Read("the time limit of a step without `@timeout`", "compile", _names("DEFAULT_RUNTIME_LIMIT")),
    Read("the code package", "compile", _names("DEFAULT_PACKAGE_SUFFIXES")),
    Read("the solver of `@conda` and `@pypi`", "compile", _names("PATH_TO_MICROMAMBA"), variables=True),
    Read(
        "the datastore and the files in it",
        "both",
        _names("""
            ARTIFACT_LOCALROOT AZURE_STORAGE_BLOB_SERVICE_ENDPOINT AZURE_STORAGE_WORKLOAD_TYPE CONDA_PACKAGE_AZUREROOT
            CONDA_PACKAGE_GSROOT CONDA_PACKAGE_S3ROOT DATATOOLS_AZUREROOT DATATOOLS_CLIENT_PARAMS DATATOOLS_GSROOT
            DATATOOLS_LOCALROOT DATATOOLS_S3ROOT DATATOOLS_SESSION_VARS DATATOOLS_SUFFIX DEFAULT_AWS_CLIENT_PROVIDER
            DEFAULT_AZURE_CLIENT_PROVIDER DEFAULT_GCP_CLIENT_PROVIDER GS_STORAGE_WORKLOAD_TYPE S3_CLIENT_RETRY_CONFIG
            S3_ENDPOINT_URL S3_LOG_TRANSIENT_RETRIES S3_RETRY_COUNT S3_SERVER_SIDE_ENCRYPTION S3_TRANSIENT_RETRY_COUNT
            S3_VERIFY_CERTIFICATE S3_WORKER_COUNT TEMPDIR
        """),
    ),
    Read(
        "the metadata service",
        "both",
        _names("DEFAULT_METADATA SERVICE_INTERNAL_URL SERVICE_RETRY_COUNT SERVICE_URL"),
    ),
    Read("what is noted of a foreach", "task", _names("INCLUDE_FOREACH_STACK MAXIMUM_FOREACH_VALUE_CHARS")),
    Read(
        "`@secrets`",
        "task",
        _names("""
            AWS_SECRETS_MANAGER_DEFAULT_REGION AWS_SECRETS_MANAGER_DEFAULT_ROLE AZURE_KEY_VAULT_PREFIX
            DEFAULT_SECRETS_BACKEND_TYPE DEFAULT_SECRETS_ROLE GCP_SECRET_MANAGER_PREFIX
        """),
    ),
    Read(
        "cards",
        "task",
        _names("""
            CARD_AZUREROOT CARD_GSROOT CARD_LOCALROOT CARD_NO_WARNING CARD_S3ROOT RUNTIME_CARD_RENDER_INTERVAL
            SKIP_CARD_DUALWRITE
        """),
    ),
    Read(
        "logging, tracing and debugging",
        "task",
        _names("""
            CONSOLE_TRACE_ENABLED DEBUG_CONDA DEBUG_PACKAGE DEBUG_S3CLIENT DEBUG_SIDECAR DEBUG_SUBCOMMAND DEBUG_TRACING
            DEBUG_USERCONF DEFAULT_EVENT_LOGGER DEFAULT_MONITOR OTEL_ENDPOINT OTEL_SERVICE_NAME PROFILE_FROM_START
            ZIPKIN_ENDPOINT
        """),
    ),
    Read(
        "Metaflow's Client, Runner and Deployer in a step",
        "task",
        _names("""
            CLICK_API_PROCESS_CONFIG CLIENT_CACHE_MAX_FLOWDATASTORE_COUNT CLIENT_CACHE_MAX_SIZE
            CLIENT_CACHE_MAX_TASKDATASTORE_COUNT CLIENT_CACHE_PATH DEFAULT_FROM_DEPLOYMENT_IMPL UI_URL
        """),
    ),
    Read("packages of a step", "task", _names("CONDA_USE_FAST_INIT ESCAPE_HATCH_WARNING")),
    Read(
        "what a task runs first in its pod, and what it notes of the machine",
        "task",
        _names("KUBERNETES_FETCH_EC2_METADATA KUBERNETES_SANDBOX_INIT_SCRIPT"),
        pods=True,
    ),
    Read(
        "the start of a task in its pod",
        "task",
        _names("INIT_SCRIPT SKIP_INSTALL_DEPENDENCIES"),
        pods=True,
        variables=True,
    ),
    Read(
        "extensions of Metaflow, and tests of it",
        "both",
        _names("""
            DEBUG_EXT ENV_ESCAPE_DISABLED ENV_ESCAPE_PY EXTENSIONS_SEARCH_DIRS S3_TEST_RETRYABLE_FAILURES
        """),
        variables=True,
    ),
)

_COMMAND_LINE: Final = "options of Metaflow's command line"
_OTHERS: Final = "other schedulers and computes"
_COMMANDS: Final = "commands that no task runs"
_CLUSTER: Final = "pods of Airflow"
_TASK: Final = "what mfdeploy gives each task"

REFUSED: Final = (
    Refused("the datastore", "write `datastore:` in the environment", _names("DEFAULT_DATASTORE DATASTORE_SYSROOT_*")),
    Refused("who runs", "runs belong to the scheduler, whoever plans", _names("USER")),
    Refused("the owner", "write `owner:`", _names("OWNER")),
    Refused(
        "Metaflow's configuration files", "profiles are read from .metaflowconfig beside the manifest", _names("HOME")
    ),
    Refused("Metaflow's configuration files", "write `profile:` under `metaflow:`", _names("PROFILE")),
    Refused("Metaflow's files in the home folder", "remove it: none are kept there", _names("TOKEN_HOME")),
    Refused("credentials", credentials.HINT, credentials.OF_THE_SERVICE),
    Refused(
        "production tokens",
        "remove it: the production token of each DAG is kept in the datastore; use tags to group runs",
        _names("PRODUCTION_TOKEN"),
    ),
    Refused(
        _CLUSTER,
        "write `kubernetes: {connection: ...}` in the environment",
        _names("AIRFLOW_KUBERNETES_CONN_ID"),
    ),
    Refused(
        _CLUSTER,
        "write `kubernetes: {context: ...}` in the environment",
        _names("AIRFLOW_KUBERNETES_KUBECONFIG_CONTEXT"),
    ),
    Refused(
        _CLUSTER,
        "write `kubernetes: {kubeconfig: ...}` in the environment",
        _names("AIRFLOW_KUBERNETES_KUBECONFIG_FILE"),
    ),
    Refused(
        _CLUSTER,
        "write `kubernetes: {startup_timeout_seconds: ...}`",
        _names("AIRFLOW_KUBERNETES_STARTUP_TIMEOUT_SECONDS"),
    ),
    Refused(
        _CLUSTER,
        "remove it: Airflow starts and ends the pods, no Kubernetes job does",
        _names("KUBERNETES_JOB_TERMINATE_MODE"),
    ),
    Refused(
        _CLUSTER,
        "write `kubernetes: {on_finish_action: ...}`: Airflow ends the pods, no Kubernetes job does",
        _names("KUBERNETES_JOB_TTL_SECONDS_AFTER_FINISHED"),
    ),
    Refused("decorators for all steps", "write `with:`", _names("DEFAULT_DECOSPECS DECOSPECS")),
    Refused("the package environment", "write `package_environment:`", _names("DEFAULT_ENVIRONMENT ENVIRONMENT")),
    Refused(
        "the code package",
        "remove it: each code package is stored, when it is applied",
        _names("FEAT_ALWAYS_UPLOAD_CODE_PACKAGE"),
    ),
    Refused(
        "the solver of `@conda`", "remove it: Metaflow resolves with micromamba", _names("CONDA_DEPENDENCY_RESOLVER")
    ),
    Refused("Configs", "write `config_files:` or `config_values:`", _names("FLOW_CONFIG FLOW_CONFIG_VALUE")),
    Refused("`@project`", "write `branch:` in the flow's settings", _names("FLOW_BRANCH")),
    Refused("`@project`", "write `production:` in the environment", _names("FLOW_PRODUCTION")),
    Refused("tags of runs", "write `tags:`", _names("TAGS")),
    Refused("the namespace of runs", "write `namespace:`", _names("TASK_NAMESPACE")),
    Refused(_COMMAND_LINE, "write `datastore:` in the environment", _names("DATASTORE DATASTORE_ROOT")),
    Refused(_COMMAND_LINE, "write METAFLOW_DEFAULT_METADATA", _names("METADATA")),
    Refused(_COMMAND_LINE, "write METAFLOW_DEFAULT_EVENT_LOGGER", _names("EVENT_LOGGER")),
    Refused(_COMMAND_LINE, "write METAFLOW_DEFAULT_MONITOR", _names("MONITOR")),
    Refused(_COMMAND_LINE, "write `package_suffixes:`", _names("PACKAGE_SUFFIXES")),
    Refused(
        _COMMAND_LINE,
        "write `parameters:` for the flow's parameters; remove it otherwise",
        _names("INIT_* RUN_* STEP_* RESUME_*"),
    ),
    Refused(
        _COMMAND_LINE,
        "remove it",
        _names("FLOW_* FORCE_REBUILD_ENVIRONMENTS LOCAL_CONFIG_FILE MODE PYLINT QUIET"),
    ),
    Refused(
        _OTHERS,
        "write `kubernetes: {secrets: [...]}`, or METAFLOW_KUBERNETES_SECRETS",
        _names("ARGO_WORKFLOWS_KUBERNETES_SECRETS"),
    ),
    Refused(
        _OTHERS,
        "remove it: no step of these flows runs there",
        _names("""
            ARGO_* AWS_SANDBOX_* BATCH_* ECS_* EVENTS_SFN_ACCESS_IAM_ROLE KUBERNETES_JOBSET_* NAMESPACED_EVENTS_PREFIX
            SFN_*
        """),
    ),
    Refused(_OTHERS, "remove it: no version of the service is checked", _names("SERVICE_VERSION_CHECK")),
    Refused(
        _COMMANDS,
        "remove it",
        _names("CONTACT_INFO DATASTORE_SYSROOT_SPIN DEBUG_CARD_SERVER DEBUG_STUBGEN SPIN_* STUBGEN"),
    ),
    Refused(
        "which plugins Metaflow loads",
        "remove it: Metaflow wants a list, and a variable holds text",
        _names("ENABLED_*"),
    ),
    Refused(
        _TASK,
        "remove it: each task has its own value",
        _names("""
            AIRFLOW_DAG_RUN_ID AIRFLOW_JOB_ID AIRFLOW_TASK_ID ATTEMPT_NUMBER CODE_DS CODE_METADATA CODE_SHA CODE_URL
            DEFAULT_PARAMETERS ENV_ESCAPE_PATHS ENV_ESCAPE_PICKLE_VERSION EXTRACTED_ROOT FLOW_FILENAME FLOW_NAME
            INPUT_PATHS INPUT_PATHS_* JOINED_ITEMS KUBERNETES_NODE_IP KUBERNETES_POD_ID KUBERNETES_POD_NAME
            KUBERNETES_POD_NAMESPACE KUBERNETES_SERVICE_ACCOUNT_NAME KUBERNETES_WORKLOAD MAX_USER_CODE_RETRIES
            PARAMETERS PARAMETERS_* PARENT_* RETRY_COUNT RUNTIME_ENVIRONMENT RUNTIME_NAME RUN_ID SPLIT_INDEX
            SPLIT_PARENT_* STEP_NAME TASK_ID TASK_OPTIONS VERSION
        """),
    ),
)


@cache
def _table() -> dict[str, Read | Refused]:
    return {name: rule for rule in (*READ, *REFUSED) for name in rule.names}


def rule_of(name: str) -> Read | Refused | None:
    """What becomes of a setting; None for one that no version of Metaflow has. The longest prefix that fits counts."""
    table = _table()
    if name in table:
        return table[name]
    prefixes = [key for key in table if key.endswith("*") and name.startswith(key[:-1])]
    return table[max(prefixes, key=len)] if prefixes else None


def is_configuration(name: str) -> bool:
    """Whether only Metaflow's configuration would read a setting, so that one that it does not know has no effect."""
    rule = rule_of(name)
    return rule is None or (isinstance(rule, Read) and not rule.variables)

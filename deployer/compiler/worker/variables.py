"""What a task gets from outside: environment variables, and the command-line options of its step."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from metaflow.metaflow_config import KUBERNETES_SANDBOX_INIT_SCRIPT, SERVICE_INTERNAL_URL, SERVICE_URL

from ..protocol import Job
from .metaflow_compat import (
    config_keys,
    flow_options,
    get_version,
    is_added,
    is_inserted,
    user_decorators,
    user_defined_attributes,
)

# Credentials, which are never written into a DAG.
SECRETS = ("METAFLOW_SERVICE_HEADERS", "METAFLOW_SERVICE_AUTH_KEY")
# About the machine that compiles, not the one that runs.
_COMPILE_TIME_ONLY = ("METAFLOW_HOME", "METAFLOW_PROFILE")


def flow_environment(job: Job, obj: Any) -> dict[str, str]:
    """The variables that every task gets: what Metaflow's own scheduler sets, without secrets, paths and people."""
    settings = {name: value for name, value in job.settings.items() if name not in (*SECRETS, *_COMPILE_TIME_ONLY)}
    metadata = settings.get("METAFLOW_DEFAULT_METADATA") or ("service" if SERVICE_INTERNAL_URL else "local")
    variables = {
        **settings,
        "METAFLOW_FLOW_NAME": obj.flow.name,
        "METAFLOW_OWNER": job.owner,
        "METAFLOW_USER": job.owner,
        "USER": job.owner,
        "METAFLOW_RUNTIME_NAME": "airflow",
        "METAFLOW_DEFAULT_DATASTORE": job.datastore_type,
        "METAFLOW_DEFAULT_METADATA": metadata,
        "METAFLOW_VERSION": json.dumps(
            {
                "environment_type": obj.environment.TYPE,
                "flow_name": obj.flow.name,
                "metaflow_version": get_version(),
                "runtime": "airflow",
            }
        ),
    }
    if SERVICE_INTERNAL_URL and (job.on_kubernetes or not SERVICE_URL):
        variables["METAFLOW_SERVICE_URL"] = SERVICE_INTERNAL_URL
    if job.datastore_type != "local":
        variables[job.datastore_setting] = job.datastore_root
    if job.on_kubernetes:
        if KUBERNETES_SANDBOX_INIT_SCRIPT:
            # The name that the script of a task looks for.
            variables.setdefault("METAFLOW_INIT_SCRIPT", KUBERNETES_SANDBOX_INIT_SCRIPT)
        variables["METAFLOW_KUBERNETES_WORKLOAD"] = "1"
        variables["METAFLOW_RUNTIME_ENVIRONMENT"] = "kubernetes"
    configs = config_keys(obj.flow)
    if configs:
        # The values are in the code package; this says which to take from there.
        variables["METAFLOW_FLOW_CONFIG_VALUE"] = json.dumps(configs)
    return dict(sorted(variables.items()))


def step_options(job: Job, obj: Any, node: Any, pod: Mapping[str, Any]) -> list[str]:
    """The options before ``step``: decorators that the code does not have, and those of flow decorators."""
    return [*_with_options(job, node, pod), *_flow_options(obj), f"--environment={obj.environment.TYPE}"]


def _with_options(job: Job, node: Any, pod: Mapping[str, Any]) -> Iterator[str]:
    for decorator in filter(is_added, (*node.decorators, *user_decorators(node))):
        attributes = user_defined_attributes(decorator)
        name = getattr(decorator, "name", "")
        if name == "kubernetes":
            if job.on_kubernetes:
                yield _with_kubernetes(pod)
        elif attributes is not None:
            given = {key: decorator.attributes[key] for key in sorted(attributes)}
            yield f"--with={_spec(name, given)}"
        else:
            yield f"--with={decorator.make_decorator_spec()}"
    # A mutator that found one of these and put another in its place does so again in the task, if it finds it there.
    inserted = {decorator.name for decorator in node.decorators if is_inserted(decorator)}
    yield from (f"--with={spec}" for spec in job.decorator_specs if spec.partition(":")[0].strip() in inserted)
    if job.on_kubernetes and "kubernetes" in inserted:
        yield _with_kubernetes(pod)


def _with_kubernetes(pod: Mapping[str, Any]) -> str:
    """In the pod it notes where the task runs and keeps its logs; the pod's shape is Airflow's business."""
    return f"--with={_spec('kubernetes', {key: pod[key] for key in ('tmpfs_path', 'tmpfs_tempdir') if key in pod})}"


def _spec(name: str, attributes: Mapping[str, Any]) -> str:
    """``name:key=value,...`` with JSON values. Metaflow itself writes False as a string, and reads it as true."""
    values = ",".join(f"{key}={_spec_value(value)}" for key, value in attributes.items())
    return f"{name}:{values}" if values else name


def _spec_value(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except ValueError:
        return value
    return json.dumps(value)


def _flow_options(obj: Any) -> Iterator[str]:
    for name, value in flow_options(obj.flow).items():
        if value is True:
            yield f"--{name}"
        elif isinstance(value, (list, tuple)):  # of an option that may be given several times, as --trigger
            yield from (f"--{name}={each}" for each in value)
        elif value is not None and value is not False:
            yield f"--{name}={value}"

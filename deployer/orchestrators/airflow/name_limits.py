"""Names that Airflow would refuse when it imports the DAG file: of the code, at its line, and of the manifest."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.errors import Diagnostic
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow
from deployer.models.flow_location import flow_location
from deployer.orchestrators.airflow.names import (
    MAX_DISPLAY_NAME,
    MAX_LENGTH,
    MAX_OWNER,
    MAX_TAG,
    branch_suffix,
    dag_id,
    is_valid,
    is_valid_pool,
    own_tags,
)

_SHOWN = 40  # characters of a name that is too long


def check(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    """A diagnostic for each name that is too long, or has characters that Airflow does not allow.

    Names that we make ourselves, those of task groups, are shortened instead.
    """
    yield from _dag_id(deployment, flow)
    yield from _steps(deployment, flow)
    yield from _tags(deployment)
    yield from _texts(deployment)


def _dag_id(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    name = dag_id(deployment, flow)
    if not is_valid(name):
        allowed = f"use letters, digits, '_', '.' and '-', at most {MAX_LENGTH} characters"
        path, hint, branch = f"flows.{deployment.name}.dag_id" if deployment.dag_id else "", "set dag_id", ""
        if is_valid(name.removesuffix(branch_suffix(deployment))):
            branch = f" with the branch {deployment.own_branch.name!r}"
            hint = f"set a shorter dag_id, to which {branch_suffix(deployment)!r} is added, or use a shorter branch"
        message = f"{_shorten(name)}{branch} is not a valid DAG id: {allowed}"
        yield Diagnostic("bad-dag-id", message, deployment.source("dag_id"), path, hint)


def _steps(deployment: Deployment, flow: Flow) -> Iterator[Diagnostic]:
    for step in flow.steps:
        if not is_valid(step.name):
            message = (
                f"the step {_shorten(step.name)} has a name of {len(step.name)} characters, which is not a valid id of"
                " an Airflow task"
            )
            hint = f"use letters, digits and '_', at most {MAX_LENGTH} characters"
            yield Diagnostic("bad-task-id", message, flow_location(deployment, step.line), hint=hint)


def _tags(deployment: Deployment) -> Iterator[Diagnostic]:
    path = f"flows.{deployment.name}.tags"
    for tag in deployment.tags:
        if len(tag) > MAX_TAG:
            message = f"the tag {_shorten(tag)} is longer than the {MAX_TAG} characters that Airflow allows"
            yield Diagnostic("bad-tag", message, deployment.source("tags"), path)
    environment = deployment.environment
    for what, tag in own_tags(deployment).items():
        if len(tag) > MAX_TAG:
            message = f"the {what}'s name makes the tag {_shorten(tag)}: Airflow allows {MAX_TAG} characters"
            yield Diagnostic("bad-tag", message, environment.location, hint=f"give the {what} a shorter name")


def _texts(deployment: Deployment) -> Iterator[Diagnostic]:
    pool = deployment.worker_pool
    if pool is not None and not is_valid_pool(pool):
        message = f"{_shorten(pool)} is not a name of a pool that each Airflow takes"
        hint = f"use letters, digits, '_', '.' and '-', at most {MAX_LENGTH} characters"
        yield _of_setting(deployment, "worker_pool", "bad-pool", message, hint)
    for name, most in (("owner", MAX_OWNER), ("display_name", MAX_DISPLAY_NAME)):
        text = getattr(deployment, name)
        if text is not None and len(text) > most:
            message = f"{_shorten(text)} has {len(text):,} characters, and Airflow keeps {most:,} at most"
            yield _of_setting(deployment, name, "too-long", message, "shorten it")


def _of_setting(deployment: Deployment, name: str, code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, message, deployment.source(name), f"flows.{deployment.name}.{name}", hint)


def _shorten(name: str) -> str:
    return repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")

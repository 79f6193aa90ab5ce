"""When Airflow ends a task: after Metaflow's own time limit, which is what a step is to be ended by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from deployer.kubernetes import pods
from deployer.models.deployment import Deployment
from deployer.models.flow import Flow

# Airflow's timeout is a safety net for the limit of the step, and must come later.
_MARGIN = timedelta(minutes=5)


def default_timeout(deployment: Deployment, flow: Flow) -> timedelta:
    """Airflow's timeout of a step without `@timeout` whose pod starts as the flow's others do."""
    limit = timedelta(seconds=flow.default_time_limit)
    if deployment.environment.compute == "local":
        # On a worker nothing else ends such a step.
        return limit
    return limit + _margin({**pods.HANDLING, **deployment.kubernetes.handling()})


def own_timeouts(deployment: Deployment, flow: Flow) -> dict[str, timedelta]:
    """Airflow's timeout of each step whose timeout is another one."""
    default = default_timeout(deployment, flow)
    found = {}
    for step in flow.steps:
        if deployment.environment.compute == "kubernetes":
            margin = _margin({**pods.HANDLING, **deployment.pod_handling(step.name)})
        else:
            margin = _MARGIN if step.timeout_seconds is not None else timedelta()
        found[step.name] = timedelta(seconds=flow.time_limit(step)) + margin
    return {name: timeout for name, timeout in found.items() if timeout != default}


def _margin(handling: Mapping[str, object]) -> timedelta:
    """The time limit of a pod counts from its start, before which Airflow waits for a node and then for the image."""
    startup = handling["startup_timeout_seconds"]
    assert isinstance(startup, int)
    return _MARGIN + 2 * timedelta(seconds=startup)

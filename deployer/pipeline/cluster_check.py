"""Checks by a dry run whether the clusters accept the pods. Each distinct pod is checked once.

A problem is reported at the line that decides it: in a manifest, or in the code of the flow.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.kubernetes.access import Access, ClusterError
from deployer.kubernetes.check import Finding, check_pods
from deployer.kubernetes.pod_fields import setting_of, setting_of_resource
from deployer.models.deployment import Environment
from deployer.models.desired import Desired, DesiredState
from deployer.models.flow import Step
from deployer.orchestrators.protocol import Orchestrator
from deployer.pipeline.setting_locations import SettingLocations
from deployer.targets.redaction import Redaction

# Labels that differ between otherwise equal pods.
_OWN_LABELS = ("dag_id", "task_id")
_MOST_FLOWS = 10


@dataclass
class DistinctPod:
    """The manifest of a pod, and the steps that use such a pod."""

    manifest: Mapping[str, Any]
    users: list[tuple[Desired, Step]] = field(default_factory=list)


def check_clusters(
    state: DesiredState, names: Collection[str], asked: bool | None, context: Context
) -> list[Diagnostic]:
    """All problems that the clusters of the environments `names` report. Nothing is changed there.

    `asked` is True for all of these environments, None for those whose manifest has `check: true`, False for none.
    """
    if asked is False:
        return []
    locations = SettingLocations(state.manifests.locations)
    environments = [state.manifests.environments[name] for name in sorted(names)]
    found = list(_without_pods(environments, locations)) if asked else []
    for environment in environments:
        items = [item for item in state.items if item.deployment.environment.name == environment.name]
        if items and environment.compute == "kubernetes" and (asked or environment.check_cluster):
            found += _check(environment, items, locations, context)
    return found


def _without_pods(environments: Sequence[Environment], locations: SettingLocations) -> Iterator[Diagnostic]:
    """Environments without pods: an error if no environment has any, else a warning."""
    none_has_pods = all(environment.compute == "local" for environment in environments)
    for environment in environments:
        if environment.compute == "local":
            path = f"environments.{environment.name}.compute"
            yield Diagnostic(
                code="nothing-to-check",
                message="--check-cluster has nothing to check: an environment with `compute: local` has no pods",
                location=locations.of(path, environment.location),
                path=path,
                hint="remove --check-cluster, or select an environment with `compute: kubernetes`"
                if none_has_pods
                else "",
                severity=Severity.ERROR if none_has_pods else Severity.WARNING,
            )


def _check(
    environment: Environment, items: Iterable[Desired], locations: SettingLocations, context: Context
) -> list[Diagnostic]:
    pods = _distinct(items, context.orchestrator(environment))
    context.progress(f"checking the pods in the cluster of {environment.name}")
    manifests = [pod.manifest for pod in pods]
    if unset := _unset_variables(environment, locations):
        return unset
    redaction = Redaction(environment.check_context or environment.target)
    waits = redaction.waits(context.waits)
    try:
        findings = check_pods(_access(environment), context.environ, manifests, context.progress, waits)
    except ClusterError as error:
        return [redaction.of_problem(_unreachable(environment, error, locations))]
    return [redaction.of_problem(found) for found in _merged(environment, findings, pods, locations)]


def _unset_variables(environment: Environment, locations: SettingLocations) -> list[Diagnostic]:
    """Environment variables that `check_context` needs and that whoever plans does not have."""
    secrets = environment.check_context.secrets if environment.check_context else ()
    # A variable that is not set stands for itself until it is needed.
    names = [reference.partition(".")[2].rstrip("}") for reference, value in secrets if value == reference]
    path, location = locations.of_cluster(environment, "check_context")
    hint = "set it, or skip the check with --no-check-cluster"
    return [
        Diagnostic("unset-variable", f"the environment variable {name} is not set", location, path, hint)
        for name in names
    ]


def _access(environment: Environment) -> Access:
    settings = environment.kubernetes
    if environment.check_context:
        return Access(environment.check_context.resolved, settings.kubeconfig, "check_context")
    return Access(settings.context, settings.kubeconfig)


def _unreachable(environment: Environment, error: ClusterError, locations: SettingLocations) -> Diagnostic:
    setting = "check_context" if error.setting and environment.check_context else error.setting
    path, location = locations.of_cluster(environment, setting)
    hint = f"{error.hint + '; ' if error.hint else ''}--no-check-cluster skips the check"
    return Diagnostic("cluster-unreachable", f"the check failed: {error.message}", location, path, hint)


def _distinct(items: Iterable[Desired], orchestrator: Orchestrator) -> list[DistinctPod]:
    """The pods that a cluster can tell apart, in the order of the deployments."""
    found: dict[str, DistinctPod] = {}
    for item in items:
        manifests = orchestrator.pods(item.deployment, item.flow)
        for step in item.flow.steps:
            manifest = manifests[step.name]
            found.setdefault(_identity(manifest), DistinctPod(manifest)).users.append((item, step))
    return list(found.values())


def _identity(manifest: Mapping[str, Any]) -> str:
    """A key that is equal for equal pods. It ignores the names of flow and task and the values of variables."""
    metadata = manifest["metadata"]
    annotations = {key: text for key, text in metadata["annotations"].items() if not key.startswith("metaflow/")}
    labels = {key: text for key, text in metadata["labels"].items() if key not in _OWN_LABELS}
    containers = [
        {**container, "env": sorted(variable["name"] for variable in container.get("env", ()))}
        for container in manifest["spec"]["containers"]
    ]
    spec = {**manifest["spec"], "containers": containers}
    return json.dumps([metadata["namespace"], labels, annotations, spec], sort_keys=True)


def _merged(
    environment: Environment, findings: Iterable[Finding], pods: Sequence[DistinctPod], locations: SettingLocations
) -> Iterator[Diagnostic]:
    """One diagnostic for each problem at each line, naming all flows and steps that it affects."""
    users: dict[Diagnostic, list[tuple[Desired, Step]]] = {}
    for finding in findings:
        problem = finding.problem
        for number, pod_field in finding.pods:
            pod = pods[number]
            setting = _setting(pod.manifest, pod_field, problem.resource)
            for item, step in pod.users:
                path, location = locations.of_pod(item, step, setting, pod.manifest, pod_field)
                found = Diagnostic(problem.code, problem.message, location, path, problem.hint, problem.severity)
                users.setdefault(found, []).append((item, step))
    for found, affected in users.items():
        yield _with_flows(found, affected, environment)


def _setting(pod: Mapping[str, Any], pod_field: str, resource: str) -> str:
    if resource == "limits":
        return "qos"
    if resource:
        return setting_of_resource(resource) or "namespace"
    return setting_of(pod, pod_field)


def _with_flows(found: Diagnostic, users: Sequence[tuple[Desired, Step]], environment: Environment) -> Diagnostic:
    """The diagnostic with its flows and steps. If it affects one flow and no setting, it points to the flow's entry."""
    flows: dict[str, tuple[Desired, list[str]]] = {}
    for item, step in users:
        steps = flows.setdefault(item.deployment.name, (item, []))[1]
        if step.name not in steps:
            steps.append(step.name)
    named = [f"{name} ({_steps(item, steps)})" for name, (item, steps) in sorted(flows.items())]
    rest = f" and {len(named) - _MOST_FLOWS} more flows" if len(named) > _MOST_FLOWS else ""
    location, path = found.location, found.path
    if len(flows) == 1 and path == SettingLocations.of_no_setting(environment):
        deployment = next(iter(flows.values()))[0].deployment
        location, path = deployment.location, f"flows.{deployment.name}"
    message = f"{found.message}, for {', '.join(named[:_MOST_FLOWS])}{rest}"
    return Diagnostic(found.code, message, location, path, found.hint, found.severity)


def _steps(item: Desired, steps: Sequence[str]) -> str:
    if len(steps) == len(item.flow.steps):
        return "all steps"
    return f"step{'' if len(steps) == 1 else 's'} {', '.join(steps)}"

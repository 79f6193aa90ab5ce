"""Finds the line that decides a setting of a pod: in the strongest manifest layer, else in the flow's code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from deployer.description.values import POD_DEFAULTS
from deployer.errors import Location
from deployer.kubernetes.pod_fields import ENVIRONMENT, TIMEOUT
from deployer.models.deployment import Deployment, Environment, PodSettings
from deployer.models.desired import Desired
from deployer.models.flow import Step
from deployer.models.flow_location import flow_location

# Metaflow settings that are defaults of `@kubernetes` attributes with another name.
_METAFLOW = {"image": "CONTAINER_IMAGE", "image_pull_policy": "IMAGE_PULL_POLICY"}


class SettingLocations:
    """The locations of all settings of the manifests, by path in the document."""

    def __init__(self, locations: Mapping[str, Location]) -> None:
        self._locations = locations
        self._paths: dict[Location, list[str]] = {}
        for path, location in locations.items():
            self._paths.setdefault(location, []).append(path)

    def of(self, path: str, otherwise: Location) -> Location:
        """Where a path of the document was written."""
        return self._locations.get(path, otherwise)

    @staticmethod
    def of_no_setting(environment: Environment) -> str:
        """The path for problems that no setting decides: the pod settings of the environment."""
        return f"environments.{environment.name}.kubernetes"

    def of_cluster(self, environment: Environment, setting: str) -> tuple[str, Location]:
        """Path and location of a setting that selects the cluster, else of the environment's pod settings."""
        whole = self.of_no_setting(environment)
        for path in ((f"{whole}.{setting}",) if setting else ()) + (whole,):
            if path in self._locations:
                return path, self._locations[path]
        return f"environments.{environment.name}", environment.location

    def of_pod(
        self, item: Desired, step: Step, setting: str, pod: Mapping[str, Any], field: str
    ) -> tuple[str, Location]:
        """Path (empty for the flow's code) and location of the line that decides a setting of a pod."""
        deployment = item.deployment
        root = setting.partition(".")[0]
        # A secret for all pods comes from a Metaflow setting, even if the step has its own secrets.
        secret = _secret(pod, field) if root == "secrets" else ""
        is_common = secret != "" and secret not in step.pod.get("secrets", ())
        written = None if is_common else self._written(deployment, step, setting, root)
        if written is not None:
            return written
        metaflow = self._metaflow(deployment.environment, step, root, is_common)
        if metaflow is not None:
            return metaflow
        of_code = root == ENVIRONMENT or (root == TIMEOUT and step.timeout_seconds is not None)
        if of_code or _is_explicit(step, root):
            return "", flow_location(deployment, step.line)
        whole = self.of_no_setting(deployment.environment)
        return whole, self._locations.get(whole, deployment.environment.location)

    def _written(self, deployment: Deployment, step: Step, setting: str, root: str) -> tuple[str, Location] | None:
        for given, prefix in (
            (deployment.steps.get(step.name, PodSettings()), f"steps.{step.name}"),
            (deployment.kubernetes, "kubernetes"),
        ):
            if root in given.model_fields_set:
                source = self._source(deployment, f"{prefix}.{setting}", f"{prefix}.{root}")
                return self._path(deployment, source, prefix), source
        return None

    def _source(self, deployment: Deployment, exact: str, root: str) -> Location:
        if exact in deployment.sources:
            return deployment.sources[exact]
        below = [location for path, location in sorted(deployment.sources.items()) if f"{path}.".startswith(f"{root}.")]
        return below[0] if below else deployment.location

    def _path(self, deployment: Deployment, source: Location, prefix: str) -> str:
        """The path at a location. With YAML aliases there may be several: the one in a layer of this deployment."""
        own = f"flows.{deployment.name}."
        layers = (
            f"{own}overrides.{deployment.environment.name}.",
            own,
            f"environments.{deployment.environment.name}.",
            "defaults.",
        )
        paths = self._paths.get(source, [])
        for layer in layers:
            for path in paths:
                if path.startswith(f"{layer}{prefix}."):
                    return path
        return paths[0] if paths else f"flows.{deployment.name}"

    def _metaflow(
        self, environment: Environment, step: Step, root: str, is_common: bool
    ) -> tuple[str, Location] | None:
        """The Metaflow setting of the environment that gives an attribute its value; None if there is none."""
        variable = f"METAFLOW_KUBERNETES_{_METAFLOW.get(root, root.upper())}"
        text = environment.metaflow.get(variable)
        if not root or text is None or not (is_common or _comes_from(text, step.pod.get(root))):
            return None
        path = f"environments.{environment.name}.metaflow"
        for written in (f"{path}.{variable}", f"{path}.profile"):
            if written in self._locations:
                return written, self._locations[written]
        return None


def _secret(pod: Mapping[str, Any], field: str) -> str:
    """The name of the secret in an envFrom item; empty if the field is not one."""
    number = re.search(r"envFrom\[(\d+)\]", field)
    return str(pod["spec"]["containers"][0]["envFrom"][int(number[1])]["secretRef"]["name"]) if number else ""


def _is_explicit(step: Step, root: str) -> bool:
    """Whether the value of an attribute differs from Metaflow's default: else the problem is one of the manifest."""
    value = step.pod.get(root)
    return value is not None and str(value).lower() != POD_DEFAULTS.get(root)


def _comes_from(text: str, value: Any) -> bool:
    """Whether an attribute may have its value from a Metaflow setting."""
    if value is None:
        return False
    if isinstance(value, (list, tuple)):
        return all(str(each) in text for each in value)
    return str(value) == text

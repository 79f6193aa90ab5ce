"""Finds the line that says what a deployment uses: a setting of the manifests, or a decorator of the flow."""

from __future__ import annotations

from collections.abc import Mapping

from deployer.errors import Location
from deployer.models.deployment import Deployment, Environment
from deployer.models.desired import Desired
from deployer.models.flow_location import flow_location
from deployer.models.limits import Use
from deployer.pipeline.origins import location_of
from deployer.pipeline.setting_locations import SettingLocations


class UseLocations:
    """The locations of what deployments use. `locations` are those of the manifests, by path."""

    def __init__(self, locations: Mapping[str, Location]) -> None:
        self._locations = locations
        self._settings = SettingLocations(locations)

    def of(self, item: Desired, use: Use) -> Location:
        """The line that decides it; where a default does, that of the flow's entry or of the environment."""
        deployment = item.deployment
        if use.kind in ("environments", "compute"):
            return self._of_environment(deployment.environment, use)
        if use.kind == "names":
            return deployment.source("dag_id")
        if use.field.startswith("settings.cluster."):
            return self._settings.of_cluster(deployment.environment, use.field.rpartition(".")[2])[1]
        if use.field.startswith("settings.variables."):
            return self._of_variable(deployment, use.field.rpartition(".")[2])
        return self._of_code(item, use) or location_of(item, use.field) or deployment.location

    def _of_environment(self, environment: Environment, use: Use) -> Location:
        whole = f"environments.{environment.name}"
        path = f"{whole}.compute" if use.kind == "compute" else whole
        return self._locations.get(path, environment.location)

    def _of_variable(self, deployment: Deployment, name: str) -> Location:
        environment = deployment.environment
        whole = f"environments.{environment.name}"
        for path in (f"{whole}.metaflow.{name}", f"{whole}.metaflow.profile"):
            if path in self._locations:
                return self._locations[path]
        return environment.location

    def _of_code(self, item: Desired, use: Use) -> Location | None:
        """What a step, a sensor or a hook uses; None where the flow was not compiled."""
        flow = item.compiled
        if flow is None:
            return None
        if use.step:
            return self._settings.of_pod(item, flow.step(use.step), use.field.rpartition(".")[2], {}, "")[1]
        lines = [each.line for each in flow.sensors if use.field.startswith(f"settings.sensors.{each.name}.")]
        lines += [each.line for each in flow.hooks if each.image == use.value and use.kind == "images"]
        return flow_location(item.deployment, lines[0]) if lines else None

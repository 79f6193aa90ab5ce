"""Resolves the manifests: every flow in each of its environments, complete and frozen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError

from deployer.errors import Location
from deployer.manifest.branches import own_branch
from deployer.manifest.environments import Layer
from deployer.manifest.fields import ResolvedPath, bare_type, keys_of
from deployer.manifest.formats import NO_SCHEDULE
from deployer.manifest.keys import FlowEntry, FlowIdentity, FlowSettings, Schedule
from deployer.manifest.merge import merge
from deployer.manifest.nodes import Entry, Items, Map, Report, Scalar, dotted, leaves, to_data
from deployer.manifest.paths import resolve_path
from deployer.models.deployment import Deployment, Environment

# What a resolved entry of a flow shows, in this order; the other keys of an entry say to which environments it goes.
_SHOWN: Final = [*keys_of(FlowIdentity), *keys_of(FlowSettings)]
_STRUCTURE: Final = frozenset(keys_of(FlowEntry)) - frozenset(_SHOWN)
_CLASS: Final = re.compile(r"^class\s+(\w+)", re.MULTILINE)
_PATHS: Final = [name for name, field in keys_of(FlowEntry).items() if bare_type(field.annotation) is ResolvedPath]
_PATHS_BY_NAME: Final = [
    name for name, field in keys_of(FlowEntry).items() if ResolvedPath in get_args(field.annotation)
]


def _environments(flow: Map, environments: Iterable[str]) -> list[str]:
    named = flow.get("environments")
    if not isinstance(named, Items):
        return sorted(environments)
    names = {item.value for item in named.nodes if isinstance(item, Scalar)}
    return sorted(name for name in environments if name in names)


def resolve_flow(
    name: str, entry: Entry, defaults: Map, layers: Mapping[str, Layer], root: Path, report: Report
) -> Iterator[Deployment]:
    """The deployments of one flow, `layers` being those of the environments and `root` the project's folder.

    A key that is missing in all layers together is reported.
    """
    flow = entry.node
    assert isinstance(flow, Map)
    own = Map({key: item for key, item in flow.entries.items() if key not in _STRUCTURE}, flow.location)
    for environment in _environments(flow, layers):
        layer = layers[environment]
        override = flow.get("overrides", environment)
        above = (own, override) if isinstance(override, Map) else (own,)
        merged = merge([defaults, layer.settings, *above])
        try:
            deployment = _build(name, entry.key, layer, merged, root)
        except ValidationError as invalid:
            _report_missing(invalid, merged, report)
        else:
            yield deployment


def _report_missing(invalid: ValidationError, merged: Map, report: Report) -> None:
    for error in invalid.errors(include_url=False, include_input=False):
        # Each layer is valid by itself: nothing else can be wrong with all of them.
        assert error["type"] == "missing"
        *path, key = error["loc"]
        whole = merged.get(*map(str, path))
        assert isinstance(whole, Map)
        location = min((item.key for item in whole.entries.values()), default=whole.location)
        # Without the flow's name: one line in `defaults` is one problem, however many flows it makes.
        message = f"the key {key!r} is missing, and no other layer of the settings has it"
        report.error("missing-key", message, location, tuple(path), f"write it, or leave {path[-1]!r} out")


def _build(name: str, location: Location, layer: Layer, merged: Map, root: Path) -> Deployment:
    """The deployment of merged settings. Raises ValidationError for those that are not complete."""
    data: dict[str, Any] = to_data(merged)
    if data.get("branch") == "":
        del data["branch"]
    deployment = Deployment(
        name=name,
        environment=layer.environment,
        own_branch=own_branch(merged, production=layer.environment.production),
        location=location,
        project_folder=root,
        sources={**layer.sources, **dict(leaves(merged)), **dict(_of_triggers(merged))},
        entry={key: data[key] for key in _SHOWN if key in data},
        **{**_of_environment(layer.environment), **data, **_resolved_paths(merged)},
    )
    return deployment if layer.environment.schedules else _without_schedule(deployment)


def _of_triggers(merged: Map) -> Iterator[tuple[str, Location]]:
    """The locations of the items of `triggers`, which are wrong each by itself, and of what is below them."""
    listed = merged.get("triggers")
    for at, item in enumerate(listed.nodes if isinstance(listed, Items) else ()):
        yield dotted(("triggers", at)), item.location
        if isinstance(item, Map):
            yield from leaves(item, ("triggers", at))


def with_siblings(deployments: Iterable[Deployment]) -> list[Deployment]:
    """The deployments with the DAG ids that the manifests write in their environment and that a branch changes."""
    deployments = list(deployments)
    of_branch: dict[str, dict[str, str]] = {}
    of_flow: dict[str, dict[str, str]] = {}
    for each in deployments:
        if not each.dag_id:
            continue
        name, environment = each.own_branch.in_name(each.dag_id), each.environment.name
        if each.own_branch.name:
            of_branch.setdefault(environment, {})[each.dag_id] = name
        for flow in classes_of(each):
            # Of a flow that is deployed twice nobody knows which one is meant.
            named = of_flow.setdefault(environment, {})
            named[flow] = name if named.setdefault(flow, name) == name else ""
    found = {"branch_dag_ids": of_branch, "flow_dag_ids": of_flow}
    return [each.model_copy(update=_siblings(found, each.environment.name)) for each in deployments]


def _siblings(found: Mapping[str, Mapping[str, Mapping[str, str]]], environment: str) -> dict[str, Mapping[str, str]]:
    return {field: ids[environment] for field, ids in found.items() if environment in ids}


def classes_of(deployment: Deployment) -> Sequence[str]:
    """The class of a deployment's flow where the manifest names it, else the classes that its file seems to define."""
    if deployment.class_name:
        return (deployment.class_name,)
    try:
        return _CLASS.findall(Path(deployment.file.resolved).read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ()


def _without_schedule(deployment: Deployment) -> Deployment:
    own = ("schedule.", "triggers.")
    sources = {path: at for path, at in deployment.sources.items() if not path.startswith(own)}
    entry = {**deployment.entry, "schedule": NO_SCHEDULE}
    entry.pop("triggers", None)
    return deployment.model_copy(
        update={
            "schedule": Schedule(cron=None),
            "triggers": (),
            "sources": {**sources, "schedule": sources["schedules"]},
            "entry": {key: entry[key] for key in _SHOWN if key in entry},
        }
    )


def _of_environment(environment: Environment) -> dict[str, str]:
    """The defaults that an environment decides."""
    # Of production there is one, unless somebody names a branch of it.
    found = {"owner": environment.project, "branch": "" if environment.production else environment.name}
    return {name: value for name, value in found.items() if value}


def _resolved_paths(merged: Map) -> dict[str, ResolvedPath | dict[str, ResolvedPath]]:
    found: dict[str, ResolvedPath | dict[str, ResolvedPath]] = {}
    for name in _PATHS:
        node = merged.get(name)
        if isinstance(node, Scalar):
            found[name] = resolve_path(node)
    for name in _PATHS_BY_NAME:
        named = merged.get(name)
        if isinstance(named, Map):
            nodes = {key: entry.node for key, entry in named.entries.items()}
            found[name] = {key: resolve_path(node) for key, node in nodes.items() if isinstance(node, Scalar)}
    return found

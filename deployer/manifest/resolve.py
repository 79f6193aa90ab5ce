"""Resolves the manifests: every flow in each of its environments, complete and frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from deployer.errors import Location
from deployer.manifest import keys as written
from deployer.manifest.environments import Layer
from deployer.manifest.keys import NO_SCHEDULE
from deployer.manifest.merge import merge
from deployer.manifest.nodes import Entry, Items, Map, Report, Scalar, leaves, to_data
from deployer.manifest.places import local_place
from deployer.models.deployment import Deployment, ResolvedPath, Schedule

# Metaflow's own: what @retry says when only `times` is given.
MINUTES_BETWEEN: Final = 2
_STRUCTURE: Final = frozenset(("environments", "overrides"))
_ORDER: Final = ["file", "class", "dag_id", *written.FLOW_SETTINGS.keys]
# Keys of a manifest and fields of a Deployment that hold the same value.
_SAME: Final = (
    "dag_id",
    "parameters",
    "max_workers",
    "max_active_runs",
    "catchup",
    "start_date",
    "namespace",
    "workflow_timeout",
    "worker_pool",
    "paused",
    "description",
    "package_environment",
    "config_values",
    "kubernetes",
    "steps",
)
_LISTS: Final = {"tags": "tags", "with": "decorators", "package_suffixes": "package_suffixes"}


def _environments(flow: Map, environments: Iterable[str]) -> list[str]:
    named = flow.get("environments")
    if not isinstance(named, Items):
        return sorted(environments)
    names = {item.value for item in named.nodes if isinstance(item, Scalar)}
    return sorted(name for name in environments if name in names)


def resolve_flow(
    name: str, entry: Entry, defaults: Map, layers: Mapping[str, Layer], report: Report
) -> Iterator[Deployment]:
    """The deployments of one flow, `layers` being those of the environments. A setting left half said is reported."""
    flow = entry.node
    assert isinstance(flow, Map)
    own = Map({key: item for key, item in flow.entries.items() if key not in _STRUCTURE}, flow.location)
    for environment in _environments(flow, layers):
        layer = layers[environment]
        override = flow.get("overrides", environment)
        above = (own, override) if isinstance(override, Map) else (own,)
        merged = merge([defaults, layer.settings, *above])
        if _is_whole(merged, report):
            yield _build(name, entry.key, layer, merged)


def _is_whole(merged: Map, report: Report) -> bool:
    before = report.errors
    for setting, first in (("schedule", "cron"), ("retries", "times")):
        whole = merged.entries.get(setting)
        if whole is None or not isinstance(whole.node, Map) or first in whole.node.entries:
            continue
        place = min((item.key for item in whole.node.entries.values()), default=whole.node.location)
        # Without the flow's name: one line in `defaults` is one problem, however many flows it makes.
        message = f"the key {first!r} is missing, and no other layer of the settings has it"
        report.error("missing-key", message, place, (setting,), f"write it, or leave {setting!r} out")
    return report.errors == before


def _build(name: str, place: Location, layer: Layer, merged: Map) -> Deployment:
    environment = layer.environment
    data: dict[str, Any] = to_data(merged)
    schedule = _schedule(data)
    sources = {**layer.sources, **dict(leaves(merged))}
    if not layer.schedules:
        schedule = Schedule(None, None)
        data["schedule"] = NO_SCHEDULE
        sources = {path: at for path, at in sources.items() if not path.startswith("schedule.")}
        sources["schedule"] = sources["schedules"]
    fields: dict[str, Any] = {key: data[key] for key in _SAME if key in data}
    fields |= {field: tuple(data[key]) for key, field in _LISTS.items() if key in data}
    return Deployment(
        name=name,
        environment=environment,
        file=_place(merged, "file"),
        location=place,
        class_name=data.get("class"),
        python=_place(merged, "python") if "python" in data else None,
        # Of production there is one, unless somebody names a branch of it.
        branch=data.get("branch", "" if environment.production else environment.name),
        schedule=schedule,
        retries=_retries(data),
        owner=data.get("owner", environment.project),
        config_files={key: _place(merged, "config_files", key) for key in data.get("config_files", {})},
        sources=sources,
        entry={key: data[key] for key in _ORDER if key in data},
        **fields,
    )


def _place(merged: Map, *names: str) -> ResolvedPath:
    node = merged.get(*names)
    assert isinstance(node, Scalar)
    return local_place(node)


def _schedule(data: Mapping[str, Any]) -> Schedule | None:
    said = data.get("schedule")
    if said is None:
        return None
    if said["cron"] in (None, NO_SCHEDULE):
        return Schedule(None, None)
    return Schedule(said["cron"], said.get("timezone"))


def _retries(data: Mapping[str, Any]) -> tuple[int, float] | None:
    said = data.get("retries")
    return (said["times"], said.get("minutes_between", MINUTES_BETWEEN)) if said is not None else None

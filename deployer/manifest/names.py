"""Checks what one part of the manifests says about another: the names of environments, and DAG ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from deployer.errors import nearest
from deployer.manifest.nodes import Entry, Items, Map, Node, Path, Report, Scalar, is_text, shorten
from deployer.models.deployment import Deployment, Environment


def check_environments(flow: Node, path: Path, known: Mapping[str, Entry], report: Report) -> None:
    """The environments that a flow names exist, and its overrides are for environments that it is deployed to."""
    if not isinstance(flow, Map):
        return
    named = flow.get("environments")
    listed = _listed(named, (*path, "environments"), known, report) if isinstance(named, Items) else None
    overrides = flow.get("overrides")
    if not isinstance(overrides, Map):
        return
    for name, entry in overrides.entries.items():
        if name not in known:
            _unknown(name, entry, (*path, "overrides", name), known, report)
        elif listed is not None and name not in listed:
            message = f"the flow is not deployed to {name!r}"
            hint = f"add {name!r} to its `environments`, or remove this"
            report.error("unused-override", message, entry.key, (*path, "overrides", name), hint)


def _listed(named: Items, path: Path, known: Mapping[str, Entry], report: Report) -> set[str]:
    names: set[str] = set()
    for at, item in enumerate(named.nodes):
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or item.broken:
            continue
        if item.value not in known:
            _unknown(item.value, Entry(item.location, item), (*path, at), known, report)
        elif item.value in names:
            report.error("duplicate-name", f"{item.value!r} is listed twice", item.location, (*path, at))
        names.add(item.value)
    return names


def check_promotion(name: str, environment: Node, path: Path, known: Mapping[str, Entry], report: Report) -> None:
    """The environment that another is promoted from exists, and is another one."""
    entry = environment.entries.get("promotes_from") if isinstance(environment, Map) else None
    if entry is None or not is_text(entry.node):
        return
    value = str(entry.node.value)
    path = (*path, "promotes_from")
    if value == name:
        report.error("bad-promotion", f"{name} is promoted from itself", entry.key, path, "name the one before it")
    elif value not in known:
        _unknown(value, entry, path, known, report)


def _unknown(name: str, entry: Entry, path: Path, known: Mapping[str, Entry], report: Report) -> None:
    hint = nearest(name, known) or f"the environments are {', '.join(sorted(known)) or 'none'}"
    report.error("unknown-environment", f"no environment {shorten(name)!r}", entry.key, path, hint)


def check_asked(asked: Iterable[str], known: Mapping[str, Entry], report: Report) -> None:
    """The environments that the caller asked for exist."""
    for name in asked:
        if name not in known:
            hint = nearest(name, known) or f"the environments are {', '.join(sorted(known)) or 'none'}"
            report.error("unknown-environment", f"no environment {shorten(name)!r}", None, hint=hint)


def same_names(named: Iterable[tuple[Deployment, str]]) -> Iterator[tuple[Deployment, Deployment]]:
    """Each deployment with the name of an earlier one at the same target, after that earlier one.

    Names that differ in case only are the same: their files would be one on a disk that takes no notice of case, as
    macOS's, and in a checkout of a git target there.
    """
    seen: dict[tuple[str, str], Deployment] = {}
    for deployment, name in named:
        first = seen.setdefault((deployment.environment.target.resolved, name.casefold()), deployment)
        if first is not deployment:
            yield first, deployment


def check_files(environments: Iterable[Environment], report: Report) -> None:
    """No two environments name their files at one target alike: the index and the history have the name in theirs."""
    seen: dict[tuple[str, str], Environment] = {}
    for environment in environments:
        first = seen.setdefault((environment.target.resolved, environment.name.casefold()), environment)
        if first is not environment:
            message = (
                f"the environments {environment.name!r} and {first.name!r} have one target, and their names differ in "
                "case only: their files would be one on some disks"
            )
            hint = "give one of them another name, or a target of its own"
            path = ("environments", environment.name)
            report.error("duplicate-name", message, environment.location, path, hint)


def check_dag_ids(deployments: Iterable[Deployment], report: Report) -> None:
    """No two deployments name one DAG id at one target. Ids that nobody wrote are known only with the flow's code."""
    ids = [(each, each.own_branch.in_name(each.dag_id)) for each in deployments if each.dag_id is not None]
    names = {each.address: name for each, name in ids}
    for first, deployment in same_names(ids):
        name, earlier = names[deployment.address], names[first.address]
        same = name == earlier
        what = f"both are DAG {name!r}" if same else f"are DAGs {name!r} and {earlier!r}"
        rest = "" if same else ": their ids differ in case only, and their files would be one on some disks"
        message = f"{deployment.address} and {first.address} {what} at one target{rest}"
        hint = "give each its own `dag_id` (in `overrides` for one environment), or leave it out"
        location = deployment.source("dag_id")
        report.error("duplicate-dag-id", message, location, ("flows", deployment.name, "dag_id"), hint)

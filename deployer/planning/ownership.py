"""Whose a DAG file at a target is, and what it means for a deployment that wants its place or its DAG id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.models.desired import Deployed, Desired, NativeDag
from deployer.models.plan import Edit, FieldChange, Reason


def owner(item: Deployed) -> str:
    """The manifest project that deployed a file; empty where none did, or where that cannot be read."""
    return item.record.owner if item.record else ""


def conflict(desired: Desired, item: Deployed, project: str) -> Reason:
    """Why a file that is not ours is in the way, and what would take it over."""
    note, hint = _conflict(item, project, f"--adopt {desired.deployment.address}")
    return Reason("conflict", note=note, hint=hint)


def _conflict(item: Deployed, project: str, adopt: str) -> tuple[str, str]:
    record = item.record
    if item.stock:
        note = f"the DAG {item.stock.name} is there already, in {item.file}, written by Metaflow's airflow create"
        return note, f"to take it over with its history and its namespace: {adopt}"
    if item.later:
        return item.problem, "a later mfdeploy wrote it: use that one"
    if item.problem:
        return item.problem, f"if it is this deployment's, {adopt} writes it anew"
    if record is None:
        note = f"{item.file} is there already and was not written by mfdeploy"
        return note, f"to replace it: {adopt} (the plan then shows what is lost)"
    if record.owner != project:
        note = f"{item.file} is deployed by the manifest project {record.owner!r} ({record.address})"
        return note, f"if this one took its place: {adopt}, or --adopt project:{record.owner} for all that it deployed"
    note = f"{item.file} is deployed by the environment {record.environment!r} ({record.address})"
    return note, f"if this one took its place: {adopt}"


def adopted(desired: Desired, item: Deployed, project: str) -> Reason:
    """What is taken over, and what is known to become another."""
    record = item.record
    if item.stock:
        kept = "its id, its history and its namespace" if item.stock.production_token else "its id and its history"
        note = f"Metaflow's airflow create wrote {item.file}; the DAG keeps {kept}"
        return Reason("adopted", tuple(_stock_differences(item.stock, desired.description)), note=note)
    if record is None:
        note = item.problem or f"{item.file} was not written by mfdeploy; its text is lost"
        return Reason("adopted", note=note, edit=Edit(item.file))
    whose = (
        f"the environment {record.environment!r}"
        if record.owner == project
        else f"the manifest project {record.owner!r}"
    )
    return Reason("adopted", note=f"{whose} deployed it ({record.address})")


def known_of(stock: NativeDag) -> Mapping[str, Any]:
    """What is known of a stock DAG, in the sections of a description."""
    return {
        "code": {"flow": stock.flow},
        "schedule": {"cron": stock.cron},
        "parameters": {name: {"default": value} for name, value in stock.parameters.items()},
    }


def _stock_differences(stock: NativeDag, after: Mapping[str, Any]) -> Iterator[FieldChange]:
    for name in _either(stock.steps, after["graph"]["steps"]):
        before, now = name in stock.steps, name in after["graph"]["steps"]
        yield FieldChange(f"graph.steps.{name}", "there" if before else None, "there" if now else None)
    yield from _changed("schedule.cron", stock.cron, after["schedule"]["cron"])
    for name in sorted(set(stock.parameters) | set(after["parameters"])):
        new = after["parameters"].get(name, {}).get("default")
        yield from _changed(f"parameters.{name}.default", stock.parameters.get(name), new)


def _either(before: Any, after: Any) -> list[str]:
    """The names that are in one of the two."""
    return sorted(set(before) ^ set(after))


def _changed(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    if before != after:
        yield FieldChange(path, before, after)


def by_hand(desired: Desired, place: Deployed | None, item: Deployed) -> Iterator[Reason]:
    """What somebody did by hand to a file of ours: `item` is the one at its place, or another one with this DAG."""
    if item is place and item.name != desired.name:
        note = f"a file with the DAG {item.name} was put over {item.file} by hand; an apply puts {desired.name} back"
        yield Reason("drifted", note=note)
        return
    if item is not place:
        if place is not None and place.name == desired.name:
            note = f"{item.file} is a copy made by hand; an apply deletes it, since one DAG has one file"
        else:
            note = f"the DAG file was renamed to {item.file} by hand; an apply names it {desired.file} again"
        yield Reason("drifted", note=note)
    if not item.intact:
        yield Reason("drifted", note="the DAG file was edited by hand; the edit would be lost", edit=Edit(item.file))

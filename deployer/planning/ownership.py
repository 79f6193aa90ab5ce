"""Who owns a DAG file at a target, and what that means for a deployment that needs its file name or its DAG id."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.description.compare import differences
from deployer.models.description import (
    CronSchedule,
    Description,
    NativeCode,
    NativeDescription,
    NativeParameter,
    NoSchedule,
)
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
    if item.native:
        note = f"the DAG {item.native.name} is there already, in {item.file}, written by Metaflow's airflow create"
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
    """What is taken over, and what is known to change with it."""
    record = item.record
    if item.native:
        kept = "its id, its history and its namespace" if item.native.production_token else "its id and its history"
        note = f"Metaflow's airflow create wrote {item.file}; the DAG keeps {kept}"
        return Reason("adopted", tuple(_native_differences(item.native, desired.description)), note=note)
    if record is None:
        note = item.problem or f"{item.file} was not written by mfdeploy; its text is lost"
        return Reason("adopted", note=note, edit=Edit(item.file))
    whose = (
        f"the environment {record.environment!r}"
        if record.owner == project
        else f"the manifest project {record.owner!r}"
    )
    return Reason("adopted", note=f"{whose} deployed it ({record.address})")


def describe_native(native: NativeDag) -> NativeDescription:
    """What is known of a native DAG, in the sections of a description."""
    return NativeDescription(
        code=NativeCode(flow=native.flow),
        schedule=CronSchedule(kind="cron", cron=native.cron) if native.cron else NoSchedule(kind="none"),
        parameters={name: NativeParameter(default=value) for name, value in native.parameters.items()},
    )


def _native_differences(native: NativeDag, after: Description) -> Iterator[FieldChange]:
    for name in sorted(set(native.steps) ^ set(after.graph.steps)):
        before, now = name in native.steps, name in after.graph.steps
        yield FieldChange(f"graph.steps.{name}", "there" if before else None, "there" if now else None)
    cron = after.schedule.cron if isinstance(after.schedule, CronSchedule) else None
    yield from differences("schedule.cron", native.cron, cron)
    for name in sorted(native.parameters.keys() | after.parameters.keys()):
        new = after.parameters[name].default if name in after.parameters else None
        yield from differences(f"parameters.{name}.default", native.parameters.get(name), new)


def manual_edits(desired: Desired, place: Deployed | None, item: Deployed) -> Iterator[Reason]:
    """What somebody did by hand to a file of ours: `item` is the file at `place`, or another one with this DAG."""
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

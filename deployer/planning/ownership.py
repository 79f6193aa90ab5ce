"""Conflicts with files of other owners, adoption of such files, and manual edits of our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployer.description.compare import differences, order_differences
from deployer.models.description import (
    CronSchedule,
    Description,
    NativeCode,
    NativeDescription,
    NativeParameter,
    NoSchedule,
    times_of,
)
from deployer.models.desired import Deployed, Desired, EnvironmentState, NativeDag
from deployer.models.plan import Edit, FieldChange, Reason
from deployer.models.record import Record

_OTHER_BRANCH = (
    "the flow has the same DAG id in two branches: remove the flow's own `branch` or the branch at the end of its"
    " dag_id, or leave the flow out with --exclude"
)


def owner(item: Deployed) -> str:
    """The manifest project that deployed a file; empty if none did or if its record cannot be read."""
    return item.record.owner if item.record else ""


def conflict(desired: Desired, item: Deployed, project: str) -> Reason:
    """Why the deployment cannot use a file that is not ours, with the option that would adopt the file."""
    note, hint = _conflict(desired, item, project)
    return Reason("conflict", note=note, hint=hint)


def _conflict(desired: Desired, item: Deployed, project: str) -> tuple[str, str]:
    record, adopt = item.record, f"--adopt {desired.deployment.address}"
    if item.native:
        note = f"{item.file}, written by Metaflow's airflow create, already defines the DAG {item.native.name}"
        return note, f"to take it over with its history and its namespace, use {adopt}"
    if item.later:
        return item.problem, "it was written by a newer mfdeploy: upgrade mfdeploy"
    if item.problem:
        return item.problem, f"if it belongs to this deployment, {adopt} writes it again"
    if record is None:
        note = f"{item.file} already exists and was not written by mfdeploy"
        return note, f"to replace it, use {adopt} (the plan then shows what is lost)"
    if record.owner != project:
        note = f"{item.file} is deployed by the manifest project {record.owner!r} ({record.address})"
        return (
            note,
            f"to take it over, use {adopt}, or --adopt project:{record.owner} for all files of that project",
        )
    if record.environment == desired.deployment.environment.name:
        return f"{item.file} is deployed by {_whose_branch(record)} ({record.address})", _OTHER_BRANCH
    note = f"{item.file} is deployed by the environment {record.environment!r} ({record.address})"
    return note, f"to take it over, use {adopt}"


def _whose_branch(record: Record) -> str:
    return f"the branch {record.branch!r}" if record.branch else f"{record.environment!r} without a branch"


def adopted(desired: Desired, item: Deployed, project: str) -> Reason:
    """What is adopted, and the changes that are known."""
    record = item.record
    if item.native:
        preserved = (
            "its id, its history and its namespace" if item.native.production_token else "its id and its history"
        )
        note = f"Metaflow's airflow create wrote {item.file}; the DAG keeps {preserved}"
        return Reason("adopted", tuple(_native_differences(item.native, desired.description)), note=note)
    if record is None:
        note = item.problem or f"{item.file} was not written by mfdeploy; its content is lost"
        return Reason("adopted", note=note, edit=Edit(item.file))
    whose = (
        f"the environment {record.environment!r}"
        if record.owner == project
        else f"the manifest project {record.owner!r}"
    )
    return Reason("adopted", note=f"{whose} deployed it ({record.address})")


def describe_native(native: NativeDag) -> NativeDescription:
    """What is known about a native DAG, as a description."""
    return NativeDescription(
        code=NativeCode(flow=native.flow),
        schedule=CronSchedule(kind="cron", cron=native.cron) if native.cron else NoSchedule(kind="none"),
        parameters={name: NativeParameter(default=value) for name, value in native.parameters.items()},
    )


def _native_differences(native: NativeDag, after: Description) -> Iterator[FieldChange]:
    for name in sorted(set(native.steps) ^ set(after.graph.steps)):
        before, now = name in native.steps, name in after.graph.steps
        yield FieldChange(f"graph.steps.{name}", "there" if before else None, "there" if now else None)
    times = times_of(after.schedule)
    crons: Sequence[str | None] = times.crons if times else (None,)
    yield from differences("schedule.cron", native.cron, crons[0] if len(crons) == 1 else list(crons))
    for name in sorted(native.parameters.keys() | after.parameters.keys()):
        new = after.parameters[name].default if name in after.parameters else None
        yield from differences(f"parameters.{name}.default", native.parameters.get(name), new)
        yield from order_differences(f"parameters.{name}.default", native.parameters.get(name), new)


def manual_edits(desired: Desired, current: Deployed | None, item: Deployed) -> Iterator[Reason]:
    """The manual changes of a file of ours.

    `current` is the file under the desired name; `item` is that file, or another one that holds the same DAG.
    """
    if item is current and item.name != desired.name:
        note = f"{item.file} was replaced by hand with the DAG {item.name}; an apply restores {desired.name}"
        yield Reason("drifted", note=note)
        return
    if item is not current:
        if current is not None and current.name == desired.name:
            note = f"{item.file} is a copy made by hand; an apply deletes it, because a DAG may have only one file"
        else:
            note = f"the DAG file was renamed to {item.file} by hand; an apply renames it back to {desired.file}"
        yield Reason("drifted", note=note)
    if not item.intact:
        yield Reason(
            "drifted", note="the DAG file was edited by hand; an apply overwrites the edit", edit=Edit(item.file)
        )


def is_ours(desired: Desired, item: Deployed, state: EnvironmentState) -> bool:
    """Whether the deployment may use a file: it is ours, or the same DAG of the time before branches were recorded."""
    return state.owns(item) or bool(list(recorded_branch(desired, item, state)))


def is_of_other_branch(item: Deployed, state: EnvironmentState) -> bool:
    """Whether another branch of the same project and environment deployed a file: no branch takes it over."""
    record = item.record
    return record is not None and record.is_owned_by(state.project, state.environment) and not state.owns(item)


def recorded_branch(desired: Desired, item: Deployed, state: EnvironmentState) -> Iterator[Reason]:
    """That an apply notes the branch of a DAG that was deployed before branches were recorded.

    Its id held the branch already, as that of a flow with `@project` does.
    """
    record, branch = item.record, desired.deployment.owner_branch.name
    if record is None or record.branch is not None or not branch or not is_of_other_branch(item, state):
        return
    if (record.address, record.name) == (desired.deployment.address, desired.name):
        yield Reason("moved", note=f"the record will say that it belongs to the branch {branch}")


def rolled_back(record: Record) -> Iterator[Reason]:
    """That a rollback wrote a file of ours which a change is about to undo."""
    if record.restored is None:
        return
    who = f" by {record.provenance.applied_by} at {record.provenance.applied_at}" if record.provenance else ""
    yield Reason("restored", note=f"rolled back to {record.restored}{who}; an apply undoes that")

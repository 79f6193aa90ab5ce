"""Checks that files are what the plan took them for, before any of them is replaced or deleted.

Where reading is slow, a plan takes the content of a file from the index at the target, and whoever may write DAG files
there may write the index. An apply reads each file that it replaces or deletes anyway, for the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deployer.errors import Diagnostic
from deployer.models.description import same_description
from deployer.models.desired import Deployed
from deployer.models.record import Record
from deployer.plan_context import PlanContext
from deployer.state.index import index_file
from deployer.state.survey import target_problem


def misjudged_files(
    plan_context: PlanContext, files: Mapping[tuple[str, str], bytes], versions: Mapping[tuple[str, str], str]
) -> Iterator[Diagnostic]:
    """A problem for each file whose content is not what the plan took it for.

    `files` are the contents by environment and file name, each of its version in `versions`.
    """
    deployed = plan_context.deployed
    for (name, file), content in sorted(files.items()):
        taken_for = deployed.file(name, file)
        if taken_for is None or taken_for.version != versions[name, file]:
            continue
        why = _difference(taken_for, deployed.readers[name].read(file, content, taken_for.version))
        if why:
            environment = plan_context.environments[name]
            index = index_file(environment.project, environment.label)
            hint = f"plan again with --fresh, which does not use the index; or delete {index} there, it is a cache"
            yield target_problem(environment, f"{file} is not what the index of the target says: {why}", hint)


def _identity(record: Record) -> tuple[str, str, str, str, str]:
    return record.owner, record.environment, record.branch or "", record.address, record.name


def _difference(taken_for: Deployed, read: Deployed) -> str:
    """Why a file is not what the plan took it for; empty if it is."""
    expected, found = taken_for.record, read.record
    if read.problem != taken_for.problem:
        return read.problem or "it can be read"
    if found is None or expected is None:
        return "" if found is expected else f"it {'has no' if found is None else 'has a'} record of mfdeploy"
    if _identity(found) != _identity(expected):
        place = f"{found.environment}, branch {found.branch}" if found.branch else found.environment
        return f"it is {found.address} ({found.name}) of the project {found.owner}, environment {place}"
    if read.intact != taken_for.intact:
        return "it is as applied" if read.intact else "it was edited by hand"
    if found.body_digest != expected.body_digest or not same_description(found.description, expected.description):
        return "the description in it is another one"
    return ""

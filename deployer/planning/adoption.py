"""Checks the patterns of `--adopt`, and warns about files that no plan will ever change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.models.desired import DesiredState, EnvironmentState
from deployer.models.plan import Change
from deployer.models.selection import FROM_PROJECT, Selection
from deployer.state.survey import DeployedState


def check_adoptions(
    selection: Selection, changes: Sequence[Change], desired: DesiredState, deployed: DeployedState
) -> list[Diagnostic]:
    """A warning for each pattern that adopts nothing. Raises DeployError for patterns that match no deployment."""
    adopted = {change.address for change in changes if any(reason.word == "adopted" for reason in change.reasons)}
    addresses = sorted(item.deployment.address for item in desired.items)
    owners = _owners(deployed)
    errors, warnings = [], []
    for pattern in selection.adopt:
        one = Selection(selection.manifests, adopt=(pattern,))
        is_project = pattern.startswith(FROM_PROJECT)
        unclaimed = _unclaimed(pattern[len(FROM_PROJECT) :], desired, deployed) if is_project else ()
        if not is_project and not any(map(one.adopts, addresses)):
            hint = nearest(pattern, addresses) or "use an address (prod/train), a pattern of addresses, or project:NAME"
            errors.append(Diagnostic("unknown-address", f"--adopt {pattern}: no deployment matches", hint=hint))
        elif unclaimed:
            listed = ", ".join(unclaimed[:5]) + (", ..." if len(unclaimed) > 5 else "")
            project = pattern.removeprefix(FROM_PROJECT)
            message = f"the project {project!r} still owns files that these manifests do not list: {listed}"
            hint = "add the flow to the manifests and adopt it, or delete the file if it is no longer needed"
            warnings.append(Diagnostic("not-adopted", message, hint=hint, severity=Severity.WARNING))
        elif not any(
            one.adopts(address) or (is_project and pattern[len(FROM_PROJECT) :] in owners) for address in adopted
        ):
            hint = nearest(pattern, [FROM_PROJECT + name for name in sorted(owners)]) if is_project else ""
            message = f"--adopt {pattern}: there is nothing to adopt"
            warnings.append(Diagnostic("nothing-to-adopt", message, hint=hint, severity=Severity.WARNING))
    if errors:
        raise DeployError(errors)
    return warnings


def _unclaimed(owner: str, desired: DesiredState, deployed: DeployedState) -> list[str]:
    """Files of another project in the planned environments that no deployment of these manifests adopts."""
    listed = {item.address for item in desired.manifests.deployments}
    wanted = {(item.deployment.environment.name, item.name) for item in desired.items}
    return [
        item.file
        for state in deployed.states
        for item in state.deployed
        if item.record and item.record.is_owned_by(owner, state.environment)
        if item.record.address not in listed and (state.environment, item.name) not in wanted
    ]


def _owners(deployed: DeployedState) -> set[str]:
    return {item.record.owner for state in deployed.states for item in state.deployed if item.record}


def stray_files(desired: DesiredState, deployed: DeployedState) -> Iterator[Diagnostic]:
    """Files of ours that no plan will ever change: the record is damaged, or the environment no longer exists."""
    wanted = {(item.deployment.environment.name, item.file) for item in desired.items}
    for state in deployed.states:
        yield from _without_branch(state)
        gone: dict[str, list[str]] = {}
        for item in state.deployed:
            if item.problem and (state.environment, item.file) not in wanted:
                yield _stray(f"{state.environment}: {item.problem}", "delete the file if it is no longer needed")
            record = item.record
            if record and record.owner == state.project and record.environment not in desired.manifests.environments:
                gone.setdefault(record.environment, []).append(item.file)
        for name, files in sorted(gone.items()):
            message = (
                f"{state.environment}: the target contains DAGs of the environment {name!r}, which no longer exists"
            )
            listed = ", ".join(sorted(files)[:5]) + (", ..." if len(files) > 5 else "")
            yield _stray(
                f"{message}: {listed}", "restore the environment and run `mfdeploy destroy`, or delete the files"
            )


def _without_branch(state: EnvironmentState) -> Iterator[Diagnostic]:
    """What was deployed without a branch, where no branch is the main one: it belongs to none."""
    if state.branch.main is not None or not state.branch.name:
        return
    records = [item.record for item in state.deployed if item.record and not state.owns(item)]
    files = [each.name for each in records if not each.branch and each.is_owned_by(state.project, state.environment)]
    if files:
        listed = ", ".join(sorted(files)[:5]) + (", ..." if len(files) > 5 else "")
        message = f"{state.environment}: these DAGs were deployed without a branch and belong to none: {listed}"
        yield _stray(message, "give the variable of `branch` a default, or destroy them with an empty one: --var NAME=")


def _stray(message: str, hint: str) -> Diagnostic:
    return Diagnostic("stray-file", message, hint=hint, severity=Severity.WARNING)

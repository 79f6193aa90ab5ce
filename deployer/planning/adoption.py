"""What is said of `--adopt` and of files that no plan can touch: neither may pass without a word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployer.errors import DeployError, Diagnostic, Severity, nearest
from deployer.models.desired import DesiredState
from deployer.models.plan import Change
from deployer.models.selection import FROM_PROJECT, Selection
from deployer.state.survey import DeployedState


def check_adoptions(
    selection: Selection, changes: Sequence[Change], state: DesiredState, deployed: DeployedState
) -> list[Diagnostic]:
    """A warning for each pattern that took nothing over. Raises DeployError for those that name no deployment."""
    adopted = {change.address for change in changes if any(reason.word == "adopted" for reason in change.reasons)}
    addresses = sorted(item.deployment.address for item in state.items)
    owners = _owners(deployed)
    errors, warnings = [], []
    for pattern in selection.adopt:
        one = Selection(selection.manifests, adopt=(pattern,))
        is_project = pattern.startswith(FROM_PROJECT)
        left = _left(pattern[len(FROM_PROJECT) :], state, deployed) if is_project else ()
        if not is_project and not any(map(one.adopts, addresses)):
            hint = nearest(pattern, addresses) or "it takes addresses (prod/train), patterns of them, or project:NAME"
            errors.append(Diagnostic("unknown-address", f"--adopt {pattern}: no deployment matches", hint=hint))
        elif left:
            listed = ", ".join(left[:5]) + (", ..." if len(left) > 5 else "")
            message = f"{pattern.removeprefix(FROM_PROJECT)} keeps what no manifest lists here: {listed}"
            hint = "list it once more and adopt it, or delete the file by hand if nothing needs it any more"
            warnings.append(Diagnostic("not-adopted", message, hint=hint, severity=Severity.WARNING))
        elif not any(
            one.adopts(address) or (is_project and pattern[len(FROM_PROJECT) :] in owners) for address in adopted
        ):
            hint = nearest(pattern, [FROM_PROJECT + name for name in sorted(owners)]) if is_project else ""
            message = f"--adopt {pattern}: there is nothing to take over"
            warnings.append(Diagnostic("nothing-to-adopt", message, hint=hint, severity=Severity.WARNING))
    if errors:
        raise DeployError(errors)
    return warnings


def _left(owner: str, state: DesiredState, deployed: DeployedState) -> list[str]:
    """Files of another project in the planned environments that no deployment of these manifests takes over."""
    listed = {item.address for item in state.manifests.deployments}
    wanted = {(item.deployment.environment.name, item.name) for item in state.items}
    return [
        item.file
        for site in deployed.sites
        for item in site.deployed
        if item.record and (item.record.owner, item.record.environment) == (owner, site.environment)
        if item.record.address not in listed and (site.environment, item.name) not in wanted
    ]


def _owners(deployed: DeployedState) -> set[str]:
    return {item.record.owner for site in deployed.sites for item in site.deployed if item.record}


def strays(state: DesiredState, deployed: DeployedState) -> Iterator[Diagnostic]:
    """Files of ours that no plan will ever change: their record is damaged, or their environment is gone."""
    wanted = {(item.deployment.environment.name, item.file) for item in state.items}
    for site in deployed.sites:
        gone: dict[str, list[str]] = {}
        for item in site.deployed:
            if item.problem and (site.environment, item.file) not in wanted:
                yield _stray(f"{site.environment}: {item.problem}", "delete it by hand if nothing needs it any more")
            record = item.record
            if record and record.owner == site.project and record.environment not in state.manifests.environments:
                gone.setdefault(record.environment, []).append(item.file)
        for name, files in sorted(gone.items()):
            message = f"{site.environment}: the target holds DAGs of the environment {name!r}, which is no more"
            listed = ", ".join(sorted(files)[:5]) + (", ..." if len(files) > 5 else "")
            yield _stray(f"{message}: {listed}", "put the environment back and `mfdeploy destroy` it, or delete them")


def _stray(message: str, hint: str) -> Diagnostic:
    return Diagnostic("stray-file", message, hint=hint, severity=Severity.WARNING)

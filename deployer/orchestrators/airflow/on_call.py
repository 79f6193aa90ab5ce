"""What the log of a task says beside what the task itself says, for a person whom a failure has called."""

from __future__ import annotations

import shlex
from typing import Final

from deployer.models.deployment import Deployment
from deployer.models.record import Origin
from deployer.orchestrators.airflow.variables import one_line

_DIRTY: Final = "-dirty"
_SHORT_COMMIT: Final = 12  # characters


def deployed(deployment: Deployment, origin: Origin) -> str:
    """What was deployed: address, version and commit, as far as they are known."""
    found = [deployment.address]
    if origin.version:
        found.append(f"version {origin.version}")
    if origin.commit:
        found.append(f"commit {short_commit(origin.commit)}")
    return ", ".join(found)


def resume_command(deployment: Deployment) -> str:
    """A shell's command that resumes a run of the flow where the user is, up to the id of the run."""
    flow, environment, file = map(_word, (deployment.name, deployment.environment.name, deployment.file.written))
    return f'eval "$(mfdeploy env {flow} --env {environment})" && python {file} resume --origin-run-id'


def short_commit(commit: str) -> str:
    """The first characters of a commit's id, with the mark of changes that are not in it."""
    mark = _DIRTY if commit.endswith(_DIRTY) else ""
    return one_line(f"{commit.removesuffix(_DIRTY)[:_SHORT_COMMIT]}{mark}")


def _word(text: str) -> str:
    return shlex.quote(one_line(text))

"""The end of an apply at a target: the commit message, the history entry and the index."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from deployer import __version__
from deployer.applying.executor import Applied
from deployer.applying.recording import ApplyRun, inspect_outcome, record_apply
from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.deployment import Environment
from deployer.models.desired import Deployed, EnvironmentState
from deployer.models.plan import Change
from deployer.models.target import Target, TargetError
from deployer.plan_context import PlanContext
from deployer.state.cache import made_from
from deployer.state.history import delete_entries
from deployer.state.index import delete_index, update_index
from deployer.state.survey import target_problem

_WORDS = {"create": "created", "update": "updated", "delete": "deleted"}


@dataclass
class Publication:
    """Publishes one apply. `content` gives the DAG files by (environment, file name)."""

    plan_context: PlanContext
    context: Context
    content: Mapping[tuple[str, str], bytes]
    run: ApplyRun
    _problems: dict[str, list[Diagnostic]] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """Who applies."""
        return self.context.user

    @property
    def warnings(self) -> Sequence[Diagnostic]:
        """Failures to write the history or the index. The DAG files are deployed nevertheless."""
        return [problem for name in sorted(self._problems) for problem in self._problems[name]]

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """A commit message: the totals, each change with its reasons, and trailers for user, commit and version."""
        found = self.plan_context.environments[environment]
        place = f"{environment}, branch {found.branch.name}" if found.branch.name else environment
        actions = [change.action for change in changes]
        counts = ", ".join(f"{actions.count(action)} {word}" for action, word in _WORDS.items() if action in actions)
        lines = [_line(change) for change in sorted(changes, key=lambda change: (change.address, change.action))]
        facts = {
            "Applied-by": self.user,
            "Source-commit": self.run.provenance.commit,
            "Applied-with": f"mfdeploy {__version__}",
        }
        trailers = [f"{name}: {' '.join(value.split())}" for name, value in facts.items() if value]
        return "\n".join([f"Deploy {found.project} to {place}: {counts}", "", *lines, "", *trailers, ""])

    def remember(self, environment: str, applied: Applied) -> None:
        """Add the apply to the history, and update the index."""
        self._remember(environment, self.plan_context.deployed.targets[environment], applied)

    def catch_up(self) -> None:
        """After an interrupt: find out what was done, and record it. Raises nothing."""
        for name in self.run.ids:
            if name in self._problems:
                continue
            # A new target object: the interrupted one may have unpublished writes.
            with contextlib.suppress(TargetError):
                target = self.context.target(self.plan_context.environments[name])
                applied = inspect_outcome(self.plan_context, name, target, self.content)
                if applied.done:
                    message = self.message(name, [change for change, _ in applied.done])
                    target.publish(message, self.user, partial(self._remember, name, target, applied))

    def _remember(self, name: str, target: Target, applied: Applied) -> None:
        environment, deployed = self.plan_context.environments[name], self.plan_context.deployed
        state = next(state for state in deployed.states if state.environment == name)
        if self._ends(environment, state, applied):
            self._problems[name] = self._forget(environment, target)
            return
        problems = [*record_apply(self.plan_context, name, target, applied, self.run, self.content)]
        replaced = {other.file: None for change, _ in applied.done for other in change.replaces}
        written = {change.file: self._deployed(change, version) for change, version in applied.done}
        before = deployed.indexes[name]
        try:
            update_index(
                target,
                environment.project,
                environment.label,
                {**replaced, **written},
                seen=state.deployed,
                before=before,
                made_from=self._made_from(name),
                names=deployed.names[name],
                owns=state.owns,
            )
        except TargetError as error:
            problem = target_problem(environment, f"the index could not be written: {error}", error.hint)
            problems.append(replace(problem, severity=Severity.WARNING))
        self._problems[name] = problems

    def _ends(self, environment: Environment, state: EnvironmentState, applied: Applied) -> bool:
        """Whether a preview is destroyed, and nothing of it is left."""
        if self.run.command != "destroy" or not environment.branch.is_preview:
            return False
        gone = {change.file for change, _ in applied.done}
        return all(item.file in gone for item in state.deployed if state.owns(item))

    def _forget(self, environment: Environment, target: Target) -> list[Diagnostic]:
        """Delete the history and the index of a preview: they would stay for ever."""
        try:
            delete_entries(target, environment.project, environment.label)
            delete_index(target, environment.project, environment.label)
        except TargetError as error:
            message = f"the history of the branch {environment.branch.name} could not be deleted: {error}"
            return [replace(target_problem(environment, message, error.hint), severity=Severity.WARNING)]
        return []

    def _made_from(self, name: str) -> dict[str, Mapping[str, Any]]:
        """What each compiled description was made from, by file. For cached ones the index already has it."""
        items = (item for item in self.plan_context.desired.items if item.deployment.environment.name == name)
        found = ((item.file, made_from(item)) for item in items if item.compiled is not None)
        return {file: inputs for file, inputs in found if inputs is not None}

    def _deployed(self, change: Change, version: str | None) -> Deployed | None:
        if not version:
            return None
        content = self.content.get((change.environment, change.file), b"")
        reader = self.plan_context.deployed.readers[change.environment]
        return reader.read(change.file, content, version)


def _line(change: Change) -> str:
    reasons = ", ".join(reason.word for reason in change.reasons)
    return f"{change.action} {change.address} ({change.name}): {reasons}"

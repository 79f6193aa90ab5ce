"""What a target is told at the end of an apply: the message, the entry of the history, the index."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from deployer import __version__
from deployer.applying.executor import Applied
from deployer.applying.recording import ApplyRun, look_at, record_apply
from deployer.context import Context
from deployer.errors import Diagnostic, Severity
from deployer.models.desired import Deployed
from deployer.models.plan import Change
from deployer.models.target import Target, TargetError
from deployer.plan_context import PlanContext
from deployer.state.cache import made_from
from deployer.state.index import update_index
from deployer.state.survey import target_problem

_WORDS = {"create": "created", "update": "updated", "delete": "deleted"}


@dataclass
class Publication:
    """The publication of one apply. `content` gives the DAG files by (environment, file name)."""

    planning: PlanContext
    context: Context
    content: Mapping[tuple[str, str], bytes]
    doing: ApplyRun
    _problems: dict[str, list[Diagnostic]] = field(default_factory=dict)

    @property
    def user(self) -> str:
        """Who applies."""
        return self.context.user

    @property
    def warnings(self) -> Sequence[Diagnostic]:
        """Of what could not be kept beside the DAG files, which are deployed all the same."""
        return [problem for name in sorted(self._problems) for problem in self._problems[name]]

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """A commit message: the totals, each change with the words of its reasons, and who applies what."""
        project = self.planning.environments[environment].project
        actions = [change.action for change in changes]
        counts = ", ".join(f"{actions.count(action)} {word}" for action, word in _WORDS.items() if action in actions)
        lines = [_line(change) for change in sorted(changes, key=lambda change: (change.address, change.action))]
        facts = {
            "Applied-by": self.user,
            "Source-commit": self.doing.provenance.commit,
            "Applied-with": f"mfdeploy {__version__}",
        }
        trailers = [f"{name}: {' '.join(value.split())}" for name, value in facts.items() if value]
        return "\n".join([f"Deploy {project} to {environment}: {counts}", "", *lines, "", *trailers, ""])

    def remember(self, environment: str, applied: Applied) -> None:
        """Keep the apply in the history, and note in the index what was done."""
        self._remember(environment, self.planning.deployed.targets[environment], applied)

    def catch_up(self) -> None:
        """After an interrupt: find out what was done, and keep that. Raises nothing."""
        for name in self.doing.ids:
            if name in self._problems:
                continue
            place = self.planning.environments[name]
            # A new one: the other may hold what it has not published.
            with contextlib.suppress(TargetError):
                target = self.context.target(place)
                applied = look_at(self.planning, name, target, self.content)
                if applied.done:
                    message = self.message(name, [change for change, _ in applied.done])
                    target.publish(message, self.user, partial(self._remember, name, target, applied))

    def _remember(self, name: str, target: Target, applied: Applied) -> None:
        problems = [*record_apply(self.planning, name, target, applied, self.doing, self.content)]
        place, state = self.planning.environments[name], self.planning.deployed
        site = next(site for site in state.sites if site.environment == name)
        replaced = {other.file: None for change, _ in applied.done for other in change.replaces}
        written = {change.file: self._deployed(change, version) for change, version in applied.done}
        before = state.indexes[name]
        try:
            update_index(
                target,
                place.project,
                name,
                {**replaced, **written},
                seen=site.deployed,
                before=before,
                made_from=self._made_from(name),
            )
        except TargetError as error:
            problem = target_problem(place, f"the index could not be written: {error}", error.hint)
            problems.append(replace(problem, severity=Severity.WARNING))
        self._problems[name] = problems

    def _made_from(self, name: str) -> dict[str, Mapping[str, Any]]:
        """By file, what the descriptions were made from: of all that was compiled. Of the rest the index says it."""
        items = (item for item in self.planning.desired.items if item.deployment.environment.name == name)
        found = ((item.file, made_from(item)) for item in items if item.compiled is not None)
        return {file: said for file, said in found if said is not None}

    def _deployed(self, change: Change, version: str | None) -> Deployed | None:
        if not version:
            return None
        content = self.content.get((change.environment, change.file), b"")
        reader = self.planning.deployed.readers[change.environment]
        return reader.read(change.file, content, version)


def _line(change: Change) -> str:
    reasons = ", ".join(reason.word for reason in change.reasons)
    return f"{change.action} {change.address} ({change.name}): {reasons}"

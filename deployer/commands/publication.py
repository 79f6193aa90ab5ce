"""What a target is told at the end of an apply: the message, and the index beside the DAG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from deployer import __version__
from deployer.applier import Done
from deployer.commands import git
from deployer.commands.planning import Planned
from deployer.deployed import target_problem, understand
from deployer.errors import Diagnostic, Severity
from deployer.index import update_index
from deployer.models.desired import Deployed
from deployer.models.plan import Change
from deployer.targets import TargetError

_WORDS = {"create": "created", "update": "updated", "delete": "deleted"}


@dataclass
class Publication:
    """The publication of one apply, by `user`. `content` gives the DAG files by (environment, file name)."""

    planning: Planned
    user: str
    content: Mapping[tuple[str, str], bytes]
    _problems: dict[str, Diagnostic] = field(default_factory=dict)

    @property
    def warnings(self) -> Sequence[Diagnostic]:
        """Of each target whose index could not be written. It is a cache: the DAG files are deployed all the same."""
        return [self._problems[name] for name in sorted(self._problems)]

    def message(self, environment: str, changes: Sequence[Change]) -> str:
        """A commit message: the totals, each change with the words of its reasons, and who applies what."""
        project = self.planning.environments[environment].project
        actions = [change.action for change in changes]
        counts = ", ".join(f"{actions.count(action)} {word}" for action, word in _WORDS.items() if action in actions)
        lines = [_line(change) for change in sorted(changes, key=lambda change: (change.address, change.action))]
        facts = {"Applied-by": self.user, "Source-commit": self._commit, "Applied-with": f"mfdeploy {__version__}"}
        trailers = [f"{name}: {' '.join(value.split())}" for name, value in facts.items() if value]
        return "\n".join([f"Deploy {project} to {environment}: {counts}", "", *lines, "", *trailers, ""])

    def remember(self, environment: str, done: Done) -> None:
        """Note in the target's index what was done."""
        self._problems.pop(environment, None)
        place, state = self.planning.environments[environment], self.planning.deployed
        site = next(site for site in state.sites if site.environment == environment)
        replaced = {other.file: None for change, _ in done for other in change.replaces}
        written = {**replaced, **{change.file: self._deployed(change, version) for change, version in done}}
        before, target = state.indexes[environment], state.targets[environment]
        try:
            update_index(target, place.project, environment, written, seen=site.deployed, before=before)
        except TargetError as error:
            problem = target_problem(place, f"the index could not be written: {error}", error.hint)
            self._problems[environment] = replace(problem, severity=Severity.WARNING)

    def _deployed(self, change: Change, version: str | None) -> Deployed | None:
        text = self.content.get((change.environment, change.file), b"")
        return understand(change.file, text, version) if version else None

    @cached_property
    def _commit(self) -> str | None:
        return git.commit_of(self.planning.folder)


def _line(change: Change) -> str:
    reasons = ", ".join(reason.word for reason in change.reasons)
    return f"{change.action} {change.address} ({change.dag_id}): {reasons}"

"""Asks the running orchestrators about a plan: all questions side by side, and no longer than two seconds in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from deployer.context import Context
from deployer.models.deployment import Environment
from deployer.models.live import (
    Live,
    LiveDeployment,
    LiveError,
    LiveImportError,
    LiveRun,
    LiveSummary,
    Needs,
    NotAllowedError,
    UnknownError,
)
from deployer.models.plan import Change
from deployer.pipeline.side_by_side import log_in, quickly, side_by_side
from deployer.plan_context import PlanContext

SECONDS = 2.0
# A plan of hundreds of changes asks about the first of them: nobody reads more, and the time is short.
MOST_ASKED = 50
# Among the newest runs of a deployment there is one of its schedule, if it has one at all.
_RUNS = 25


@dataclass
class LiveFacts:
    """What one orchestrator said: what is not in here was not said in time.

    `known` are the deployments of the project by name, `errors` the import errors by file; by address of a change,
    `deployments` (None if it is not known), `runs` (newest first) and `lacking`. `unseen` says in words what the
    account may not see, and what the server could not answer.
    """

    url: str
    version: str = ""
    known: Mapping[str, LiveSummary] | None = None
    errors: Mapping[str, LiveImportError] = field(default_factory=dict)
    deployments: dict[str, LiveDeployment | None] = field(default_factory=dict)
    runs: dict[str, Sequence[LiveRun]] = field(default_factory=dict)
    lacking: dict[str, Needs] = field(default_factory=dict)
    most_items: int | None = None
    unseen: Sequence[str] = ()
    is_late: bool = False


def ask(plan_context: PlanContext, context: Context) -> tuple[Mapping[str, LiveFacts], Mapping[str, LiveError]]:
    """What the orchestrators say about the changes of a plan, by environment; or why one says nothing.

    An environment that names no running orchestrator is in neither.
    """
    quick = quickly(context, SECONDS)
    questions = {
        name: partial(_ask, plan_context.environments[name], plan_context, quick) for name in plan_context.plan.targets
    }
    found, errors = side_by_side(questions, 2 * SECONDS)
    late = LiveError(f"no answer within {SECONDS:g} seconds")
    missing = {name: late for name in questions if name not in found and name not in errors}
    return {name: facts for name, facts in found.items() if facts is not None}, {**errors, **missing}


def _ask(environment: Environment, plan_context: PlanContext, context: Context) -> LiveFacts | None:
    live = context.live(environment)
    if live is None:
        return None
    asking = _Asking(live, environment, context)
    for change in plan_context.plan.pending:
        if change.environment == environment.name and asking.count < MOST_ASKED:
            asking.about(change)
    answers, errors = side_by_side(asking.questions, SECONDS)
    problems = [error for error in errors.values() if not isinstance(error, UnknownError)]
    if problems and not answers and not any(isinstance(error, NotAllowedError) for error in problems):
        raise problems[0]  # nothing is known of the server
    is_late = len(answers) + len(errors) < len(asking.questions)
    # A copy, since a late answer is noted by a thread that nobody waits for.
    return replace(asking.facts, **asking.copies(), unseen=sorted({*map(str, problems)}), is_late=is_late)


class _Asking:
    """The questions to one orchestrator. Each notes its answer in `facts`."""

    def __init__(self, live: Live, environment: Environment, context: Context) -> None:
        # The first request of all: it logs in once, and not in each thread.
        product = live.product()
        self.facts = LiveFacts(product.url, product.version)
        self.questions: dict[tuple[str, str], Callable[[], None]] = {
            ("known", ""): partial(self._known, environment.project),
            ("errors", ""): self._errors,
            ("most items", ""): self._most_items,
        }
        self.count = 0
        self._live = live
        self._orchestrator = context.orchestrator(environment)

    def about(self, change: Change) -> None:
        """Ask about a change too."""
        self.count += 1
        self.questions["deployment", change.address] = partial(self._deployment, change)
        self.questions["runs", change.address] = partial(self._runs, change)
        if change.writes and change.after is not None:
            needs = self._orchestrator.needs(change.after)
            if needs != Needs():
                self.questions["lacking", change.address] = partial(self._lacking, change, needs)

    def copies(self) -> dict[str, Any]:
        facts = self.facts
        return {name: dict(getattr(facts, name)) for name in ("deployments", "runs", "lacking")}

    def _known(self, project: str) -> None:
        self.facts.known = self._live.deployments(project)

    def _errors(self) -> None:
        self.facts.errors = {error.file_name: error for error in self._live.import_errors()}

    def _most_items(self) -> None:
        self.facts.most_items = self._live.most_items()

    def _deployment(self, change: Change) -> None:
        self.facts.deployments[change.address] = self._live.deployment(change.name)

    def _runs(self, change: Change) -> None:
        with suppress(UnknownError):
            self.facts.runs[change.address] = self._live.runs(change.name, _RUNS)

    def _lacking(self, change: Change, needs: Needs) -> None:
        self.facts.lacking[change.address] = self._live.lacks(needs)


def ask_for_runs(
    environment: Environment, names: Mapping[str, str], limit: int, context: Context
) -> Mapping[str, Sequence[LiveRun]]:
    """The newest runs of deployments, as far as the orchestrator of an environment says so in time.

    `names` are the names in the orchestrator by address. Raises LiveError, also if it says nothing at all.
    """
    live = quickly(context, SECONDS).live(environment)
    if live is None or not names:
        return {}
    some = [*names.items()][:MOST_ASKED]
    log_in(live, SECONDS)
    found, errors = side_by_side({address: partial(live.runs, name, limit) for address, name in some}, SECONDS)
    refused = [error for error in errors.values() if not isinstance(error, UnknownError)]
    if refused and not found:
        raise refused[0]
    return found

"""After an apply: wait until running orchestrators have what was written, and go back where they cannot import it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from deployer.commands.apply import ApplyResult, Prepared, prepare_rollback
from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, Severity
from deployer.models.arrival import Arrival, Expected
from deployer.models.deployment import Environment
from deployer.models.description import Description, version_of
from deployer.models.history import EntryArrival
from deployer.models.live import Live, LiveError, LiveImportError, NotAllowedError
from deployer.models.plan import Change
from deployer.models.selection import Selection
from deployer.models.target import TargetError
from deployer.pipeline.arrivals import Watch
from deployer.pipeline.live import live_of, live_problem
from deployer.planning.guards import Permissions
from deployer.state.history import note_arrivals
from deployer.state.survey import target_problem

# Seconds between two looks: soon at first, since an Airflow that is asked to parse a file has it in a second or two.
_FIRST_PAUSE, _PAUSE_GROWS, _LONGEST_PAUSE = 1.0, 1.5, 10.0


@dataclass(frozen=True)
class Listening:
    """One environment of an apply that is about to begin, and what its orchestrator cannot import before."""

    environment: Environment
    live: Live
    errors_before: Sequence[LiveImportError]
    seconds: float


@dataclass(frozen=True)
class Waiting:
    """A watch of one environment, for so many seconds."""

    environment: Environment
    watch: Watch
    seconds: float


def listen(
    prepared: Prepared, context: Context, seconds: float | None = None, forgets: bool = False
) -> tuple[Sequence[Listening], Sequence[Diagnostic]]:
    """Find the running orchestrators of a plan, right before its apply; a warning for each that cannot be asked.

    `seconds` is how long the caller wants to wait; None leaves it to the manifests. Raises DeployError if one cannot be
    asked though the caller wants to wait, or wants it to forget what is deleted (`forgets`).
    """
    found: list[Listening] = []
    warnings: list[Diagnostic] = []
    is_wanted = forgets or seconds is not None
    for name in sorted({change.environment for change in prepared.context.plan.pending}):
        environment = prepared.context.environments[name]
        try:
            live = live_of(environment, context) if is_wanted else context.live(environment)
            patience = seconds if seconds is not None else live.after_apply.seconds if live else 0
            if forgets and not patience:
                raise DeployError(_needs_wait(environment))
            if live is not None and patience:
                found.append(Listening(environment, live, live.import_errors(), patience))
        except LiveError as error:
            if is_wanted:
                raise DeployError(live_problem(environment, error)) from error
            warnings.append(_warning(environment, error))
    return found, warnings


def _needs_wait(environment: Environment) -> Diagnostic:
    message = f"--forget needs to wait until Airflow has noticed the deletes, and {environment.name} has `wait: none`"
    return Diagnostic("bad-usage", message, environment.location, hint="add --wait, for example --wait 10m")


def begin_waiting(listening: Sequence[Listening], result: ApplyResult, context: Context) -> Sequence[Waiting]:
    """What the apply has done, to be waited for from now on."""
    found: list[Waiting] = []
    for each in listening:
        changes = [change for change in result.done if change.environment == each.environment.name]
        expected = [*filter(None, (_expected(change) for change in changes))]
        if expected:
            watch = Watch(each.live, each.environment.project, expected, each.errors_before, context.now)
            found.append(Waiting(each.environment, watch, each.seconds))
    return found


def _expected(change: Change) -> Expected | None:
    """What the orchestrator is to have after a change; None if its file says no version, so that nobody can tell."""
    before, after = (_version(description) for description in (change.before, change.after))
    if change.action != "delete" and after is None:
        return None
    return Expected(
        change.address, change.environment, change.name, change.file, after, before is not None and before == after
    )


def _version(description: object) -> str | None:
    return version_of(description) if isinstance(description, Description) else None


def wait(waiting: Sequence[Waiting], context: Context) -> Iterator[Sequence[Arrival]]:
    """Looks until everything has arrived or the time is over; gives what arrived at each look, also if that is nothing.

    Raises nothing: an orchestrator that may not be asked is not waited for.
    """
    pause = _FIRST_PAUSE
    while True:
        for each in waiting:
            yield _look(each)
        if not any(each.watch.waiting for each in waiting):
            return
        context.sleep(pause)
        pause = min(pause * _PAUSE_GROWS, _LONGEST_PAUSE)


def _look(each: Waiting) -> Sequence[Arrival]:
    try:
        arrived = each.watch.look()
    except NotAllowedError as error:
        return each.watch.give_up("unchecked", str(error))
    if each.watch.waiting and each.watch.elapsed >= each.seconds:
        return [*arrived, *each.watch.give_up("late")]
    return arrived


def forget(waiting: Sequence[Waiting]) -> tuple[Sequence[Arrival], Sequence[Diagnostic]]:
    """Have the orchestrators delete what they keep of what is gone; gives what they did, and a warning for each other.

    Not before it is gone: an orchestrator that still has the file would know it again.
    """
    found: list[Arrival] = []
    warnings: list[Diagnostic] = []
    for each in waiting:
        for address, arrival in each.watch.arrivals.items():
            if arrival.state != "gone":
                continue
            try:
                each.watch.live.forget(arrival.expected.name)
                found.append(replace(arrival, note="Its runs are deleted too."))
                each.watch.arrivals[address] = found[-1]
            except LiveError as error:
                problem = live_problem(each.environment, error)
                message = f"{address}: what Airflow keeps of it stays: {problem.message}"
                warnings.append(replace(problem, message=message, severity=Severity.WARNING))
    return found, warnings


def remember(waiting: Sequence[Waiting], result: ApplyResult, context: Context) -> Sequence[Diagnostic]:
    """Write what the orchestrators said to the history entries of the apply. A failure is a warning."""
    warnings: list[Diagnostic] = []
    for each in waiting:
        environment, entry = each.environment, result.entries.get(each.environment.name, "")
        arrivals = [kept(arrival) for _, arrival in sorted(each.watch.arrivals.items())]
        try:
            _note(environment, entry, arrivals, context)
        except (TargetError, DeployError) as error:
            message = f"what Airflow said could not be added to the history entry {entry}: {error}"
            warnings.append(replace(target_problem(environment, message), severity=Severity.WARNING))
    return warnings


def _note(environment: Environment, entry: str, arrivals: Sequence[EntryArrival], context: Context) -> None:
    target = context.target(environment)
    failures: list[TargetError | DeployError] = []

    def note() -> None:
        failures.clear()
        try:
            note_arrivals(target, environment.project, environment.label, entry, arrivals)
        except (TargetError, DeployError) as error:
            failures.append(error)

    target.publish(f"What Airflow said of {entry}\n", context.user, note)
    if failures:
        raise failures[0]


def kept(arrival: Arrival) -> EntryArrival:
    """An arrival as the history and the result of an apply have it."""
    expected = arrival.expected
    return EntryArrival(
        address=expected.address, name=expected.name, state=arrival.state, seconds=arrival.seconds, note=arrival.note
    )


@dataclass(frozen=True)
class Return:
    """A rollback of what an orchestrator could not import, and the permissions that it needs."""

    prepared: Prepared
    permissions: Permissions


def prepare_returns(
    waiting: Sequence[Waiting], result: ApplyResult, selection: Selection, context: Context
) -> tuple[Sequence[Return], Sequence[Diagnostic]]:
    """Rollbacks of the broken deployments to the state before the apply, where the manifests want that.

    Reports an error for each environment where there is nothing to go back to.
    """
    found: list[Return] = []
    problems: list[Diagnostic] = []
    for each in waiting:
        broken = sorted(address for address, arrival in each.watch.arrivals.items() if arrival.state == "broken")
        if not broken or not each.watch.live.after_apply.rolls_back:
            continue
        try:
            prepared = _prepare_return(each.environment, broken, result.earlier, selection, context)
        except DeployError as error:
            problems += error.diagnostics
            continue
        # What it deletes was created by this apply, which was permitted.
        deleted = tuple(change.address for change in prepared.context.plan.pending if change.action == "delete")
        found.append(Return(prepared, Permissions(delete=deleted, mass_change=True, branch=True)))
    return found, problems


def _prepare_return(
    environment: Environment, broken: Sequence[str], earlier: Mapping[str, str], selection: Selection, context: Context
) -> Prepared:
    entry = earlier.get(environment.name)
    if entry is None:
        message = f"{', '.join(broken)}: there is nothing to go back to, since this was the first apply"
        hint = "mend the flow and apply again, or `mfdeploy destroy` it"
        raise DeployError(Diagnostic("nothing-earlier", message, environment.location, hint=hint))
    only = replace(selection, environments=(environment.name,), flows=tuple(broken), exclude=(), adopt=())
    return prepare_rollback(only, entry, context)


def _warning(environment: Environment, error: LiveError) -> Diagnostic:
    problem = live_problem(environment, error)
    message = f"the apply is not waited for: {problem.message}"
    return replace(problem, message=message, severity=Severity.WARNING)

"""mfdeploy run: start a run of a deployed flow, and wait for its end if asked to."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.context import Context
from deployer.errors import DeployError, Diagnostic, nearest
from deployer.models.description import Description, ParameterDescription
from deployer.models.flow import ParameterType
from deployer.models.live import Live, LiveError, LiveRun, LiveTask, NotAllowedError, UnknownError
from deployer.models.local_server import LocalOrchestrator, LocalRun
from deployer.models.selection import Selection
from deployer.pipeline.live import DeployedFlow, find_deployed, live_of, reported

# Seconds between two looks at a run, and how many looks may fail in a row: an Airflow that is restarted comes back.
_POLL = 2.0
_MOST_FAILURES = 5


@dataclass(frozen=True)
class StartedRun:
    """A run of a deployed flow in a running orchestrator, and its page."""

    flow: DeployedFlow
    live: Live
    run: LiveRun
    page: str


@dataclass(frozen=True)
class OwnRun:
    """A run of a deployed flow in a process of its own on this machine: nothing of it has begun."""

    flow: DeployedFlow
    local: LocalOrchestrator
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Progressed:
    """A look at a run: its state, and its tasks as far as there are any."""

    run: LiveRun
    tasks: Sequence[LiveTask]


def run(
    selection: Selection,
    flow: str,
    environment: str,
    parameters: Mapping[str, str],
    context: Context,
    *,
    run_id: str = "",
) -> StartedRun | OwnRun:
    """Start a run with parameters as they are typed. They are checked first. Raises DeployError.

    Where no orchestrator runs, but could on this machine, the run is one in a process of its own.
    """
    found = find_deployed(selection, flow, environment, context)
    values = read_parameters(found, parameters)
    with reported(found.environment):
        own = context.local(found.environment) if context.live(found.environment) is None else None
    if own is not None:
        if run_id:
            message = "--run-id is for a running Airflow, and a run in a process of its own has the time as its id"
            hint = f"start one with `mfdeploy dev --env {environment}`, or leave --run-id out"
            raise DeployError(Diagnostic("bad-usage", message, hint=hint))
        return OwnRun(found, own, values)
    chosen = run_id or f"manual__{context.now().isoformat()}"
    with reported(found.environment):
        live = live_of(found.environment, context)
        return StartedRun(found, live, live.start(found.name, chosen, values), live.page(found.name, chosen))


def follow(started: StartedRun, context: Context) -> Iterator[Progressed]:
    """Looks at a run until it has ended; the last look is at the end. Raises DeployError."""
    failures = 0
    with reported(started.flow.environment):
        while True:
            try:
                look = _look(started)
                failures = 0
            except (NotAllowedError, UnknownError):
                raise
            except LiveError:
                failures += 1
                if failures == _MOST_FAILURES:
                    raise
                context.sleep(_POLL)
                continue
            yield look
            if look.run.ended:
                return
            context.sleep(_POLL)


def follow_own(own: OwnRun, notify: Callable[[str], None]) -> Generator[LocalRun]:
    """Runs it, with looks at it until it has ended; `notify` is told what takes long before. Raises DeployError."""
    with reported(own.flow.environment):
        own.local.install(notify)
        yield from own.local.run_once(own.flow.name, own.flow.item.file, own.parameters)


def _look(started: StartedRun) -> Progressed:
    name, run_id = started.flow.name, started.run.run_id
    run = started.live.run(name, run_id)
    return Progressed(run, started.live.tasks(name, run_id))


def read_parameters(flow: DeployedFlow, given: Mapping[str, str]) -> dict[str, Any]:
    """The values of texts that a user typed, by the types of the deployed flow's parameters. Raises DeployError."""
    description = flow.record.description
    known = description.parameters if isinstance(description, Description) else {}
    problems: list[Diagnostic] = []
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in known:
            hint = nearest(name, known) or (
                f"its parameters are {', '.join(sorted(known))}" if known else "it has none"
            )
            problems.append(
                Diagnostic("unknown-parameter", f"{flow.record.address} has no parameter {name!r}", hint=hint)
            )
            continue
        try:
            values[name] = _READ[known[name].type](text)
        except ValueError:
            message = f"--param {name}: expected {_EXPECTED[known[name].type]}, found {text[:80]!r}"
            problems.append(Diagnostic("wrong-type", message))
    problems += _missing(flow, known, given)
    if problems:
        raise DeployError(problems)
    return values


def _missing(
    flow: DeployedFlow, known: Mapping[str, ParameterDescription], given: Mapping[str, str]
) -> Iterator[Diagnostic]:
    for name, parameter in known.items():
        has_default = "default" in parameter.model_fields_set and parameter.default is not None
        if parameter.required and not has_default and name not in given:
            message = f"{flow.record.address} needs a value for the parameter {name!r}"
            yield Diagnostic("missing-parameter", message, hint=f"add --param {name}=VALUE")


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(text)
    return lowered == "true"


def _json(text: str) -> Any:
    return json.loads(text)


def _number(text: str) -> int | float:
    value = float(text)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


_READ: Mapping[ParameterType, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "number": _number,
    "boolean": _boolean,
    "json": _json,
    "file": str,
}
_EXPECTED: Mapping[ParameterType, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "json": "JSON",
    "file": "the address of an object",
}

"""Asks a running orchestrator for what a forecast needs: how long steps took, and how many tasks run at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from deployer.context import Context
from deployer.forecasting.jobs import Measured
from deployer.models.deployment import Environment
from deployer.models.live import Live, LiveError, LiveTask, seconds_between
from deployer.pipeline.side_by_side import log_in, quickly, side_by_side

SECONDS = 20.0
"""How long a forecast waits for all answers."""

MOST_ASKED = 200
"""How many deployments are asked about."""

MOST_TASKS = 2_000
"""How many tasks of a run are read: a foreach of more items counts as one of so many."""


@dataclass
class Facts:
    """What a running orchestrator said. What is not in here was not said in time.

    `measured` are the steps of deployments by name in the orchestrator, `paused` the names of those that start no runs.
    """

    url: str
    measured: dict[str, Mapping[str, Measured]] = field(default_factory=dict)
    paused: frozenset[str] = frozenset()
    pools: Mapping[str, int] | None = None
    slots: int | None = None
    problems: Sequence[str] = ()


def ask(environment: Environment, names: Sequence[str], runs: int, context: Context) -> Facts | None:
    """What the orchestrator of an environment says of these deployments, by the last `runs` runs that succeeded.

    None if the manifests do not say where it is, or if it is not to be asked. Raises LiveError if it says nothing.
    """
    live = quickly(context, SECONDS).live(environment)
    if live is None:
        return None
    context.progress("asking the running Airflow")
    product = log_in(live, SECONDS)
    questions: dict[tuple[str, str], Any] = {
        ("pools", ""): lambda: live.pools(),
        ("slots", ""): lambda: live.most_tasks(),
        ("known", ""): lambda: live.deployments(environment.project),
    }
    if runs:
        questions |= {("measured", name): partial(_measured, live, name, runs) for name in names[:MOST_ASKED]}
    answers, errors = side_by_side(questions, SECONDS)
    return _facts(product.url, answers, errors, len(questions))


def _facts(
    url: str, answers: Mapping[tuple[str, str], Any], errors: Mapping[tuple[str, str], LiveError], asked: int
) -> Facts:
    found = Facts(url, pools=answers.get(("pools", "")), slots=answers.get(("slots", "")))
    found.measured = {name: steps for (kind, name), steps in answers.items() if kind == "measured" and steps}
    known = answers.get(("known", ""), {})
    found.paused = frozenset(name for name, summary in known.items() if summary.paused and not summary.stale)
    said = {str(error) for error in errors.values()}
    late = asked - len(answers) - len(errors)
    found.problems = [*sorted(said), *([f"{late} answers did not come within {SECONDS:g} seconds"] if late else [])]
    return found


def _measured(live: Live, name: str, runs: int) -> Mapping[str, Measured]:
    """The steps of a deployment, by its last runs that succeeded."""
    ended = live.runs(name, runs, ["success"])
    seen = [live.tasks(name, run.run_id, MOST_TASKS) for run in ended]
    steps = {task.step for tasks in seen for task in tasks}
    return {step: found for step in steps if (found := _of_step(step, seen))}


def _of_step(step: str, runs: Sequence[Sequence[LiveTask]]) -> Measured | None:
    """How many tasks of a step there were in a run, and how long one took: the medians."""
    counts, times = [], []
    for tasks in runs:
        mine = [task for task in tasks if task.step == step]
        done = [task for task in mine if task.state == "success"]
        if mine:
            counts.append(len(done))
        times += [seconds for task in done if (seconds := seconds_between(task.started_at, task.ended_at)) is not None]
    if not counts:
        return None
    return Measured(max(round(median(times)), 1) if times else 1, round(median(counts)))

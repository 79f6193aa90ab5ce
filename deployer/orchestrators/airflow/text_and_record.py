"""Finds where the text of a DAG file says something else than its record.

The digest in a record finds edits by people who do not know it; whoever makes a new digest can make both say different
things. Airflow runs the text, and a reviewer reads the description, so the parts of the text that are easy to read are
compared. That two texts agree in these is no proof that nobody changed the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from deployer.models.description import Description, times_of
from deployer.models.record import Record
from deployer.orchestrators.airflow.assets import assets_of
from deployer.orchestrators.airflow.dag_ids import calls_in, keyword, parsed

_STEPS = ("metaflow_step", "MetaflowStep")


def disagreements(body: str, record: Record) -> Iterator[str]:
    """What the text of a DAG file (without its record) does that its record does not say, in words."""
    tree = parsed(body.encode(errors="replace"))
    if tree is None:
        yield "it is not valid Python"
        return
    dags = list(calls_in(tree, ("DAG",)))
    ids = [_constant(keyword(call, "dag_id")) for call in dags]
    if ids != [record.name]:
        yield f"it defines {_listed(ids)}, and the record is of {record.name!r}"
        return
    description = record.description
    if isinstance(description, Description):
        yield from _other_schedule(dags[0], description)
        yield from _other_steps(tree, description)


def _other_schedule(dag: ast.Call, description: Description) -> Iterator[str]:
    given = keyword(dag, "schedule")
    yield from _other_events(given, description)
    if isinstance(given, ast.Call):  # of a schedule with events the part that has the times
        given = keyword(given, "timetable") or given
    written = given.args if isinstance(given, ast.Call) and given.args else [given]
    found = [cron for cron in map(_constant, written) if cron is not None]
    times = times_of(description.schedule)
    expected = list(times.crons) if times else []
    if found != expected:
        yield f"its schedule is {_schedule(found)}, and the record says {_schedule(expected)}"


def _schedule(crons: Sequence[object]) -> str:
    return " and ".join(map(repr, crons)) or repr(None)


def _other_events(schedule: ast.expr | None, description: Description) -> Iterator[str]:
    calls = calls_in(schedule, ("Asset",)) if schedule is not None else ()
    found = sorted(str(_constant(call.args[0])) for call in calls if call.args)
    expected = assets_of(description.schedule)
    if found != expected:
        yield f"it waits for {', '.join(found) or 'no events'}, and the record says {', '.join(expected) or 'none'}"


def _other_steps(tree: ast.AST, description: Description) -> Iterator[str]:
    tasks = {_constant(keyword(call, "task_id")) for call in calls_in(tree, _STEPS)}
    tasks.discard(None)
    steps = set(description.graph.steps)
    if tasks != steps:
        unknown, missing = sorted(map(str, tasks - steps)), sorted(steps - tasks)
        parts = [
            *([f"has tasks of the steps {', '.join(unknown)}"] if unknown else []),
            *([f"has no task of the steps {', '.join(missing)}"] if missing else []),
        ]
        yield f"it {' and '.join(parts)}, unlike the record"


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _listed(ids: list[object]) -> str:
    return f"the DAGs {', '.join(map(repr, ids))}" if ids else "no DAG"

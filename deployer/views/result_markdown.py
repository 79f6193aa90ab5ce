"""The result of an apply as Markdown for the summary of a CI job, made from its JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from deployer.views.arrival_text import STATES, arrivals_total
from deployer.views.plan_difference import NOTHING_APPLIED, difference_lines
from deployer.views.plan_markdown import code, prose
from deployer.views.plan_text import COMPLETED
from deployer.views.result_text import totals_line
from deployer.views.words import count

_MOST_LINES = 500  # a job's summary may have 1 MiB


def result_to_markdown(result: Mapping[str, Any]) -> str:
    """The result: totals first, then a line for each change; or where the plan differs from the reviewed one."""
    total = NOTHING_APPLIED if result["differences"] else totals_line(result)
    lines = _differences(result) if result["differences"] else _changes(result)
    shown = [f"### mfdeploy apply\n\n**{prose(total)}**\n\n", *islice(lines, _MOST_LINES)]
    left_out = sum(1 for _ in lines)
    more = f"\n{count(left_out, 'more line')} left out here.\n" if left_out else ""
    return "".join(shown) + more


def _changes(result: Mapping[str, Any]) -> Iterator[str]:
    for done in result["done"]:
        namespace = f", namespace {code(done['namespace'])}" if done["namespace"] else ""
        paused = "; Airflow creates it paused" if done["created_paused"] else ""
        yield f"- {COMPLETED.get(done['action'], done['action'])} {_named(done)}{namespace}{paused}\n"
    for failed in result["failed"]:
        yield f"- **failed** {_named(failed)}: {prose(' '.join(failed['message'].split()))}\n"
    for left in result["not_done"]:
        yield f"- not {COMPLETED.get(left['action'], 'done')} {_named(left)}\n"
    yield from _arrivals(result)


def _arrivals(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["arrivals"]:
        return
    yield f"\n**{prose(arrivals_total(result['arrivals']))}**\n\n"
    for arrival in result["arrivals"]:
        if arrival["state"] not in ("current", "gone"):
            yield f"- {STATES[arrival['state']]}: {_named(arrival)}\n"
            yield from (f"  > {prose(line)}\n" for line in arrival["note"].splitlines())
    for change in result["rolled_back"]:
        yield f"- put back as it was: {_named(change)}\n"


def _differences(result: Mapping[str, Any]) -> Iterator[str]:
    yield "The plan differs from the reviewed one:\n\n"
    for difference in result["differences"]:
        yield f"- {code(difference['address'])}\n"
        for label, text in difference_lines(difference):
            yield f"  - {label}: {prose(text)}\n"


def _named(change: Mapping[str, Any]) -> str:
    return f"{code(change['address'])} as {code(change['name'])}"

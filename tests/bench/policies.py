"""What fifty policies cost a plan: rules as people write them, which hold for every flow of the corpus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.rows import Row, compared
from tests.bench.timing import by_turns
from tests.bench.workbench import MFDEPLOY, Workbench

COUNT = 50
SIZE = 1000
LIMIT = 1.1
RULES = (
    "after.settings.owner != ''",
    "after.settings.tags.all(tag, tag.matches('^[a-z0-9:-]+$'))",
    "after.retries.all(step, after.retries[step].times >= 0)",
    "after.resources.all(step, has(after.resources[step].image) && size(after.resources[step].image) > 0)",
    "after.resources.all(step, ['python', 'ghcr.io/'].exists(p, after.resources[step].image.startsWith(p)))",
    "after.resources.all(step, pod, !has(pod.memory) || double(pod.memory) <= 65536.0)",
    "after.resources.all(step, pod, !has(pod.gpu) || pod.gpu == null || int(pod.gpu) <= 2)",
    "minutes_between_runs == null || minutes_between_runs >= 15",
    "change.action != 'create' || now.getDayOfWeek('Europe/Helsinki') < 7",
    "environment.startsWith('p') && size(after.graph.steps) < 200",
)


def rows(bench: Workbench) -> Iterator[Row]:
    """A plan of new flows, and one of flows of which nothing changes, with policies and without."""
    folder, policies = bench.project(SIZE), _write(bench.folder / "policies")

    def plan() -> float:
        return bench.seconds(MFDEPLOY, "plan", "--manifests", folder, "--policies", policies)

    new = by_turns(plan, lambda: bench.plan(folder), 3)
    yield compared(f"plan of {SIZE:,} new flows with {COUNT} policies", new, "without", LIMIT)
    bench.apply(folder)
    unchanged = by_turns(plan, lambda: bench.plan(folder), 5)
    case = f"plan of {SIZE:,} flows, nothing changed, with {COUNT} policies"
    yield compared(case, unchanged, "without", LIMIT)


def _write(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    lines = ["policies:"]
    for number in range(COUNT):
        rule = RULES[number % len(RULES)]
        lines += [f"  policy-{number}:", f'    rule: "{rule}"', "    message: it is violated"]
    (folder / "policies.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder

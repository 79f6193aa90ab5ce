"""How long the catalogue of a thousand flows takes: its pages alone, and the whole command with a warm cache."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from deployer.views.site_json import site_to_json
from tests.bench.plans import MOST_APPLIED, SIZES
from tests.bench.rows import Row, compared
from tests.bench.timing import by_turns
from tests.bench.workbench import Workbench
from tests.views.site_samples import deployment, flow, site

FLOWS, ENVIRONMENTS = 1000, ("dev", "prod", "staging")
STEPS = ("start", "load", "check", "split_a", "split_b", "join", "fit", "end")
# What a catalogue of a thousand flows may take.
MOST_SECONDS, MOST_MEGABYTES = 20, 50
# Of the command with a warm cache, measured against the plan of the same flows.
LIMIT = 3.0
PAGES = """
import json
from pathlib import Path
from deployer.cli.site_folder import write_site
from deployer.views.html.site import site_to_files
write_site(Path({out!r}), site_to_files(json.loads(Path({data!r}).read_text())))
"""


def rows(bench: Workbench) -> Iterator[Row]:
    """The pages of made flows, then the command on flows that are deployed."""
    data, out = bench.folder / "made.json", bench.folder / "made"
    data.write_text(json.dumps(made_site()))
    code = PAGES.format(out=str(out), data=str(data))
    seconds = bench.seconds_of_python(code)
    case = f"pages of {FLOWS:,} flows in {len(ENVIRONMENTS)} environments"
    yield Row(case, f"{seconds:.2f}", f"{MOST_SECONDS} s", seconds / MOST_SECONDS, 1)
    size = megabytes(out)
    yield Row("their size", f"{size:.0f} MB", f"{MOST_MEGABYTES} MB", size / MOST_MEGABYTES, 1)
    for number in (size for size in SIZES if size <= MOST_APPLIED):
        yield _deployed(bench, number)


def _deployed(bench: Workbench, size: int) -> Row:
    folder = bench.project(size, "site")
    bench.apply(folder)
    turns = by_turns(lambda: bench.site(folder), lambda: bench.plan(folder), 3 if size <= 100 else 1)
    return compared(f"site of {size:,} flows, nothing changed, index current", turns, "that plan", LIMIT)


def made_site() -> dict[str, object]:
    """A thousand flows of eight steps in three environments, with docs of some lines, as JSON."""
    docs = "\n".join(["Reads what the shops sold yesterday, and says what they will sell."] * 8)
    found = (
        flow(name, *(deployment(f"{each}/{name}", steps=STEPS) for each in ENVIRONMENTS), doc=docs)
        for name in (f"flow_{number:04}" for number in range(FLOWS))
    )
    return site_to_json(site(*found))


def megabytes(folder: Path) -> float:
    """The size of all files below a folder."""
    return sum((Path(parent) / name).stat().st_size for parent, _, names in os.walk(folder) for name in names) / 1e6

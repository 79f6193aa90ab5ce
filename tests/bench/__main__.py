"""`make bench`: how long mfdeploy takes, against what a user would run instead; see docs/performance.md.

Every figure is the median of whole processes. Every ratio is of two commands that ran by turns, on one machine. The
rows are printed as they stand in docs/performance.md. `python -m tests.bench start plans` measures two groups only.
"""

from __future__ import annotations

import logging
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import corpus, forecasts, imports, mapped, plans, policies, sites, start
from tests.bench.rows import HEADER, Row
from tests.bench.workbench import MFDEPLOY, Workbench, environment
from tests.s3 import s3_server

GROUPS: Mapping[str, Callable[[Workbench], Iterator[Row]]] = {
    "start": start.rows,
    "plans": plans.rows,
    "sites": sites.rows,
    "policies": policies.rows,
    "imports": imports.rows,
    "foreach": mapped.rows,
    "forecast": forecasts.rows,
}


def main(asked: Sequence[str]) -> int:
    unknown = sorted(set(asked) - set(GROUPS))
    if unknown:
        print(f"{', '.join(unknown)}: not a group of benchmarks; they are {', '.join(GROUPS)}", file=sys.stderr)
        return 1
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    exceeding = []
    with tempfile.TemporaryDirectory() as folder, s3_server(corpus.BUCKET) as endpoint:
        bench = Workbench(Path(folder), environment(Path(folder), endpoint), endpoint)
        print(f"{_machine()}; medians, seconds of wall time\n\n{HEADER}", flush=True)
        for row in (row for name in asked or GROUPS for row in GROUPS[name](bench)):
            print(row.markdown(), flush=True)
            exceeding += [row.case] if row.exceeds else []
    for case in exceeding:
        print(f"above its limit: {case}", file=sys.stderr)
    return 0


def _machine() -> str:
    cores = os.cpu_count()
    versions = subprocess.run([MFDEPLOY, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{versions}, Python {platform.python_version()}, {platform.system()}, {cores} cores"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""What the program makes of the same manifests before and after a change of it: the plans, and the DAG files.

    python -m tests.differential REVISION            # the working tree against a git revision
    python -m tests.differential REVISION --flows 50

Flows of the conformance corpus are deployed many times, each with settings drawn by chance (the same in each run), to
an environment with local steps and to one with pods. Both programs plan and apply them. The differences are printed as
a diff, without what says who applied and when; with any, the exit code is 1. A change that is meant to keep what is
deployed shows none; one that is not shows here what each user's next plan will.
"""

from __future__ import annotations

import argparse
import difflib
import json
import logging
import os
import random
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

from tests.s3 import BUCKET, CREDENTIALS, s3_server

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "conformance" / "corpus"
# No names of modules, files or variables of their own beside the flow.
FLOWS = (
    *("linear", "foreach", "splits", "nested_two", "retry", "resources", "switch_in_foreach", "parameter_types"),
    *("split_and_join", "own_names", "logs", "daily", "hourly", "no_schedule", "exit_hooks", "publishing"),
)
SETTINGS: Mapping[str, Sequence[Any]] = {
    "schedule": ("0 3 * * *", {"cron": "15 4 * * 1-5", "timezone": "Europe/Helsinki"}, "none", "hourly"),
    "triggers": ([{"event": "orders"}],),
    "retries": (0, 3, {"times": 2, "minutes_between": 7}),
    "max_workers": (1, 50),
    "max_active_runs": (1, 3),
    "catchup": (True,),
    "start_date": ("2026-02-03",),
    "tags": (["b", "team:a"],),
    "namespace": ("user:ada",),
    "workflow_timeout": (3600,),
    "worker_pool": ("big",),
    "priority": (5,),
    "paused": (True,),
    "display_name": ("Früh {{ 1 }}",),
    "show_items": (False,),
    "description": ('Text with "quotes" and {{ braces }}',),
    "owner": ("ada",),
    "package": ({"only": "imports"}, {"exclude": ["tests"]}),
    "with": (["card"],),
}
# What says when and by whom something was applied, and the digest of a text that says it.
_PROVENANCE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.]*(Z|\+00:00)?"
    r"|(?<='body_digest': ')[0-9a-f]{64}"
    r"|(?<=start_date=datetime\()(\d+, ){6}"
)
_TIMES = ("next_runs", "planned_at")
_LINES_SHOWN = 200


def main() -> int:
    """Compares; returns the exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("revision", help="the git revision to compare with")
    parser.add_argument("--flows", type=int, default=200, help="how many deployments an environment has")
    arguments = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, s3_server() as endpoint:
        before = Path(folder) / "before"
        extract(arguments.revision, before)
        site = write_site(Path(folder) / "site", arguments.flows, endpoint)
        old, new = (results(program, site, endpoint) for program in (before, ROOT))
    lines = [line for name in sorted({*old, *new}) for line in difference(name, old.get(name, ""), new.get(name, ""))]
    different = sum(old.get(name) != new.get(name) for name in {*old, *new})
    print("\n".join(lines[:_LINES_SHOWN]))
    print(f"{len(new)} plans and DAG files, {different} of them different")
    return 1 if different else 0


def extract(revision: str, folder: Path) -> None:
    """The package as it was at a revision."""
    archive = subprocess.run(["git", "archive", revision, "deployer"], cwd=ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def write_site(folder: Path, count: int, endpoint: str) -> Path:
    """Manifests with `count` flows, and two environments."""
    (folder / "flows").mkdir(parents=True)
    for name in FLOWS:
        (folder / "flows" / f"{name}.py").write_bytes((CORPUS / f"{name}.py").read_bytes())
    variables = {"METAFLOW_SERVICE_URL": "http://metaflow.invalid", "METAFLOW_S3_ENDPOINT_URL": endpoint}
    local = {"target": "../out/local", "compute": "local", "datastore": "../out/metaflow"}
    pods = {"namespace": "ml", "image": "python:3.12", "service_account": "metaflow"}
    cluster = {"target": "../out/pods", "compute": "kubernetes", "datastore": f"s3://{BUCKET}/mf", "kubernetes": pods}
    manifest = {
        "version": 1,
        "project": "differential",
        "environments": {"local": local, "pods": {**cluster, "metaflow": variables}},
        "flows": {f"flow{number:03}": entry for number, entry in enumerate(entries(count))},
    }
    (folder / "mfdeploy.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    return folder


def entries(count: int) -> Iterator[dict[str, Any]]:
    """Flows with settings by chance; the same each time."""
    chance = random.Random(count)
    for number in range(count):
        chosen = chance.sample(sorted(SETTINGS), chance.randint(0, 6))
        settings = {name: chance.choice(SETTINGS[name]) for name in chosen}
        overrides = {"pods": {"dag_id": f"pods_{number:03}"}}
        yield {
            "file": f"flows/{FLOWS[number % len(FLOWS)]}.py",
            "dag_id": f"local_{number:03}",
            "overrides": overrides,
            **settings,
        }


def results(program: Path, site: Path, endpoint: str) -> dict[str, str]:
    """What a program plans and writes, by name: without provenance. The folder of what is deployed is emptied first."""
    out = site.parent / "out"
    if out.exists():
        out.rename(site.parent / f"out-{program.name}")
    found: dict[str, str] = {}
    for environment in ("local", "pods"):
        plan = json.loads(run(program, site, "plan", "--env", environment, "--format", "json"))
        found |= {f"plan of {change['address']}": as_text(change) for change in plan["changes"]}
        run(program, site, "apply", "--env", environment, "--yes")
        found |= {f"{environment}/{path.name}": normal(path.read_text()) for path in (out / environment).glob("*.py")}
    return found


def run(program: Path, site: Path, *arguments: str) -> str:
    """The standard output of one command of the program that lies in a folder."""
    command = [sys.executable, "-m", "deployer.cli", *arguments, "--manifests", str(site)]
    environ = {**os.environ, **CREDENTIALS, "PYTHONPATH": str(program)}
    done = subprocess.run(command, cwd=site.parent, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{program}: {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-5000:]}")
    return done.stdout


def as_text(change: Mapping[str, Any]) -> str:
    """A change of a plan as lines of JSON."""
    return normal(json.dumps({key: value for key, value in change.items() if key not in _TIMES}, indent=1))


def normal(text: str) -> str:
    """A text without what says who made it when."""
    return _PROVENANCE.sub("...", text)


def difference(name: str, old: str, new: str) -> Iterator[str]:
    yield from difflib.unified_diff(
        old.splitlines(), new.splitlines(), f"before/{name}", f"after/{name}", "", "", 1, ""
    )


if __name__ == "__main__":
    sys.exit(main())

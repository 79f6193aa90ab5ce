"""A flow is not described again only while nothing that decides its description has changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

import deployer.kubernetes
from deployer.models.deployment import Deployment, ResolvedPath, Retries
from tests.compiling import compile_flows

from .compiling import deployment, local

FLOW = """
import os
import json
from metaflow import Config, FlowSpec, IncludeFile, Parameter, config_expr, resources, step

import nearby

try:
    import not_installed_anywhere
except ImportError:
    not_installed_anywhere = None

SETTINGS = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../settings.json")))
CPU = 4 if os.path.exists("../big") else 1


class WatchedFlow(FlowSpec):
    alpha = Parameter("alpha", default=nearby.ALPHA)
    beta = Parameter("beta", default=SETTINGS["beta"])
    gamma = Parameter("gamma", default=os.environ.get("MFDEPLOY_TEST_GAMMA", "none"))
    notes = IncludeFile("notes", default="notes.txt")
    config = Config("config", default="config.json")

    @resources(cpu=CPU, memory=config_expr("config.memory"))
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def watched_in(folder: Path, name: str = "watched") -> Deployment:
    flows = folder / "flows"
    flows.mkdir(parents=True)
    (flows / "flow.py").write_text(FLOW)
    (flows / "nearby.py").write_text("ALPHA = 1\n")
    (flows / "spare.py").write_text("")
    (flows / "notes.txt").write_text("read me\n")
    (flows / "same.txt").write_text("read me\n")
    (flows / "config.json").write_text('{"memory": 1000}')
    (flows / "other.json").write_text('{"memory": 1000}')
    (folder / "settings.json").write_text('{"beta": 1}')
    return deployment(flows / "flow.py", name)


@pytest.fixture
def watched(tmp_path: Path) -> Deployment:
    return watched_in(tmp_path / "project")


def noted(*deployments: Deployment) -> Mapping[str, Any]:
    compiled = compile_flows(deployments, note_inputs=True)
    assert compiled.diagnostics == ()
    assert set(compiled.inputs) == {each.address for each in deployments}, "inputs of a flow could not be told"
    return compiled.inputs


def unchanged(deployments: Iterable[Deployment], known: Mapping[str, Any]) -> set[str]:
    """The names of those that are not described again."""
    compiled = compile_flows([*deployments], known=known)
    assert compiled.diagnostics == ()
    # Either or: what is not described again has no description, and the other way round.
    assert not compiled.unchanged & set(compiled.flows)
    assert compiled.unchanged | set(compiled.flows) == {each.address for each in deployments}
    return {address.partition("/")[2] for address in compiled.unchanged}


def is_unchanged(deployment: Deployment, known: Mapping[str, Any]) -> bool:
    return bool(unchanged([deployment], known))


def test_nothing_changed(watched: Deployment) -> None:
    known = noted(watched)
    assert is_unchanged(watched, known)
    os.utime(Path(watched.file.resolved))
    assert is_unchanged(watched, known)


def test_another_clone_on_another_machine_knows_it_too(watched: Deployment, tmp_path: Path) -> None:
    known = noted(watched)
    shutil.copytree(tmp_path / "project", tmp_path / "clone" / "deeper")
    there = deployment(tmp_path / "clone" / "deeper" / "flows" / "flow.py", "watched")
    assert is_unchanged(there, known)


def replaced(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "the flow": lambda folder: replaced("flow.py", FLOW.replace("cpu=CPU", "cpu=2"))(folder),
    "a comment in the flow": replaced("flow.py", FLOW + "# why\n"),
    "an imported module": replaced("nearby.py", "ALPHA = 2\n"),
    "a new module beside it": replaced("later.py", ""),
    "a module gone": lambda folder: (folder / "spare.py").unlink(),
    "a file read at import": replaced("../settings.json", '{"beta": 2}'),
    "a file looked for and now there": replaced("../big", ""),
    "an included file": replaced("notes.txt", "read me again\n"),
    "a config file": replaced("config.json", '{"memory": 2000}'),
    "a module that was missing": replaced("not_installed_anywhere.py", ""),
}


def test_a_changed_file_is_seen(tmp_path: Path) -> None:
    """Each change has a project of its own, and all are compiled at once."""
    projects = {what: watched_in(tmp_path / str(number), what) for number, what in enumerate(CHANGES)}
    known = noted(*projects.values())
    assert unchanged(projects.values(), known) == set(CHANGES)
    for what, change in CHANGES.items():
        change(Path(projects[what].file.resolved).parent)
    assert unchanged(projects.values(), known) == set()


def changed(deployment: Deployment, **settings: Any) -> Deployment:
    return deployment.model_copy(update=settings)


SETTINGS: dict[str, Callable[[Deployment], Deployment]] = {
    "parameters": lambda each: changed(each, parameters={"alpha": 7}),
    "retries": lambda each: changed(each, retries=Retries(times=2, minutes_between=1.0)),
    "decorators": lambda each: changed(each, decorators=("card",)),
    "branch": lambda each: changed(each, branch="other"),
    "config values": lambda each: changed(each, config_values={"config": {"memory": 1}}),
    "a config file": lambda each: changed(
        each, config_files={"config": ResolvedPath("other.json", str(Path(each.file.resolved).with_name("other.json")))}
    ),
    "an included file": lambda each: changed(
        each, include_files={"notes": ResolvedPath("same.txt", str(Path(each.file.resolved).with_name("same.txt")))}
    ),
    "package suffixes": lambda each: changed(each, package_suffixes=(".txt",)),
    "Metaflow's settings": lambda each: changed(
        each, environment=local(metaflow={"METAFLOW_DEFAULT_METADATA": "local"})
    ),
    "the datastore": lambda each: changed(each, environment=local("/elsewhere")),
}


def test_a_changed_setting_is_seen(watched: Deployment) -> None:
    before = {what: changed(watched, name=what) for what in SETTINGS}
    known = noted(*before.values())
    assert unchanged(before.values(), known) == set(SETTINGS)
    assert unchanged([SETTINGS[what](each) for what, each in before.items()], known) == set()


def test_a_changed_variable_is_seen(watched: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    known = noted(watched)
    monkeypatch.setenv("MFDEPLOY_TEST_GAMMA", "7")
    assert not is_unchanged(watched, known)


def test_a_variable_that_is_set_is_not_noted_since_it_may_be_a_secret(
    watched: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MFDEPLOY_TEST_GAMMA", "hidden")
    assert compile_flows([watched], note_inputs=True).inputs == {}


def test_another_metaflow_is_seen(watched: Deployment, tmp_path: Path) -> None:
    """A copy of what is installed, with one byte more in Metaflow, and an interpreter that prefers it."""
    known = noted(watched)
    site = tmp_path / "site"
    shutil.copytree(Path(sysconfig.get_path("purelib")) / "metaflow", site / "metaflow")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    other = changed(watched, python=ResolvedPath(str(python), str(python)))
    with (site / "metaflow" / "flowspec.py").open("a") as source:
        source.write("\n# patched\n")
    assert not is_unchanged(other, known)


UNKNOWN = {
    "a folder's listing": "import os; NAMES = os.listdir('.')",
    "another process": "import subprocess; OUT = subprocess.run(['true'])",
    "the network": "import socket; NAME = socket.gethostbyname('localhost')",
    "all variables": "import os; ALL = dict(os.environ)",
    "a module from elsewhere": "import sys; sys.path.insert(0, '../elsewhere'); import far",
    "a database": "import sqlite3; ROWS = sqlite3.connect('file:../rows.db?mode=ro', uri=True).execute('select 1')",
    "a library of C": "import ctypes; NUMBER = ctypes.CDLL(None).getpid()",
    "a compiled module": "import pydantic_core",
    "a compiled module behind one in Python": "import pydantic",
    "the date": "from datetime import date; TODAY = date.today()",
    "the time": "from time import time as clock; NOW = clock()",
    "the time, by a class that derives from datetime": (
        "import datetime\nclass Time(datetime.datetime): pass\nNOW = Time.now(datetime.timezone.utc)"
    ),
    "chance": "import random; NUMBER = random.randint(1, 6)",
    "chance of the system": "import secrets; TOKEN = secrets.token_hex()",
    "a new UUID": "import uuid; ID = uuid.uuid4()",
    "the process": "import os; PID = os.getpid()",
    "the machine": "import platform; NAME = platform.node()",
    "how many processors there are": "import multiprocessing; COUNT = multiprocessing.cpu_count()",
    "who plans": "import getpass; NAME = getpass.getuser()",
    "the home folder": "from pathlib import Path; HOME = Path.home()",
    "a variable that everybody has": "import os; SHELL = os.getenv('USER', 'nobody')",
    "the folder where the command runs": "from pathlib import Path; HERE = Path.cwd()",
    "the time, in a thread": (
        "import threading, time\nthread = threading.Thread(target=time.time); thread.start(); thread.join()"
    ),
    "the time, by a module beside the flow": "import clock",
    "what a module of its own wrote": "open('../written', 'w').close()",
    "the time, called by what is written in C": (
        "from datetime import datetime, timezone\nfrom functools import partial\n"
        "NOW = partial(datetime.now, timezone.utc)()"
    ),
    "the time, called by a dict": (
        "import time\nfrom collections import defaultdict\nNOW = defaultdict(time.time)['now']"
    ),
    "the time, called by a function of one's own": (
        "from time import localtime\ndef all_of(times):\n    return list(map(localtime, times))\nNOW = all_of([0])"
    ),
    "chance, called by what is written in C": "import random; NUMBER = next(iter(random.random, None))",
    "a time in the machine's time zone": "from datetime import datetime; START = datetime.fromtimestamp(0)",
    "a date in the machine's time zone": "from datetime import date; START = date.fromtimestamp(0)",
    "a time that is taken for one of the machine's": (
        "from datetime import datetime; SECONDS = datetime(2026, 1, 1).timestamp()"
    ),
    "a time that is moved to the machine's time zone": (
        "from datetime import datetime, timezone; START = datetime(2026, 1, 1, tzinfo=timezone.utc).astimezone()"
    ),
    "seconds of the machine's time zone": "import time; SECONDS = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, 0))",
    "when a file was written": "import os; WRITTEN = os.path.getmtime(__file__)",
    "the state of a file": "import os; WRITTEN = os.stat(__file__).st_mtime",
    "the state of a path": "from pathlib import Path; WRITTEN = Path(__file__).stat().st_mtime",
    "the state of an open file": "import os; STATE = os.fstat(0)",
    "where a link leads": "import os; LINK = os.readlink('/proc/self/exe')",
    "where a path that is a link leads": "from pathlib import Path; LINK = Path('/proc/self/exe').readlink()",
    "the mask for new files": "import os; MASK = os.umask(0o22)",
    "all ids of the user": "import os; IDS = os.getresuid()",
    "a limit of the process": "import resource; LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)",
    "the language of the machine": "import locale; NAME = locale.setlocale(locale.LC_ALL, '')",
    "chance of TLS": "import ssl; TOKEN = ssl.RAND_bytes(4)",
    "a variable in bytes": "import os; SHELL = os.environb.get(b'USER')",
    "how many variables there are": "import os; COUNT = len(os.environ)",
    "Metaflow's user": "from metaflow.util import get_username; NAME = get_username()",
    "Metaflow's namespace": "from metaflow import get_namespace; NAME = get_namespace()",
}


def flow_after(folder: Path, line: str, name: str) -> Deployment:
    """A flow whose file begins with this line, beside a module `clock` that reads the time when it is imported."""
    text = """
        from metaflow import FlowSpec, step

        class UnknownFlow(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                import datetime, random
                self.when = datetime.datetime.now(), random.random()
    """
    folder.mkdir()
    (folder / "clock.py").write_text("import time\nNOW = time.time()\n")
    (folder / "flow.py").write_text(f"{line}\n{textwrap.dedent(text)}")
    return deployment(folder / "flow.py", name)


def test_what_cannot_be_noted_is_described_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "somebody")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "far.py").write_text("")
    sqlite3.connect(tmp_path / "rows.db").execute("create table rows (value)")
    found = [flow_after(tmp_path / f"flows{number}", line, what) for number, (what, line) in enumerate(UNKNOWN.items())]
    compiled = compile_flows(found, note_inputs=True)
    # What its module costs the task is a warning of its own.
    assert [problem.code for problem in compiled.diagnostics] == ["not-packaged"]
    assert set(compiled.flows) == {each.address for each in found}
    assert {each.partition("/")[2] for each in compiled.inputs} == set()


# What many flows do while they are imported, and what depends on nothing else.
HARMLESS = {
    "nothing": "",
    "modules of the standard library": (
        "import argparse, asyncio, csv, dataclasses, datetime, email, enum, json, logging, random, re, statistics, "
        "string, tempfile, threading, time, typing, urllib.request, uuid, zoneinfo"
    ),
    "a logger": "import logging; logger = logging.getLogger(__name__); logger.setLevel('INFO')",
    "the folder of the flow": "from pathlib import Path; HERE = Path(__file__).resolve().parent",
    "a dataclass and an enum": (
        "from dataclasses import dataclass\nfrom enum import Enum\nclass Colour(Enum):\n    RED = 1\n"
        "@dataclass(frozen=True)\nclass Point:\n    x: int = 1\n"
    ),
    "a fixed date": "from datetime import date, timedelta; START = date(2026, 1, 1) + timedelta(days=3)",
    "a parsed date": "from datetime import datetime; START = datetime.fromisoformat('2026-01-01').strftime('%d')",
    "a dataclass with a time of its own": (
        "import time\nfrom dataclasses import dataclass, field\n@dataclass\nclass Noted:\n"
        "    at: float = field(default_factory=time.time)\n"
    ),
    "a fixed date that is passed on": "from datetime import date; DAYS = list(map(date.fromisoformat, ['2026-01-01']))",
    "decorators of Metaflow": "from metaflow import Parameter, card, current, project, retry, schedule",
    "a time in a fixed time zone": (
        "from datetime import datetime, timezone; SECONDS = datetime(2026, 1, 1, tzinfo=timezone.utc).timestamp()"
    ),
    "what is in the folder of the flow": (
        "import os; from pathlib import Path\n"
        "FOUND = Path(__file__).resolve().is_file(), os.path.isdir('data'), os.path.getsize(__file__)"
    ),
    "compiled modules of the standard library": "import decimal, hashlib, math; VALUE = hashlib.sha256(b'x')",
}


def test_what_is_known_to_be_harmless_is_remembered(tmp_path: Path) -> None:
    found = [
        flow_after(tmp_path / f"flows{number}", line, what) for number, (what, line) in enumerate(HARMLESS.items())
    ]
    compiled = compile_flows(found, note_inputs=True)
    assert compiled.diagnostics == ()
    assert {each.partition("/")[2] for each in compiled.inputs} == set(HARMLESS)


def test_every_module_of_ours_in_the_helper_counts() -> None:
    """Another mfdeploy may describe a flow otherwise. What travels to tasks has a digest of its own."""
    code = (
        "import sys, deployer.compiler.worker.serve\n"
        "from deployer.compiler.worker.inputs import own_files\n"
        "ours = {module.__file__ for name, module in sys.modules.items() if name.startswith('deployer.')}\n"
        "counted = {str(file) for file in own_files()}\n"
        "print(sorted(file for file in ours - counted if file and '/runtime/' not in file))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # This one is a docstring.
    assert done.stdout.splitlines()[-1] == f"['{deployer.kubernetes.__file__}']"

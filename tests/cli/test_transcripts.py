"""What a user sees of each command in a real terminal, as golden files that `--rewrite` writes anew.

The terminal is a pseudo terminal of 100 columns without colour, and with colour for a few of the views.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from deployer.cli.app import COMMANDS

MFDEPLOY = Path(sys.executable).with_name("mfdeploy")
GOLDEN = Path(__file__).parent / "golden"
FLOW = '''\
"""Trains."""

from metaflow import FlowSpec, Parameter, step


class TrainFlow(FlowSpec):
    """Trains a model on the clicks of the day, and says how good it is."""

    alpha = Parameter("alpha", default=0.01, help="The learning rate.")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrainFlow()
'''
LOCAL = ("--env", "local")
ENTRY = "{first entry}"
WIDTH = 100
# Also looked at in colour. tests/views holds the colours of every view.
IN_COLOUR = ("help", "validate-error", "plan-new", "apply-new", "show")


class Case(NamedTuple):
    """A command line, and what is changed before it; `typed` is what the user answers."""

    name: str
    arguments: tuple[str, ...]
    edit: str = ""
    typed: str = ""


# In this order, in one project: each command as it goes well, and as it most often does not.
SCRIPT = [
    Case("help", ("--help",)),
    Case("help-plan", ("plan", "--help")),
    Case("help-apply", ("apply", "--help")),
    Case("help-rollback", ("rollback", "--help")),
    Case("error-option", ("plan", "--bogus")),
    Case("plan-error-no-manifests", ("plan",)),
    Case("init", ("init",)),
    Case("init-again", ("init",)),
    Case("init-added", ("init",), "add a flow"),
    Case("init-error", ("init", "nowhere")),
    Case("validate-unlisted", ("validate",), "forget the flow"),
    Case("validate", ("validate",), "remove the flow"),
    Case("validate-error", ("validate",), "break the manifest"),
    Case("plan-error-flow", ("plan",), "break the flow"),
    Case("plan-new", ("plan",), "mend"),
    Case("apply-new", ("apply", *LOCAL, "--yes")),
    Case("plan-nothing", ("plan",)),
    Case("list", ("list",)),
    Case("list-all-projects", ("list", "--all-projects", *LOCAL)),
    Case("list-error", ("list", "--flow", "trian*")),
    Case("show", ("show", "TrainFlow")),
    Case("show-error", ("show", "Train", *LOCAL)),
    Case("render", ("render", "TrainFlow", *LOCAL)),
    Case("render-error", ("render", "Train")),
    Case("schema", ("schema", "history")),
    Case("schema-error", ("schema", "plans")),
    Case("plan-change", ("plan",), "change"),
    Case("plan-error-one-flow", ("plan",), "add a broken flow"),
    Case("plan-error-keep-going", ("plan", "--keep-going")),
    Case("plan-out", ("plan", *LOCAL, "--out", "plan.json"), "remove the broken flow"),
    Case("apply-declined", ("apply", *LOCAL), typed="n"),
    Case("apply-change", ("apply", *LOCAL), typed="y"),
    Case("apply-error-stale", ("apply", "plan.json")),
    Case("forecast", ("forecast", *LOCAL, "--deployed", "--days", "1")),
    Case("forecast-error", ("forecast", *LOCAL, "--pool", "gpus")),
    Case("env", ("env", "TrainFlow")),
    Case("env-error", ("env", "Train")),
    Case("plan-drifted", ("plan",), "edit the DAG file"),
    Case("history", ("history", *LOCAL)),
    Case("history-error", ("history", "--env", "prod")),
    Case("rollback", ("rollback", ENTRY, *LOCAL, "--yes")),
    Case("plan-restored", ("plan",)),
    Case("rollback-error", ("rollback", "2025", *LOCAL)),
    Case("status", ("status", *LOCAL)),
    Case("status-error", ("status", "--env", "lokal")),
    Case("site", ("site", *LOCAL, "--out", "site")),
    Case("site-error", ("site", *LOCAL, "--out", "deployments")),
    Case("run-error", ("run", "Train", *LOCAL)),
    Case("run-error-parameters", ("run", "TrainFlow", *LOCAL, "--param", "alpha=much", "--param", "aplha=1")),
    Case("dev-error", ("dev", "--env", "lokal")),
    Case("event-error", ("event", "orders arrived", *LOCAL)),
    Case("runs-error", ("runs", "TrainFlow", *LOCAL)),
    Case("logs-error", ("logs", "Train", *LOCAL)),
    Case("retry-error", ("retry", "TrainFlow", *LOCAL)),
    Case("stop-error", ("stop", "TrainFlow", *LOCAL)),
    Case("pause-error", ("pause", "TrainFlow", *LOCAL)),
    Case("unpause-error", ("unpause", "TrainFlow", *LOCAL)),
    Case("open-error", ("open", "TrainFlow", *LOCAL)),
    Case("previews", ("previews", *LOCAL, "--existing", "pr_12")),
    Case("previews-error", ("previews", *LOCAL, "--yes")),
    Case("policy", ("policy", "list"), "add policies"),
    Case("policy-error", ("policy", "test")),
    Case("plan-error-rule", ("plan",), "change a policy"),
    Case("plan-error-policy", ("plan",), "mend the policy"),
    Case("destroy-error", ("destroy", *LOCAL), "protect"),
    Case("destroy", ("destroy", *LOCAL, "--yes", "--allow-delete", "local/TrainFlow")),
]
# Of what is the same in every terminal the beginning will do.
CUT = {"render": 24, "schema": 24}
# Their lines are as they are, or one for each problem, which a terminal wraps.
AS_LONG_AS_THEY_ARE = ("render", "schema", "list", "env", "init", "unlisted", "error", "stale", "declined", "out")
QUESTION = "[y/N] "
_MASKS = (
    (r"\d{8}T\d{9}Z-[0-9a-f]{4}", "20260101T000000000Z-abcd"),
    (r"\d{4}-\d\d-\d\d(\s+)\d\d:\d\d(:\d\d)?", r"2026-01-01\g<1>00:00"),
    (r"(version |unchecked  )[0-9a-f]{12}", r"\g<1>0123456789ab"),
    (r"local-0-\w{4}\b", "local-0-abcd"),
    (r"(?<=by ada at )\S+(?=;)", "2026-01-01T00:00:00+00:00"),
)


POLICIES = """\
policies:
  owner:
    rule: after.settings.owner != project
    message: a flow names its owner
    field: settings.owner
    examples:
      - {name: somebody, input: {project: shop, after: {settings: {owner: ada}}}, expect: pass}
      - {name: nobody, input: {project: shop, after: {settings: {owner: shop}}}, expect: pass}
"""


def edit(project: Path, how: str) -> None:
    manifest, flow = project / "deployments" / "mfdeploy.yaml", project / "flows" / "train.py"
    kept, dag = project / "kept.yaml", project / "build" / "dags" / "TrainFlow.local.py"
    if how == "change":
        flow.write_text(flow.read_text().replace("default=0.01", "default=0.05"))
        manifest.write_text(f'{manifest.read_text()}    schedule: "0 3 * * *"\n    tags: [team:growth]\n')
    elif how == "break the manifest":
        kept.write_text(manifest.read_text())
        wrong = manifest.read_text().replace("compute: l", "compute: L")
        manifest.write_text(f"{wrong}    schedul: daily\n")
    elif how == "break the flow":
        manifest.write_text(kept.read_text())
        flow.write_text(FLOW.replace("\n\n\nclass", "\nimport sklaern\n\n\nclass"))
    elif how == "add a flow":
        kept.write_text(manifest.read_text())
        (project / "flows" / "tidy.py").write_text(FLOW.replace("TrainFlow", "TidyFlow"))
    elif how == "forget the flow":
        manifest.write_text(kept.read_text())
    elif how == "remove the flow":
        (project / "flows" / "tidy.py").unlink()
    elif how == "add a broken flow":
        kept.write_text(manifest.read_text())
        manifest.write_text(f"{manifest.read_text()}  report:\n    file: ../report/report.py\n")
        (project / "report").mkdir()
        (project / "report" / "report.py").write_text("import sklaern\n")
    elif how == "remove the broken flow":
        manifest.write_text(kept.read_text())
    elif how == "mend":
        flow.write_text(FLOW)
    elif how == "edit the DAG file":
        dag.write_text(dag.read_text().replace("max_active_runs=16", "max_active_runs=3"))
    elif how == "add policies":
        kept.write_text(manifest.read_text())
        manifest.write_text(manifest.read_text() + POLICIES)
    elif how == "change a policy":
        manifest.write_text(manifest.read_text().replace("!= project", "!= projct"))
    elif how == "mend the policy":
        manifest.write_text(manifest.read_text().replace("!= projct", "!= project"))
        flow.write_text(FLOW.replace("default=0.01", "default=0.02"))
    elif how == "protect":
        manifest.write_text(kept.read_text())
        flow.write_text(FLOW)
        manifest.write_text(manifest.read_text().replace("compute: local", "compute: local\n    protect: true"))


def seen(project: Path, case: Case, arguments: Sequence[str], colour: bool) -> str:
    """What the terminal gets: both streams, in the order of writing, and what is typed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, WIDTH, 0, 0))
    environ = {"PATH": os.environ["PATH"], "HOME": str(project.parent), "USER": "ada", "TERM": "xterm-256color"}
    if not colour:
        environ["NO_COLOR"] = "1"
    process = subprocess.Popen(
        [MFDEPLOY, *arguments], cwd=project, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = ""
    decoder = codecs.getincrementaldecoder("utf-8")()  # a character may come in two parts
    for data in _read(ours):
        text += decoder.decode(data)
        if case.typed and text.endswith(QUESTION):
            os.write(ours, f"{case.typed}\n".encode())
    process.wait()
    os.close(ours)
    return text.replace("\r\n", "\n")


def _read(handle: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(handle, 65536)
        except OSError:  # how Linux says that nobody is at the other end any more
            return
        if not data:
            return
        yield data


def settled(text: str, project: Path) -> str:
    """The text without what differs from run to run, and without the progress line, which is wiped away."""
    text = re.sub(r"\r|\x1b\[2K|\x1b\[\?25[lh]", "", text)
    text = re.sub(r"[^\n]*\n\x1b\[1A", "", text)
    for pattern, replacement in _MASKS:
        text = re.sub(pattern, replacement, text)
    return text.replace(str(project), "/home/ada/shop")


def session(folder: Path, script: Sequence[Case], colour: bool) -> dict[str, str]:
    """The command lines of a script, one after the other, with or without colour."""
    project = folder / "shop"
    (project / "flows").mkdir(parents=True)
    (project / "flows" / "train.py").write_text(FLOW)
    found: dict[str, str] = {}
    first = ""
    for case in script:
        edit(project, case.edit)
        arguments = [first if word == ENTRY else word for word in case.arguments]
        text = seen(project, case, arguments, colour)
        if case.name == "history":
            first = re.findall(_MASKS[0][0], text)[-1]
        found[case.name] = settled(text, project)
    return found


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is seen without colour, by name of the case."""
    return session(tmp_path_factory.mktemp("home"), SCRIPT, colour=False)


@pytest.fixture(scope="module")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is seen with colour, by name of the case."""
    last = max(number for number, case in enumerate(SCRIPT) if case.name in IN_COLOUR)
    return session(tmp_path_factory.mktemp("home"), SCRIPT[: last + 1], colour=True)


def compare(name: str, text: str, rewrite: bool) -> None:
    golden = GOLDEN / f"{name}.txt"
    # An escape as a letter, so that a reviewer can read it.
    text = text.replace("\x1b", "␛")
    if rewrite:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [case.name for case in SCRIPT])
def test_a_user_sees(name: str, plain: dict[str, str], request: pytest.FixtureRequest) -> None:
    text = "".join(plain[name].splitlines(keepends=True)[: CUT.get(name)])
    compare(name, text, request.config.getoption("--rewrite"))


@pytest.mark.parametrize("name", IN_COLOUR)
def test_a_user_sees_in_colour(name: str, coloured: dict[str, str], request: pytest.FixtureRequest) -> None:
    compare(f"{name}-colour", coloured[name], request.config.getoption("--rewrite"))


def test_each_golden_file_is_of_a_case() -> None:
    names = {case.name for case in SCRIPT} | {f"{name}-colour" for name in IN_COLOUR}
    assert {path.stem for path in GOLDEN.iterdir()} == names


# These go well with a running Airflow alone: see tests/live and tests/dev.
LIVE = {"dev", "run", "event", "runs", "logs", "retry", "stop", "pause", "unpause", "open"}


def test_each_command_goes_well_once_and_is_refused_once() -> None:
    for command in COMMANDS:
        names = [case.name for case in SCRIPT if case.arguments[0] == command]
        assert any("error" in name for name in names), command
        assert command in LIVE or any("error" not in name for name in names), command


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_colour_adds_nothing_but_colour(plain: dict[str, str], coloured: dict[str, str]) -> None:
    assert {name: without_colour(text) for name, text in coloured.items()} == {name: plain[name] for name in coloured}


def test_no_line_is_wider_than_the_terminal(plain: dict[str, str]) -> None:
    for name, text in plain.items():
        if not any(word in name for word in AS_LONG_AS_THEY_ARE):
            assert [line for line in text.splitlines() if len(line) > WIDTH] == [], name

"""What a user sees of each command in a real terminal, as golden files that `--rewrite` writes anew.

The terminal is a pseudo terminal of 80 or 120 columns. Each command is seen in some of the four kinds of terminal, so
that together all are seen: a process for each command in each would only say the same more slowly.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

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
# Name of the transcript, width, colour, what is changed before, the command line. In this order, in one project.
SCRIPT: list[tuple[str, int, bool, str, tuple[str, ...]]] = [
    ("help", 80, False, "", ("--help",)),
    ("help-plan", 80, False, "", ("plan", "--help")),
    ("help-apply", 120, False, "", ("apply", "--help")),
    ("help-rollback", 80, False, "", ("rollback", "--help")),
    ("init", 80, True, "", ("init",)),
    ("validate", 80, False, "", ("validate",)),
    ("plan-new", 80, True, "", ("plan",)),
    ("apply-new", 120, False, "", ("apply", *LOCAL, "--yes")),
    ("plan-nothing", 80, False, "", ("plan",)),
    ("show", 120, True, "", ("show", "TrainFlow", *LOCAL)),
    ("schema", 120, False, "", ("schema", "history")),
    ("plan-change", 80, False, "change", ("plan",)),
    ("apply-change", 120, True, "", ("apply", *LOCAL, "--yes")),
    ("history", 80, False, "", ("history", *LOCAL)),
    ("history-120", 120, True, "", ("history", *LOCAL)),
    ("rollback", 80, True, "", ("rollback", ENTRY, *LOCAL, "--yes")),
    ("destroy", 80, False, "", ("destroy", *LOCAL, "--yes", "--allow-mass-change")),
    ("error-entry", 80, False, "", ("rollback", "2025", *LOCAL)),
    ("error-option", 80, True, "", ("plan", "--bogus")),
    ("error-manifest", 80, True, "break", ("validate",)),
]
_MASKS = (
    (r"\d{8}T\d{9}Z-[0-9a-f]{4}", "20260101T000000000Z-abcd"),
    (r"\d{4}-\d\d-\d\d(\s+)\d\d:\d\d", r"2026-01-01\g<1>00:00"),
    (r"local-0-\w{4}\b", "local-0-abcd"),
)


def edit(project: Path, how: str) -> None:
    manifest, flow = project / "deployments" / "mfdeploy.yaml", project / "flows" / "train.py"
    if how == "change":
        flow.write_text(flow.read_text().replace("default=0.01", "default=0.05"))
        manifest.write_text(f'{manifest.read_text()}    schedule: "0 3 * * *"\n    tags: [team:growth]\n')
    elif how == "break":
        manifest.write_text(manifest.read_text().replace("schedule:", "schedul:").replace("compute: l", "compute: L"))


def seen(project: Path, arguments: tuple[str, ...], width: int, colour: bool) -> str:
    """What a terminal of that width gets: both streams, in the order of writing."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environ = {"PATH": os.environ["PATH"], "HOME": str(project.parent), "USER": "ada", "TERM": "xterm-256color"}
    if not colour:
        environ["NO_COLOR"] = "1"
    process = subprocess.Popen(
        [MFDEPLOY, *arguments], cwd=project, env=environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b"".join(_read(ours)).decode()
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


def settled(text: str) -> str:
    """The text without what differs from run to run, and without the progress line, which is wiped away."""
    text = re.sub(r"\r|\x1b\[2K|\x1b\[\?25[lh]", "", text)
    text = re.sub(r"[^\n]*\n\x1b\[1A", "", text)
    for pattern, replacement in _MASKS:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    project = tmp_path_factory.mktemp("home") / "shop"
    (project / "flows").mkdir(parents=True)
    (project / "flows" / "train.py").write_text(FLOW)
    found: dict[str, str] = {}
    first = ""
    for name, width, colour, how, arguments in SCRIPT:
        edit(project, how)
        given = tuple(first if word == ENTRY else word for word in arguments)
        text = seen(project, given, width, colour)
        if name == "history":
            first = re.findall(_MASKS[0][0], text)[-1]
        found[name] = settled(text)
    return found


@pytest.mark.parametrize("name", [case[0] for case in SCRIPT])
def test_a_user_sees(name: str, transcripts: dict[str, str], request: pytest.FixtureRequest) -> None:
    golden = GOLDEN / f"{name}.txt"
    # An escape as a letter, so that a reviewer can read it.
    text = transcripts[name].replace("\x1b", "␛")
    if request.config.getoption("--rewrite"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "width"), [case[:2] for case in SCRIPT if not case[0].startswith("error")])
def test_no_line_is_wider_than_the_terminal(name: str, width: int, transcripts: dict[str, str]) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", transcripts[name])
    assert [line for line in plain.splitlines() if len(line) > width] == []

"""Options in, values out: what each command takes, how it is refused, and its page of help."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.cli import commands
from deployer.cli.app import COMMANDS, build_command
from deployer.cli.chosen import permissions, selection
from deployer.cli.help import rich_markup
from deployer.models.selection import Selection
from deployer.planning.guards import Permissions

SELECTED = ["--env", "prod", "-e", "staging", "--flow", "a*", "--exclude", "b", "--var", "x=1=2", "-m", "there"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def parse(name: str, *arguments: str) -> dict[str, Any]:
    """The values that a command's function would get."""
    return dict(build_command(name).make_context(name, list(arguments)).params)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mfdeploy ")


def test_each_module_of_a_command_is_listed() -> None:
    assert {path.stem for path in Path(commands.__file__).parent.glob("[!_]*.py")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    help = build_command(name).help or ""
    assert help.partition("\n\n")[0] == COMMANDS[name]
    assert len(COMMANDS[name]) <= 80 - len("│ validate   │")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Usage: mfdeploy {name}" in out
    assert f"\n    $ mfdeploy {name}" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_texts_hold_no_markup(name: str) -> None:
    # A rich page reads square brackets as markup.
    command = build_command(name)
    texts = [command.help, command.epilog, *(getattr(each, "help", "") for each in command.params)]
    assert [text for text in texts if "[" in (text or "")] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_understood(name: str) -> None:
    epilog = build_command(name).epilog or ""
    for line in epilog.splitlines():
        for each in line.strip("$ ").partition(" > ")[0].split(" && "):
            if each.startswith("mfdeploy"):
                _, command, *arguments = shlex.split(each)
                parse(command, *arguments)


def test_the_commands_of_the_readme_are_understood() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^ {4,}(?:\$ )?(?:eval \"\$\()?mfdeploy ([a-z][^#\n)]*)", text)
    assert {line.split()[0] for line in found} >= {"init", "list", "plan", "apply", "env", "history", "rollback"}
    for line in found:
        parse(*shlex.split(line))


def test_help_goes_without_frames_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")  # which Typer takes for a terminal
    assert cli.run(["plan", "-h"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: mfdeploy plan [OPTIONS]\n")
    assert "─" not in out


@pytest.mark.parametrize("name", ["COLUMNS", "TERMINAL_WIDTH"])
@pytest.mark.parametrize("value", ["0", "-1", "abc", "9" * 12])
def test_a_width_that_no_terminal_has_gives_a_plain_page(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert rich_markup() == "rich"
    monkeypatch.setenv(name, value)
    assert rich_markup() is None


def test_no_command_shows_the_help_and_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "Usage: mfdeploy" in err


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from deployer import cli; cli.run(['plan', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not loaded & {"rich.console", "yaml", "jinja2", "metaflow", "boto3", "croniter", "pydantic"}
    assert {name for name in loaded if name.startswith("deployer.cli.commands.")} == {"deployer.cli.commands.plan"}


def test_a_plan_that_asks_no_airflow_imports_no_client_of_one(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(
        "from metaflow import FlowSpec, step\n\n\nclass F(FlowSpec):\n"
        "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )
    (tmp_path / "m.yaml").write_text(
        "version: 1\nproject: p\nflows: {F: {file: flow.py}}\n"
        "environments: {local: {target: dags, compute: local, datastore: metaflow}}\n"
    )
    code = "import sys; from deployer import cli; cli.run(['plan', '-m', '.']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "1 to create" in done.stdout
    assert not set(done.stderr.split()) & {"httpx", "tenacity", "sqlite3", "metaflow", "boto3", "kubernetes"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["paln"], "no such command 'paln'; did you mean 'plan'?"),
        (["--bogus"], "mfdeploy has no option --bogus; see `mfdeploy --help`"),
        (["plan", "--fromat", "json"], "mfdeploy plan has no option --fromat; did you mean '--format'?"),
        (["plan", "--format", "yaml"], "invalid value for '--format': 'yaml' is not one of 'text', 'json', 'markdown'"),
        (["plan", "extra"], "got unexpected extra argument(s) (extra); see `mfdeploy plan --help`"),
        (["plan", "--out"], "option '--out' requires an argument"),
        (["plan", "--diff=yes"], "option '--diff' does not take a value"),
        (["render", "--env", "prod"], "missing argument 'FLOW'"),
        (["history", "--env", "prod", "--limit", "0"], "invalid value for '--limit'"),
        (["schema", "plans"], "invalid value for 'NAME': 'plans' is not one of 'manifest', 'plan', 'policy'"),
        (["plan", "--var", "branch"], "is not NAME=VALUE"),
        (["plan", "--var", "a=1", "--var", "a=2"], "--var a is given twice with different values"),
        (["rollback", "2026", "--env", "a", "-e", "b"], "--env is given twice, and takes one value"),
        (["policy"], "error: missing argument 'action'. Choose from: list, test; see `mfdeploy policy --help`\n"),
        (["plan", "--policies", ""], "--policies is given without a path; name one, or leave it out"),
        (["plan", "--manifests="], "--manifests is given without a path"),
        (["plan", "--out="], "--out is given without a path"),
        (["apply", ""], "PLAN is given without a path"),
        (["validate", "--no-flows", "--keep-going"], "--keep-going is about flows, and --no-flows compiles none"),
        (["plan", "-m", "a", "--manifests", "b"], "--manifests is given twice, and takes one value"),
        (["plan", "--format", "text", "--format", "text"], "--format is given twice, and takes one value"),
        (["plan", "--out", "x" * 256], "the path is longer than a file system allows"),
        (["plan", "--diff", "--format", "json"], "--diff has no JSON form"),
        (["plan", "--against", "main", "--out", "plan.json"], "--out does not go with --against"),
        (["plan", "--from", "plan.json", "--env", "prod"], "--from shows a saved plan as it is"),
        (["plan", "--from", "plan.json", "--fresh"], "--from shows a saved plan as it is"),
        (["plan", "--from", "plan.json", "--manifests", "elsewhere"], "--from shows a saved plan as it is"),
        (["plan", "--from", "plan.json", "--policies", "rules"], "--from shows a saved plan as it is"),
        (["plan", "--from", "plan.json", "--projects", "p.yaml"], "--from shows a saved plan as it is"),
        (["plan", "--from", "no-such-plan.json"], "error: cannot read no-such-plan.json: No such file"),
        (["plan", "--against", "main", "--check-cluster"], "--check-cluster does not go with --against"),
        (["apply", "plan.json", "--env", "prod"], "a saved plan is applied as it is"),
        (["apply", "--env", "prod", "--allow-rollback"], "--allow-adopt are about a saved plan"),
        (["apply", "no-such-plan.json"], "error: cannot read no-such-plan.json: No such file"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_bad_usage_is_refused_with_1(
    arguments: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(arguments) == 1
    out, err = capsys.readouterr()
    if arguments[-2:] == ["--format", "json"]:
        out, err = "", json.loads(out)["diagnostics"][0]["message"]
    assert expected in err
    assert out == ""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["apply"], "add --yes, or save a plan with `mfdeploy plan --out FILE` and apply that"),
        (["destroy"], "add --yes, or save a plan with `mfdeploy destroy --out FILE` and apply that"),
        (["rollback", "2026"], "add --yes, or save a plan with `mfdeploy rollback ENTRY --out FILE` and apply that"),
        (["previews", "--destroy-gone"], "add --yes"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_who_cannot_be_asked_is_told_what_saves_such_a_plan(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*arguments, "--env", "prod", "--format", "json"]) == 1
    [problem] = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (problem["code"], problem["hint"]) == ("bad-usage", expected)


def test_options_make_a_selection() -> None:
    given = parse("plan", "--adopt", "c", *SELECTED)
    found = selection(
        given["manifests"],
        given["var"],
        environments=given["env"],
        flows=given["flow"],
        exclude=given["exclude"],
        adopt=given["adopt"],
    )
    assert found == Selection(Path("there"), {"x": "1=2"}, ("prod", "staging"), ("a*",), ("b",), ("c",))


def test_without_options_everything_is_selected() -> None:
    given = parse("plan")
    assert selection(given["manifests"], given["var"]) == Selection(Path("deployments"))
    chosen = (given[name] for name in ("env", "flow", "exclude", "adopt"))
    assert not any(chosen)


def test_the_folder_of_the_manifests_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MFDEPLOY_MANIFESTS", "elsewhere")
    assert parse("plan")["manifests"] == Path("elsewhere")
    assert parse("plan", "-m", "here")["manifests"] == Path("here")


@pytest.mark.parametrize(
    ("arguments", "expected"), [([], None), (["--check-cluster"], True), (["--no-check-cluster"], False)]
)
def test_each_environment_decides_on_the_cluster_check_unless_an_option_does(
    arguments: list[str], expected: bool | None
) -> None:
    assert parse("plan", *arguments)["check_cluster"] is expected


def test_the_other_options_of_a_plan() -> None:
    given = parse("plan", "--against", "main", "--diff", "--detailed-exitcode", "--out", "a/b.json")
    assert (given["against"], given["diff"], given["detailed_exitcode"]) == ("main", True, True)
    assert given["out"] == Path("a/b.json")


@pytest.mark.parametrize("name", ["apply", "destroy", "rollback"])
def test_options_make_permissions(name: str) -> None:
    needed = {"apply": ["--env", "prod"], "destroy": ["--env", "prod"], "rollback": ["3f9a", "--env", "prod"]}[name]
    allowed = ["--allow-delete", "prod/a", "--allow-delete", "b", "--allow-mass-change", "--allow-branch"]
    given = parse(name, *needed, *allowed)
    found = permissions(given["allow_delete"], given["allow_mass_change"], given["allow_branch"])
    assert found == Permissions(("prod/a", "b"), mass_change=True, branch=True)
    given = parse(name, *needed)
    assert permissions(given["allow_delete"], given["allow_mass_change"], given["allow_branch"]) == Permissions()


def test_history_shows_ten_entries_unless_told_otherwise() -> None:
    assert parse("history", "--env", "prod")["limit"] == 10
    assert parse("history", "--env", "prod", "--limit", "3")["limit"] == 3

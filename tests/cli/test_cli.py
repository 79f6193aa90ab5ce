"""The command line against stand-ins for the commands: options in, streams and exit codes out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.errors import DeployError, Diagnostic, Location, Severity
from deployer.models.plan import Plan
from deployer.planning.guards import Permissions
from deployer.views.plan_json import plan_from_text
from tests.views import samples

WARNING = Diagnostic("old", "on its way out", severity=Severity.WARNING)
REFUSAL = DeployError(Diagnostic("unknown-key", "unknown key 'x'", Location("deployments/a.yaml", 3)))
COMMANDS = ["init", "validate", "show", "render", "plan", "apply", "destroy", "history", "rollback", "schema"]
Stub = Callable[..., None]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Stub:
    def put(name: str, **members: Any) -> None:
        module = types.ModuleType(f"deployer.commands.{name}")
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return put


def planned(plan: Plan = samples.EVERYTHING, **more: Any) -> Any:
    values: dict[str, Any] = {"warnings": (), "secrets": frozenset(), "sources": {}}
    return types.SimpleNamespace(plan=plan, **(values | more))


class Apply:
    """Stands for the apply command: remembers what it was asked to do."""

    def __init__(self, command: Stub, plan: Plan = samples.EVERYTHING, failed: bool = False) -> None:
        self.plan, self.failed = plan, failed
        self.prepared: list[dict[str, Any]] = []
        self.executed: list[Any] = []
        command(
            "apply",
            prepare=self.prepare,
            execute=self.execute,
            refuse_unpermitted=lambda prepared, permissions: None,
            Permissions=Permissions,
        )

    def prepare(self, selection: Any, **more: Any) -> Any:
        self.prepared.append({"selection": selection, **more})
        return types.SimpleNamespace(view=planned(self.plan))

    def execute(self, prepared: Any, permissions: Any, progress: Any) -> Any:
        self.executed.append(permissions)
        pending = list(self.plan.pending)
        failed = [(pending.pop(), "no such bucket")] if self.failed else []
        return types.SimpleNamespace(
            done=pending, failed=failed, not_done=[], warnings=[WARNING], namespaces={}, errors=()
        )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mfdeploy ")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([name, "--help"]) == 0
    assert f"mfdeploy {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["paln"], "no such command 'paln'; did you mean 'plan'?"),
        (["plan", "--fromat", "json"], "--fromat"),
        (["plan", "--format", "yaml"], "'yaml'"),
        (["plan", "extra"], "extra"),
        (["show", "train"], "--env"),
        (["destroy"], "--env"),
        (["plan", "--var", "branch"], "is not NAME=VALUE"),
        (["plan", "--var", "a=1", "--var", "a=2"], "given twice"),
        (["rollback", "2026", "--env", "a", "-e", "b"], "--env is given twice, and takes one value"),
        (["plan", "-m", "a", "--manifests", "b"], "--manifests is given twice"),
        (["plan", "--diff", "--format", "json"], "--diff has no JSON form"),
        (["apply", "plan.json", "--env", "prod"], "a saved plan is applied as it is"),
        (["apply", "no-such-plan.json"], "error: cannot read no-such-plan.json: No such file"),
    ],
)
def test_bad_usage_is_refused_with_1(
    arguments: list[str], expected: str, command: Stub, capsys: pytest.CaptureFixture[str]
) -> None:
    command("plan", plan=lambda *_, **__: planned())
    Apply(command)
    assert cli.run(arguments) == 1
    out, err = capsys.readouterr()
    assert expected.lower() in (out + err).lower()
    assert bool(out) == ("--format" in arguments and "json" in arguments)


def test_no_command_shows_the_help_and_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert "Usage: mfdeploy" in err


@pytest.mark.parametrize("flag", [["--format", "json"], ["--format=json"]])
def test_a_refusal_in_json_is_one_document(flag: list[str], command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise REFUSAL

    command("plan", plan=refuse)
    assert cli.run(["plan", *flag]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["diagnostics"][0] == {
        "severity": "error",
        "code": "unknown-key",
        "message": "unknown key 'x'",
        "file": "deployments/a.yaml",
        "line": 3,
        "column": None,
        "path": "",
        "hint": "",
    }
    assert err == ""


def test_a_plan_goes_to_stdout_and_its_warnings_to_stderr(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def plan(selection: Any, progress: Any, diff: bool, against: str | None, check_cluster: bool | None) -> Any:
        asked.append(selection)
        assert against == "main"
        return planned(warnings=[WARNING], sources={"prod/a.py": ("a\n", "b\n")} if diff else {})

    command("plan", plan=plan)
    options = ["--env", "prod", "-e", "staging", "--flow", "a*", "--exclude", "b", "--var", "x=1=2", "-m", "there"]
    assert cli.run(["plan", "--diff", "--against", "main", "--adopt", "c", *options]) == 0
    out, err = capsys.readouterr()
    assert "--- deployed/prod/a.py\n+++ planned/prod/a.py" in out
    assert out.endswith("Plan: 3 to create, 6 to update, 2 to delete, 1 conflict; 1 unchanged.\n")
    assert err == "warning: on its way out\n1 warning\n"
    assert asked[0].manifests == Path("there")
    assert (asked[0].environments, asked[0].flows, asked[0].exclude) == (("prod", "staging"), ("a*",), ("b",))
    assert (asked[0].variables, asked[0].adopt) == ({"x": "1=2"}, ("c",))


@pytest.mark.parametrize(
    ("plan", "flag", "code"),
    [(samples.EVERYTHING, True, 2), (samples.EVERYTHING, False, 0), (samples.NOTHING, True, 0)],
)
def test_detailed_exitcode(plan: Plan, flag: bool, code: int, command: Stub) -> None:
    command("plan", plan=lambda *_, **__: planned(plan))
    assert cli.run(["plan", *(["--detailed-exitcode"] if flag else [])]) == code


def test_a_saved_plan_is_applied_without_asking(
    command: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command("plan", plan=lambda *_, **__: planned())
    apply = Apply(command)
    saved = tmp_path / "plan.json"
    assert cli.run(["plan", "--out", str(saved), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert saved.read_text() == out
    assert f"mfdeploy apply {saved}" in err
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert plan_from_text(out) == samples.EVERYTHING
    assert cli.run(["apply", str(saved), "--allow-delete", "prod/a", "--allow-delete", "b", "--allow-mass-change"]) == 0
    assert apply.prepared[0]["saved"] == samples.EVERYTHING
    assert (apply.executed[0].delete, apply.executed[0].mass_change) == (("prod/a", "b"), True)
    out, err = capsys.readouterr()
    assert "Apply complete" in out
    assert "on its way out" in err


def test_a_plan_that_cannot_be_saved(command: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command("plan", plan=lambda *_, **__: planned())
    assert cli.run(["plan", "--out", str(tmp_path / "no" / "plan.json")]) == 1
    assert "plan.json: No such file or directory" in capsys.readouterr().err


def test_a_plan_saved_to_a_pipe_or_a_link_leaves_it_what_it_is(command: Stub, tmp_path: Path) -> None:
    command("plan", plan=lambda *_, **__: planned())
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "plan.json"
    os.mkfifo(pipe)
    link.symlink_to(file)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        assert cli.run(["plan", "--out", str(pipe)]) == 0
        assert reader.stdout
        assert json.loads(reader.stdout.read())["format"] == 2
    assert cli.run(["plan", "--out", str(link)]) == 0
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
    assert json.loads(file.read_text())["format"] == 2


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_apply_asks_on_a_terminal(
    answer: str, code: int, command: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply = Apply(command)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert cli.run(["apply"]) == code
    assert len(apply.executed) == (code == 0)
    err = capsys.readouterr().err
    assert "Apply these changes? [y/N] " in err
    assert err.endswith("[y/N] \nNothing was applied.\n") == (answer == "")


def test_apply_without_a_terminal_wants_yes(
    command: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply = Apply(command)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert cli.run(["apply"]) == 1
    assert "add --yes" in capsys.readouterr().err
    assert not apply.executed
    assert cli.run(["apply", "--yes"]) == 0
    assert len(apply.executed) == 1


def test_nothing_to_apply_asks_nothing(
    command: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply = Apply(command, samples.NOTHING)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert cli.run(["apply"]) == 0
    assert capsys.readouterr().out == "No changes. 2 deployments are up to date.\n"
    assert not apply.executed


def test_an_apply_that_stops_half_way_is_1(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    Apply(command, failed=True)
    assert cli.run(["destroy", "--env", "prod", "--yes"]) == 1
    assert "no such bucket" in capsys.readouterr().out


def test_interrupted(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    command("plan", plan=interrupt)
    assert cli.run(["plan"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_a_broken_pipe_that_is_not_ours_is_told(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    command("plan", plan=fail)
    assert cli.run(["plan"]) == 3
    path = Path(capsys.readouterr().err.partition("report it with ")[2].split()[0])
    assert "BrokenPipeError" in path.read_text()
    path.unlink()


def test_a_bug_is_3_with_its_traceback_in_a_file(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("sesame")

    command("plan", plan=fail)
    assert cli.run(["plan"]) == 3
    err = capsys.readouterr().err
    path = Path(err.partition("report it with ")[2].split()[0])
    assert "ZeroDivisionError: sesame" in path.read_text()
    assert "Traceback" not in err
    assert "sesame" not in err
    path.unlink()


@pytest.mark.parametrize(("severity", "code"), [(Severity.ERROR, 1), (Severity.WARNING, 0)])
def test_validate(severity: Severity, code: int, command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    found = Diagnostic("x", "is wrong", severity=severity)
    result = types.SimpleNamespace(diagnostics=[found], deployments=1)
    command("validate", validate=lambda *_, **__: result)
    assert cli.run(["validate", "--no-flows"]) == code
    out, err = capsys.readouterr()
    assert out == ("" if code else "Valid: 1 deployment.\n")
    assert err == f"{severity.value}: is wrong\n1 {severity.value}\n"
    assert cli.run(["validate", "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["severity"] == severity.value


def test_show_and_render(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    shown = types.SimpleNamespace(
        deployment=samples.DEPLOYMENT,
        flow=samples.FLOW,
        dag_id="growth.prod.Train",
        schedule=samples.DEPLOYMENT.schedule,
        next_runs=(),
        warnings=(),
        secrets=frozenset({"sesame-secret"}),
    )
    command("show", show=lambda *_: shown)
    command("render", render=lambda *_: types.SimpleNamespace(source="# ääkköset\n", warnings=()))
    assert cli.run(["show", "train", "--env", "prod"]) == 0
    assert "0 3 * * *" in capsys.readouterr().out
    assert cli.run(["show", "train", "--env", "prod", "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["dag_id"] == "growth.prod.Train"
    assert "sesame-secret" not in out
    assert cli.run(["render", "train", "--env", "prod"]) == 0
    assert capsys.readouterr().out == "# ääkköset\n"


def test_init(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    made = types.SimpleNamespace(manifest=Path("deployments/mfdeploy.yaml"), text="", flows=["A", "B"])
    command("init", init=lambda _: made)
    assert cli.run(["init"]) == 0
    out, err = capsys.readouterr()
    assert out == "Wrote deployments/mfdeploy.yaml with 2 flows:\n  A\n  B\n"
    assert err == "Next: mfdeploy plan\n"


def mfdeploy(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "deployer.cli", *arguments], check=False, **more)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from deployer import cli; cli.run(['plan', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & {"rich", "yaml", "jinja2", "metaflow", "boto3", "croniter", "pydantic"}


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = mfdeploy("plan", "--help", stdout=reader.stdin, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_reader_that_goes_away_before_a_refusal_is_no_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as reader:
        reader.wait()
        done = mfdeploy("plan", "--format", "json", stdout=reader.stdin, stderr=subprocess.PIPE, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.parametrize("arguments", [["schema"], ["plan", "--format", "json"], ["--help"], ["plan", "--help"]])
def test_a_full_disk_is_no_bug(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = mfdeploy(*arguments, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"error: cannot write standard output: No space left on device\n1 error\n"


def test_a_closed_standard_output_is_no_bug() -> None:
    command = ["sh", "-c", 'exec "$0" -m deployer.cli schema >&-', sys.executable]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: standard output is closed")


def test_validate_for_github(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    found = Diagnostic("x", "is wrong", Location("deployments/a.yaml", 3))
    result = types.SimpleNamespace(diagnostics=[found], deployments=1)
    command("validate", validate=lambda *_, **__: result)
    assert cli.run(["validate", "--format", "github"]) == 1
    assert capsys.readouterr() == ("::error file=deployments/a.yaml,line=3,title=x::is wrong\n", "")
    result.diagnostics = []
    assert cli.run(["validate", "--format", "github"]) == 0
    assert capsys.readouterr().out == "Valid: 1 deployment.\n"


def test_history(command: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Any] = []

    def history(selection: Any, environment: str, limit: int) -> Any:
        asked.append((selection.flows, environment, limit))
        return types.SimpleNamespace(
            environment=samples.DEPLOYMENT.environment,
            entries=samples.ENTRIES,
            older=0,
            unrecorded=(),
            secrets=frozenset({"sesame-secret"}),
        )

    command("history", history=history)
    assert cli.run(["history", "--env", "prod", "--flow", "train", "--limit", "3"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("4 entries.\n")
    assert "sesame" not in out
    assert cli.run(["history", "--env", "prod", "--format", "json"]) == 0
    assert [each["id"][-4:] for each in json.loads(capsys.readouterr().out)["entries"]] == [
        "c0de",
        "beef",
        "0001",
        "0002",
    ]
    assert asked == [(("train",), "prod", 3), ((), "prod", 10)]
    assert cli.run(["history", "--env", "prod", "--limit", "0"]) == 1


def test_rollback_asks_as_apply_does(
    command: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    apply = Apply(command)
    asked: list[Any] = []

    def prepare(selection: Any, entry: str, progress: Any) -> Any:
        asked.append((selection.environments, selection.flows, selection.exclude, entry))
        return apply.prepare(selection)

    sys.modules["deployer.commands.apply"].prepare_rollback = prepare  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    arguments = ["rollback", "3f9a", "--env", "prod", "--flow", "a*", "--exclude", "ab"]
    assert cli.run(arguments) == 1
    assert "add --yes" in capsys.readouterr().err
    assert cli.run([*arguments, "--out", str(tmp_path / "back.json")]) == 0
    assert plan_from_text((tmp_path / "back.json").read_text()) == samples.EVERYTHING
    assert not apply.executed
    assert cli.run([*arguments, "--yes", "--allow-delete", "prod/a", "--allow-mass-change", "--allow-branch"]) == 0
    assert vars(apply.executed[0]) == {"delete": ("prod/a",), "mass_change": True, "branch": True}
    assert asked == [(("prod",), ("a*",), ("ab",), "3f9a")] * 3

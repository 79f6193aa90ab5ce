"""The command line on a tiny project: streams, questions, and how each way to end becomes an exit code."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import pytest

from deployer import cli
from deployer.cli.airflow_options import Afterwards
from deployer.cli.confirmation import apply_prepared
from deployer.cli.output import save_plan
from deployer.commands.destroy import prepare_destroy
from deployer.commands.plan import PlanView
from deployer.models.selection import Selection
from deployer.planning.guards import Permissions
from deployer.views.plan_json import plan_from_text, plan_to_json
from deployer.views.plan_markdown import plan_to_markdown
from tests.cli.conftest import edit_manifest
from tests.contexts import context
from tests.views import samples

DESTROY = ["destroy", "--env", "local"]
DAG = Path("build") / "dags" / "TrainFlow.local.py"
Output = pytest.CaptureFixture[str]


class Keyboard(io.StringIO):
    """A terminal on which something is typed."""

    def isatty(self) -> bool:
        return True


class FailingKeyboard(Keyboard):
    """A terminal that fails with an error when a line is read: the one thing in a command that a test can reach."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def readline(self, size: int | None = -1) -> NoReturn:
        raise self._error


def mfdeploy(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "deployer.cli", *arguments], check=False, **more)


def break_manifest(project: Path) -> None:
    edit_manifest(project, "file: ../flows/train.py", "file: ../flows/train.py, retires: 3")


def doubt_manifest(project: Path) -> None:
    edit_manifest(project, "file: ../flows/train.py", "file: ../flows/train.py, parameters: {a: no}")


def entries(capsys: Output) -> list[str]:
    """The ids in the history, the newest first."""
    assert cli.run(["history", "--env", "local", "--format", "json"]) == 0
    return [each["id"] for each in json.loads(capsys.readouterr().out)["entries"]]


@pytest.mark.parametrize("flag", [["--format", "json"], ["--format=json"]])
def test_a_refusal_in_json_is_one_document(flag: list[str], project: Path, capsys: Output) -> None:
    break_manifest(project)
    assert cli.run(["plan", *flag]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "diagnostics": [
            {
                "severity": "error",
                "code": "unknown-key",
                "message": "unknown key 'retires'",
                "file": "deployments/mfdeploy.yaml",
                "line": 7,
                "column": 36,
                "path": "flows.train.retires",
                "hint": "did you mean 'retries'?",
            }
        ]
    }
    assert err == ""


def test_a_plan_goes_to_stdout_and_its_warnings_to_stderr(deployed: Path, capsys: Output) -> None:
    edit_manifest(deployed, "dags, compute: local", "dags, protect: true, compute: local")
    edit_manifest(deployed, "environments: [local]", "environments: [guarded]")
    assert cli.run(["plan", "--diff", "--env", "local"]) == 0
    out, err = capsys.readouterr()
    assert "--- deployed/local/TrainFlow.local.py\n+++ /dev/null\n" in out
    assert out.endswith("Plan: 0 to create, 0 to update, 1 to delete; 0 unchanged.\n")
    assert err.startswith("warning: local/train: local is protected")
    assert err.endswith("\n1 warning\n")


@pytest.mark.parametrize("changed", [False, True])
def test_detailed_exitcode(changed: bool, deployed: Path, capsys: Output) -> None:
    if changed:
        edit_manifest(deployed, "[nightly]", "[weekly]")
    assert cli.run(["plan", "--detailed-exitcode"]) == (2 if changed else 0)
    assert cli.run(["plan"]) == 0
    assert ("1 to update" in capsys.readouterr().out) is changed


def test_a_saved_plan_is_shown_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    """Nothing but the file is there: no manifest, no flow, no target."""
    monkeypatch.chdir(tmp_path)
    save_plan(Path("plan.json"), PlanView(samples.EVERYTHING))
    capsys.readouterr()
    assert cli.run(["plan", "--from", "plan.json", "--format", "json"]) == 0
    assert capsys.readouterr().out == Path("plan.json").read_text()
    assert cli.run(["plan", "--from", "plan.json", "--format", "markdown", "--detailed-exitcode"]) == 2
    assert capsys.readouterr().out == plan_to_markdown(plan_to_json(samples.EVERYTHING))
    Path("plan.json").write_text("{}")
    assert cli.run(["plan", "--from", "plan.json"]) == 1
    assert "plan.json" in capsys.readouterr().err


def test_a_saved_plan_is_applied_without_asking(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert cli.run(["plan", "--out", "plan.json", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert Path("plan.json").read_text() == out
    assert err == "Saved to plan.json. To apply exactly this: mfdeploy apply plan.json\n"
    assert cli.run(["apply", "plan.json"]) == 0
    assert "Apply complete: 1 created, 0 updated, 0 deleted.\n" in capsys.readouterr().out
    assert DAG.exists()


def test_a_plan_that_cannot_be_saved(tmp_path: Path, deployed: Path, capsys: Output) -> None:
    assert (
        cli.run(["rollback", entries(capsys)[-1], "--env", "local", "--out", str(tmp_path / "no" / "plan.json")]) == 1
    )
    assert "plan.json: No such file or directory" in capsys.readouterr().err


def test_a_saved_plan_is_whole_or_not_there(tmp_path: Path) -> None:
    save_plan(tmp_path / "plan.json", PlanView(samples.EVERYTHING))
    assert plan_from_text((tmp_path / "plan.json").read_text()) == samples.EVERYTHING
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_plan_saved_to_a_pipe_or_a_link_leaves_it_what_it_is(tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "plan.json"
    os.mkfifo(pipe)
    link.symlink_to(file)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        save_plan(pipe, PlanView(samples.EVERYTHING))
        assert reader.stdout
        assert plan_from_text(reader.stdout.read().decode()) == samples.EVERYTHING
    save_plan(link, PlanView(samples.EVERYTHING))
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)
    assert plan_from_text(file.read_text()) == samples.EVERYTHING


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_changes_are_confirmed_on_a_terminal(
    answer: str, code: int, deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    assert cli.run(DESTROY) == code
    assert DAG.exists() == bool(code)
    err = capsys.readouterr().err
    assert "Apply these changes? [y/N] " in err
    assert err.endswith("[y/N] \nNothing was applied.\n") == (answer == "")


def test_without_a_terminal_changes_want_yes(deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert cli.run(DESTROY) == 1
    assert "add --yes" in capsys.readouterr().err
    assert DAG.exists()
    assert cli.run([*DESTROY, "--yes"]) == 0
    assert not DAG.exists()


@pytest.mark.parametrize("command", ["apply", "destroy --env local"])
def test_a_closed_standard_input_is_no_terminal(command: str, deployed: Path) -> None:
    edit_manifest(deployed, "[nightly]", "[weekly]")
    line = ["sh", "-c", f'exec "$0" -m deployer.cli {command} <&-', sys.executable]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "there is no terminal to ask on; add --yes" in done.stderr
    assert DAG.exists()


def test_nothing_to_apply_asks_nothing(deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert cli.run(["apply"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("No changes. 1 deployment is up to date.\n", "")


def test_a_delete_that_is_protected_is_refused_before_it_is_asked_for(
    deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    edit_manifest(deployed, "dags, compute: local", "dags, protect: true, compute: local")
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n"))
    assert cli.run(DESTROY) == 1
    err = capsys.readouterr().err
    assert "allow it with --allow-delete local/train" in err
    assert "[y/N]" not in err
    assert cli.run([*DESTROY, "--allow-delete", "local/train"]) == 0


def test_an_apply_that_fails_is_1_and_says_what_failed(deployed: Path, capsys: Output) -> None:
    prepared = prepare_destroy(Selection(Path("deployments"), environments=("local",)), context())
    DAG.write_text(f"{DAG.read_text()}\n# somebody else's edit\n")
    assert apply_prepared(prepared, Permissions(), Selection(Path("deployments")), Afterwards(), confirmed=True) == 1
    out = capsys.readouterr().out
    assert re.search(r"failed\s+TrainFlow.local", out)
    assert DAG.exists()


def test_interrupted(deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.setattr(sys, "stdin", FailingKeyboard(KeyboardInterrupt()))
    assert cli.run(DESTROY) == 130
    assert capsys.readouterr().err.endswith("Interrupted.\n")


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ZeroDivisionError("sesame"), "ZeroDivisionError: sesame"),
        # Not of standard output, whose reader may go away at any time.
        (BrokenPipeError(32, "sesame"), "BrokenPipeError: [Errno 32] sesame"),
    ],
    ids=["any", "broken pipe"],
)
def test_a_bug_is_3_with_its_traceback_in_a_file(
    error: Exception, found: str, deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr(sys, "stdin", FailingKeyboard(error))
    assert cli.run(DESTROY) == 3
    err = capsys.readouterr().err
    path = Path(err.partition("report it with ")[2].split()[0])
    assert found in path.read_text()
    assert "Traceback" not in err
    assert "sesame" not in err
    path.unlink()


@pytest.mark.parametrize(("edit", "severity", "code"), [(break_manifest, "error", 1), (doubt_manifest, "warning", 0)])
def test_validate(edit: Callable[[Path], None], severity: str, code: int, project: Path, capsys: Output) -> None:
    edit(project)
    assert cli.run(["validate", "--no-flows"]) == code
    out, err = capsys.readouterr()
    assert out == ("" if code else "Valid: 1 deployment.\n")
    assert err.startswith("deployments/mfdeploy.yaml:7:")
    assert f" {severity}: flows.train." in err
    assert err.endswith(f"\n1 {severity}\n")
    assert cli.run(["validate", "--no-flows", "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["severity"] == severity


def test_validate_for_github(project: Path, capsys: Output) -> None:
    assert cli.run(["validate", "--no-flows", "--format", "github"]) == 0
    assert capsys.readouterr().out == "Valid: 1 deployment.\n"
    break_manifest(project)
    assert cli.run(["validate", "--no-flows", "--format", "github"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("::error file=deployments/mfdeploy.yaml,line=7,col=")
    assert err == ""


def test_show_and_render(project: Path, capsys: Output) -> None:
    flow = project / "flows" / "train.py"
    flow.write_text(flow.read_text().replace("The TrainFlow.", "Ääkköset."), encoding="utf-8")
    edit_manifest(project, "environments: [local]}", 'environments: [local], schedule: "0 3 * * *"}')
    assert cli.run(["show", "train", "--env", "local"]) == 0
    assert "0 3 * * *" in capsys.readouterr().out
    assert cli.run(["show", "train", "--env", "local", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["dag_id"] == "TrainFlow.local"
    assert cli.run(["render", "train", "--env", "local"]) == 0
    out, err = capsys.readouterr()
    assert "Ääkköset." in out
    compile(out, "dag.py", "exec")
    assert err == ""


@pytest.mark.parametrize(("arguments", "option"), [([], ""), (["a b"], " --manifests 'a b/deployments'")])
def test_init(
    arguments: list[str], option: str, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(project / "flows")
    (project / "flows" / "a b").mkdir()
    (project / "flows" / "train.py").replace(Path(*arguments, "train.py"))
    assert cli.run(["init", *arguments]) == 0
    out, err = capsys.readouterr()
    folder = Path(*arguments, "deployments")
    assert out == f"Wrote {folder / 'mfdeploy.yaml'} with 1 flow:\n  TrainFlow\n"
    schema = f"Wrote {folder / 'mfdeploy.schema.json'}: editors check the manifest with it.\n"
    assert err == f"{schema}Next: mfdeploy plan{option}\n"


def test_schema(capsys: Output) -> None:
    assert cli.run(["schema"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert list(everything) == [
        "manifest",
        "plan",
        "policy",
        "history",
        "result",
        "projects",
        "inventory",
        "site",
        "forecast",
    ]
    assert cli.run(["schema", "plan"]) == 0
    assert json.loads(capsys.readouterr().out) == everything["plan"]


def test_history(deployed: Path, capsys: Output) -> None:
    assert cli.run(["history", "--env", "local", "--flow", "train"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("2 entries.\n")
    newest, oldest = entries(capsys)
    assert out.index(newest) < out.index(oldest)
    assert cli.run(["history", "--env", "local", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert newest in out
    assert oldest not in out


def test_rollback_asks_as_apply_does(deployed: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    first = entries(capsys)[-1]
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    before = DAG.read_text()
    assert cli.run(["rollback", first, "--env", "local"]) == 1
    assert "add --yes" in capsys.readouterr().err
    assert cli.run(["rollback", first, "--env", "local", "--out", "back.json"]) == 0
    assert plan_from_text(Path("back.json").read_text()).rollback == first
    assert DAG.read_text() == before
    assert cli.run(["rollback", first, "--env", "local", "--yes"]) == 0
    assert "1 updated" in capsys.readouterr().out
    assert "nightly" in before
    assert "nightly" not in DAG.read_text()


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


@pytest.mark.parametrize(
    "arguments",
    [["schema"], ["plan", "--format", "json"], ["--help"], ["plan", "--help"], ["--version"], ["--show-completion"]],
    ids=" ".join,
)
def test_a_full_disk_is_no_bug(arguments: list[str], tmp_path: Path) -> None:
    # Typer looks for the shell among the parents of the process; `true` keeps bash from replacing itself.
    line = ["bash", "-c", '"$@" >/dev/full; code=$?; true; exit $code', "bash", sys.executable, "-m", "deployer.cli"]
    done = subprocess.run([*line, *arguments], stderr=subprocess.PIPE, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr == b"error: cannot write standard output: No space left on device\n1 error\n"


def test_a_closed_standard_output_is_no_bug() -> None:
    command = ["sh", "-c", 'exec "$0" -m deployer.cli schema >&-', sys.executable]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: standard output is closed")


def as_json(arguments: list[str], capsys: Output, code: int = 0) -> Any:
    assert cli.run([*arguments, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_results_are_json_documents_of_their_schema(project: Path, capsys: Output) -> None:
    assert cli.run(["schema", "result"]) == 0
    schema = json.loads(capsys.readouterr().out)
    deployed = as_json(["apply", "--env", "local", "--yes"], capsys)
    nothing = as_json(["apply", "--env", "local", "--yes"], capsys)
    destroyed = as_json([*DESTROY, "--yes"], capsys)
    (first, *_) = reversed(entries(capsys))
    back = as_json(["rollback", first, "--env", "local", "--yes"], capsys)
    for result in (deployed, nothing, destroyed, back):
        jsonschema.validate(result, schema)
    made = {"address": "local/train", "environment": "local", "action": "create", "name": "TrainFlow.local"}
    assert [{key: one[key] for key in made} for one in deployed["done"]] == [made]
    lists = ("done", "failed", "not_done", "differences", "arrivals", "rolled_back")
    assert nothing == {name: [] for name in lists}
    assert [one["action"] for one in (*destroyed["done"], *back["done"])] == ["delete", "create"]


@pytest.mark.parametrize("arguments", [["apply"], DESTROY, ["rollback", "x", "--env", "local"]])
def test_a_result_as_json_does_not_ask(arguments: list[str], project: Path, capsys: Output) -> None:
    (problem,) = as_json(arguments, capsys, code=1)["diagnostics"]
    assert problem["message"] == "--format json cannot ask: the plan is not printed"


def test_a_saved_plan_to_destroy_deletes_what_it_says(project: Path, capsys: Output) -> None:
    assert cli.run(["apply", "--env", "local", "--yes"]) == 0
    assert cli.run([*DESTROY, "--out", "plan.json"]) == 0
    assert capsys.readouterr().err.endswith("mfdeploy apply plan.json --allow-destroy\n")
    assert DAG.exists()
    assert cli.run(["apply", "plan.json", "--allow-destroy"]) == 0
    assert not DAG.exists()
    assert cli.run(["apply", "plan.json", "--allow-destroy"]) == 1
    assert "local/train (TrainFlow.local.py): is no longer planned" in capsys.readouterr().err

"""Plans without the flows that are broken: of all that an apply would do, and taken by none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer import cli
from deployer.pipeline.selecting import way_around
from tests.sources import two_steps

from .conftest import edit_manifest

Output = pytest.CaptureFixture[str]


def add(project: Path, name: str, source: str, more: str = "") -> None:
    """Another flow, in a folder of its own: what is packaged of the others stays as it is."""
    (project / name).mkdir()
    (project / name / "flow.py").write_text(source)
    entry = f"  {name}: {{file: ../{name}/flow.py, environments: [local]{more}}}\n"
    edit_manifest(project, "flows:\n", f"flows:\n{entry}")


def plan(capsys: Output, *options: str) -> tuple[Mapping[str, str], list[str], str]:
    """The action for each address, the addresses that are not planned, and what standard error gets."""
    assert cli.run(["plan", "--env", "local", "--keep-going", "--format", "json", *options]) == 1
    out, err = capsys.readouterr()
    found: dict[str, Any] = json.loads(out)
    return (
        {each["address"]: each["action"] for each in found["changes"]},
        [each["address"] for each in found["broken"]],
        err,
    )


def break_the_code(project: Path) -> None:
    flow = project / "flows" / "train.py"
    flow.write_text(f"import no_such_module\n{flow.read_text()}")


def break_the_graph(project: Path) -> None:
    flow = project / "flows" / "train.py"
    flow.write_text(flow.read_text().replace("self.next(self.end)", "self.next(self.ende)"))


def break_the_entry(project: Path) -> None:
    edit_manifest(project, "environments: [local], tags", "environments: [local], retris: 3, tags")


def remove_the_file(project: Path) -> None:
    (project / "flows" / "train.py").unlink()


BREAK = (break_the_code, break_the_graph, break_the_entry, remove_the_file)


@pytest.mark.parametrize("damage", BREAK)
def test_the_others_are_planned_and_nothing_is_deleted(
    damage: Callable[[Path], None], deployed: Path, capsys: Output
) -> None:
    add(deployed, "report", two_steps("ReportFlow"))
    damage(deployed)
    actions, broken, err = plan(capsys)
    assert (actions, broken) == ({"local/report": "create"}, ["local/train"])
    assert "error: " in err


@pytest.mark.parametrize("damage", BREAK)
def test_a_broken_flow_of_another_name_is_no_delete_either(
    damage: Callable[[Path], None], deployed: Path, capsys: Output
) -> None:
    edit_manifest(deployed, "  train:", "  train2:")
    add(deployed, "report", two_steps("ReportFlow"))
    damage(deployed)
    actions, broken, err = plan(capsys)
    assert (actions, broken) == ({"local/report": "create"}, ["local/train2"])
    assert "local/train: its DAG may now belong to local/train2, which is broken, so its delete is not planned" in err


def test_a_delete_that_no_broken_flow_can_have_to_do_with_is_planned(deployed: Path, capsys: Output) -> None:
    add(deployed, "report", two_steps("ReportFlow"))
    assert cli.run(["apply", "--env", "local", "--yes"]) == 0
    break_the_code(deployed)
    text = (deployed / "deployments" / "mfdeploy.yaml").read_text()
    edit_manifest(deployed, next(line for line in text.splitlines(True) if line.startswith("  report:")), "")
    capsys.readouterr()
    actions, broken, _ = plan(capsys)
    assert (actions, broken) == ({"local/report": "delete"}, ["local/train"])


def test_an_apply_refuses_what_is_not_whole(deployed: Path, capsys: Output) -> None:
    add(deployed, "report", two_steps("ReportFlow"))
    break_the_code(deployed)
    _, _, err = plan(capsys, "--out", "plan.json")
    assert "No apply takes it" in err
    assert cli.run(["apply", "plan.json"]) == 1
    assert "a plan of a part cannot be applied: 'local/train' was broken" in capsys.readouterr().err
    assert cli.run(["apply", "--env", "local", "--reviewed", "plan.json", "--exclude", "train"]) == 1
    assert "the reviewed plan is of a part: local/train was broken" in capsys.readouterr().err
    assert not (deployed / "build" / "dags" / "ReportFlow.local.py").exists()


def test_two_flows_of_one_dag_id_are_both_broken(deployed: Path, capsys: Output) -> None:
    add(deployed, "again", two_steps("TrainFlow"))
    add(deployed, "report", two_steps("ReportFlow"))
    actions, broken, _ = plan(capsys)
    assert (actions, broken) == ({"local/report": "create"}, ["local/again", "local/train"])


def test_what_is_wrong_with_no_single_flow_is_refused(deployed: Path, capsys: Output) -> None:
    edit_manifest(deployed, "compute: local, datastore: ../build/metaflow}", "compute: lokal, datastore: ../build/m}")
    assert cli.run(["plan", "--keep-going"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "environments.local.compute" in err


def test_a_plan_of_whole_flows_is_like_any_other(deployed: Path, capsys: Output) -> None:
    assert cli.run(["plan", "--env", "local", "--keep-going"]) == 0
    assert capsys.readouterr().out.startswith("No changes.")


def test_the_error_says_how_to_do_without_the_flow(deployed: Path, capsys: Output) -> None:
    add(deployed, "report", two_steps("ReportFlow"))
    break_the_code(deployed)
    assert cli.run(["plan", "--env", "local"]) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("error: 1 of 2 deployments cannot be planned: local/train; ")
    options = first.partition("to leave out what is broken, add ")[2].split()
    assert options == ["--exclude", "train"]
    assert cli.run(["plan", "--env", "local", *options]) == 0


def test_the_error_of_an_entry_says_so_too(deployed: Path, capsys: Output) -> None:
    add(deployed, "report", two_steps("ReportFlow"))
    break_the_entry(deployed)
    assert cli.run(["plan", "--env", "local"]) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert first == ("error: 1 of 2 deployments cannot be planned: local/train; `plan --keep-going` plans the others")


def test_a_flow_that_is_broken_in_one_environment_is_left_out_there() -> None:
    (found,) = way_around(["prod/a", "prod/b", "dev/b"], ["prod/a", "dev/a", "prod/b", "dev/b", "dev/c"])
    assert found.message == "3 of 5 deployments cannot be planned: dev/b, prod/a, prod/b"
    assert found.hint.endswith("add --exclude b --exclude prod/a")


def test_validate_compiles_the_others(deployed: Path, capsys: Output) -> None:
    add(deployed, "report", "import no_such_module\n")
    break_the_entry(deployed)
    for option, codes in (([], ["unknown-key"]), (["--keep-going"], ["unknown-key", "module-not-found"])):
        assert cli.run(["validate", "--format", "json", *option]) == 1
        found = [each["code"] for each in json.loads(capsys.readouterr().out)["diagnostics"]]
        assert len(found) == len(codes)
        assert found[0] == codes[0]

"""The first manifest: what is found below a folder, and that the other commands take what was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.commands.init import init
from deployer.commands.validate import validate
from deployer.errors import DeployError
from deployer.models.selection import Selection
from tests.contexts import context
from tests.sources import two_steps


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def flows(text: str) -> str:
    return text.partition("\nflows:\n")[2]


def test_each_flow_has_an_entry_in_order_of_their_paths(tmp_path: Path) -> None:
    files = {
        "train/flow.py": two_steps("TrainFlow"),
        "load.py": two_steps("LoadFlow"),
        "no_flow.py": "class Plain:\n    pass\n",
        "broken.py": "class Broken(FlowSpec:\n",
        ".hidden/flow.py": two_steps("HiddenFlow"),
        "node_modules/flow.py": two_steps("OthersFlow"),
    }
    result = init(write(tmp_path / "growth team", files))
    assert result.flows == ["LoadFlow", "TrainFlow"]
    assert flows(result.text) == "  LoadFlow:\n    file: ../load.py\n  TrainFlow:\n    file: ../train/flow.py\n"
    assert "\nproject: growth-team\n" in result.text
    assert result.manifest.read_text() == result.text


def test_of_a_file_with_several_flows_each_names_its_class(tmp_path: Path) -> None:
    text = two_steps("A") + two_steps("B").partition("\n\n\n")[2]
    result = init(write(tmp_path, {"both.py": text}))
    assert flows(result.text) == "  A:\n    file: ../both.py\n    class: A\n  B:\n    file: ../both.py\n    class: B\n"


def test_a_path_that_yaml_would_read_otherwise_is_quoted(tmp_path: Path) -> None:
    result = init(write(tmp_path, {"a: b #c.py": two_steps("A")}))
    assert flows(result.text) == '  A:\n    file: "../a: b #c.py"\n'


def test_two_flows_of_one_class_name_are_two_dags(tmp_path: Path) -> None:
    files = {"asia/flow.py": two_steps("TrainFlow"), "europe/flow.py": two_steps("TrainFlow")}
    result = init(write(tmp_path, files))
    assert flows(result.text) == (
        "  TrainFlow:\n    file: ../asia/flow.py\n"
        "  TrainFlow-2:\n    file: ../europe/flow.py\n    dag_id: TrainFlow-2\n"
    )
    found = validate(Selection(result.manifest.parent), context())
    assert (found.deployments, list(found.diagnostics)) == (2, [])


def test_a_manifest_that_is_there_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"flow.py": two_steps("A"), "deployments/mfdeploy.yaml": "mine"})
    with pytest.raises(DeployError, match="already exists"):
        init(tmp_path)
    assert (tmp_path / "deployments" / "mfdeploy.yaml").read_text() == "mine"


def test_without_a_flow_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no flow was found"):
        init(write(tmp_path, {"a.py": "x = 1\n"}))
    assert not (tmp_path / "deployments").exists()

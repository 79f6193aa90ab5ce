"""What the task of an exit hook calls: Metaflow's own way to a function, with what the task was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.runtime.mfdeploy_task.metaflow_compat import call_exit_hook

FLOW = """
def tell():
    print("told")

def stumble():
    raise ValueError("the hook stumbles")
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "flow.py"
    path.write_text(FLOW)
    return str(path)


def test_a_function_of_the_flow_s_file_is_called(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_exit_hook(file, "tell", "TrainFlow/airflow-1")
    assert capsys.readouterr().out == "told\n"


def test_a_function_of_a_module_is_called(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hooks_of_a_test.py").write_text(FLOW)
    call_exit_hook(file, "hooks_of_a_test.tell", "TrainFlow/airflow-1")
    assert capsys.readouterr().out == "told\n"


def test_what_a_function_raises_ends_the_task(file: str) -> None:
    with pytest.raises(ValueError, match="the hook stumbles"):
        call_exit_hook(file, "stumble", "TrainFlow/airflow-1")


def test_a_function_that_is_not_there_fails_the_task(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_exit_hook(file, "gone", "TrainFlow/airflow-1")
    assert ended.value.code == 1
    assert "Could not load function 'gone'" in capsys.readouterr().out

"""A step sees the same interpreter in a task as in a run of Metaflow itself, and starts other processes as there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.compiler.by_hand import by_metaflow, deployed, read
from tests.compiler.compiling import FLOWS

pytestmark = pytest.mark.slow

# Variables of Metaflow and of ours that a step finds in its environment. Others are settings of the deployment.
KEPT = {
    *("METAFLOW_RUN_ID", "METAFLOW_STEP_NAME", "METAFLOW_TASK_ID", "METAFLOW_RETRY_COUNT"),
    *("METAFLOW_AIRFLOW_DAG_RUN_ID", "METAFLOW_AIRFLOW_JOB_ID"),
    *("METAFLOW_FLOW_NAME", "METAFLOW_OWNER", "METAFLOW_USER", "METAFLOW_RUNTIME_NAME", "METAFLOW_VERSION"),
    *("METAFLOW_DATASTORE_SYSROOT_LOCAL", "METAFLOW_DEFAULT_DATASTORE", "METAFLOW_DEFAULT_METADATA"),
    *("METAFLOW_EXTRACTED_ROOT", "METAFLOW_HOME"),
}


def in_local_run(folder: Path, file: Path) -> dict[str, Any]:
    """What `seeing.py` says of itself in a run of Metaflow itself."""
    done = by_metaflow(folder, str(file), "--no-pylint", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    [line] = [line for line in done.stdout.splitlines() if '"main":' in line]
    return dict(json.loads(line[line.index("{") :]))


def test_a_step_sees_what_it_sees_in_a_run_of_metaflow(tmp_path: Path) -> None:
    operator = deployed(tmp_path, "seeing.py")
    # Of a worker without any input, which a step is to have nevertheless.
    done = operator.task("start", parameters={"text": "given"}, under=("sh", "-c", 'exec "$@" <&-', "sh"))
    assert (done.returncode, done.stderr) == (0, "")
    in_task, in_run = json.loads(done.stdout), in_local_run(tmp_path, FLOWS / "seeing.py")
    assert in_run.keys() == {"main", "process", "arguments"}
    both = {(part, name): (in_task[part].get(name), value) for part in in_run for name, value in in_run[part].items()}
    assert {place: values for place, values in both.items() if values[0] != values[1]} == {}
    variables, given = read(tmp_path, "SeeingFlow", "[run['start'].task.data.variables, run['start'].task.data.given]")
    assert given == ""
    assert {name for name in variables if name.startswith(("METAFLOW_", "MFDEPLOY_"))} == KEPT


def test_objects_go_to_spawned_processes_and_back(tmp_path: Path) -> None:
    done = deployed(tmp_path, "spawning.py").task("start")
    assert (done.returncode, done.stderr) == (0, "")
    about = "[run['start'].task.data.squares, run['start'].task.data.is_type]"
    assert read(tmp_path, "SpawningFlow", about) == [[[4, 9]] * 3, True]


def test_a_step_starts_other_flows_and_itself(tmp_path: Path) -> None:
    operator = deployed(tmp_path, "starting/outer.py", config_values={"cfg": {"a": 7}})
    done = operator.task("start", parameters={"n": 5})
    assert done.returncode == 0, done.stderr
    names: Sequence[str] = ("by_command", "by_runner", "is_latest", "by_arguments", "value", "code")
    about = f"[getattr(run['start'].task.data, name) for name in {names}]"
    # The same arguments ran the step once more, in a process of its own; what the first one noted came last.
    assert read(tmp_path, "OuterFlow", about) == [[0, True], ["successful", 10, None], True, [0, ""], 7, True]


def test_an_error_of_the_file_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    file = tmp_path / "flows" / "flow.py"
    file.parent.mkdir()
    code = (FLOWS / "spawning.py").read_text()
    file.write_text(code.replace('if __name__ == "__main__":\n', 'if __name__ == "__main__":\n    int("nine")\n'))
    done: subprocess.CompletedProcess[str] = deployed(tmp_path, file).task("start")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('/flow.py", line 40, in <module>')
    assert lines[-1] == "ValueError: invalid literal for int() with base 10: 'nine'"

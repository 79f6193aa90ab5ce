"""Packages are run, task by task as an Airflow operator runs them, and read back with Metaflow's own Client."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.compiler.by_hand import RUN, Operator
from tests.compiler.by_hand import by_metaflow as _metaflow
from tests.compiler.by_hand import deployed as _operator
from tests.compiler.by_hand import read as _read
from tests.compiler.compiling import FLOWS, deployment, local
from tests.compiler.metadata_service import metadata_service
from tests.compiling import build_packages, compile_flows

CORPUS = Path(__file__).parents[1] / "conformance" / "corpus"
RUNTIME = Path(__file__).parents[2] / "deployer" / "runtime"
NASTY = "it's \"$HOME\" `id` $(id) \\ %s {{ ds }}\n--title=x\té漢\U0001f600 'end"


def test_parameters_arrive_as_they_were_given(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "linear.py", tags=("team:growth", "a b"))
    long = "x\n" * 100_000
    given = {
        "alpha": 1,
        "title": NASTY,
        "fast": True,
        "options": {"depth": ["'", long]},
        "columns": ["p", "q"],
        "rounds": 3.0,
        "needed": -4.0,
        "maybe": None,
    }
    started = operator.task("start", parameters=given)
    assert (started.returncode, started.stderr) == (0, "")
    assert started.stdout.rstrip("\n") == f"title is {NASTY}"
    ended = operator.task("end", operator.path("start"))
    assert (ended.returncode, ended.stdout.strip()) == (0, "done")
    names = ("alpha", "title", "fast", "columns", "needed", "maybe", "total", "rounds")
    seen = _read(tmp_path, "LinearFlow", f"[getattr(run.data, name) for name in {names}]")
    assert seen == [1.0, NASTY, True, ["p", "q"], -4, None, 4.0, 3]
    assert _read(tmp_path, "LinearFlow", "run.data.options") == given["options"]
    about = "[run.successful, sorted(run.tags), run['start'].task.stdout, run['end'].task.metadata_dict]"
    successful, tags, stdout, metadata = _read(tmp_path, "LinearFlow", about)
    assert successful
    assert {"team:growth", "a b", "runtime:airflow", "user:growth"} <= set(tags)
    assert stdout.rstrip("\n") == f"title is {NASTY}"
    assert metadata["airflow-dag-run-id"] == "manual__2026"
    assert metadata["airflow-job-id"] == "7"
    assert _read(tmp_path, "LinearFlow", "run.code.script_name") == "linear.py"


def test_a_value_that_cannot_be_is_one_error(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "linear.py")
    refused = {
        "the parameter 'needed' of LinearFlow needs a value, and the run was given null": {"needed": None},
        "1.5 is not a valid integer": {"needed": 1.5},
        "METAFLOW_PARAMETERS: the flow LinearFlow has no parameter 'neded'": {"neded": 1},
    }
    for message, given in refused.items():
        done = operator.task("start", parameters=given)
        assert done.returncode != 0
        assert message in done.stderr
        assert "Traceback" not in done.stdout + done.stderr


def test_a_foreach_says_how_many_and_a_switch_says_where(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "fan.py")
    assert operator.task("start", parameters={"count": 2}).returncode == 0
    assert operator.results == {"start": {"splits": 2}}
    for index in range(2):
        done = operator.task("square", operator.path("start"), task=f"square-{index}", split=index)
        assert done.returncode == 0, done.stderr
    inputs = f"{RUN}/square/:square-0,square-1"
    assert operator.task("join", inputs).returncode == 0
    assert operator.task("choose", operator.path("join")).returncode == 0
    assert operator.results["choose"] == {"next": "small"}
    assert operator.task("small", operator.path("choose")).returncode == 0
    assert operator.task("end", operator.path("small")).returncode == 0
    assert set(operator.results) == {"start", "choose"}
    assert _read(tmp_path, "FanFlow", "run.data.results") == [0, 1]
    assert _read(tmp_path, "FanFlow", "[task.index for task in run['square']]") in ([0, 1], [1, 0])


def _joined(**joined: Any) -> dict[str, str]:
    return {"METAFLOW_JOINED_ITEMS": json.dumps(joined)}


def _hashed(*parts: str) -> str:
    return f"airflow-{hashlib.sha256('-'.join(parts).encode()).hexdigest()[:12]}"


def test_a_join_makes_the_paths_of_its_items_itself(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "fan.py")
    shown = {"MFDEPLOY_SHOW_ITEMS": "1"}
    assert operator.task("start", parameters={"count": 3}, variables=shown).returncode == 0
    assert operator.results["start"] == {"splits": 3, "values": {"0": "0", "1": "1", "2": "2"}}
    for index in range(3):
        task = _hashed("manual__2026", "square", "fan.dag", str(index))
        assert operator.task("square", operator.path("start"), task=task, split=index).returncode == 0
    variables = _joined(dag_id="fan.dag", steps=["square"], index="", items=3)
    done = operator.task("join", variables=variables)
    assert done.returncode == 0, done.stderr
    assert _read(tmp_path, "FanFlow", "run['join'].task['results'].data") == [0, 1, 4]


def test_a_join_of_100_000_items_is_no_longer_than_one_of_two() -> None:
    code = "from mfdeploy_task.variables import input_paths; print(*input_paths().split(','), sep='\\n')"
    variables = {
        **os.environ,
        "PYTHONPATH": str(RUNTIME),
        "METAFLOW_RUN_ID": RUN,
        "METAFLOW_AIRFLOW_DAG_RUN_ID": "manual__2026",
        **_joined(dag_id="wide.dag", steps=["up", "down"], index="7.2", items=100_000),
    }
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paths = done.stdout.split()
    assert len(set(paths)) == len(paths) == 200_000
    assert paths[:2] == [
        f"{RUN}/{step}/{_hashed('manual__2026', step, 'wide.dag', '7.2.0')}" for step in ("up", "down")
    ]
    assert paths[-1] == f"{RUN}/down/{_hashed('manual__2026', 'down', 'wide.dag', '7.2.99999')}"


def test_attempts_and_what_comes_after_a_failure(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "fails.py")
    assert operator.task("start").returncode == 0
    first = operator.task("flaky", operator.path("start"))
    assert first.returncode != 0
    assert first.stderr.endswith("ValueError: not yet\n\nThe task fails: step flaky raised ValueError: not yet\n")
    assert operator.task("flaky", operator.path("start"), attempt=1).returncode == 0
    caught = operator.task("caught", operator.path("flaky"))
    assert (caught.returncode, "The task fails" in caught.stderr) == (0, False), caught.stderr
    assert operator.task("broken", operator.path("caught")).returncode == 1
    about = "[run['flaky'].task.data.attempt, run['flaky'].task.current_attempt, run['caught'].task.finished]"
    assert _read(tmp_path, "FailsFlow", about) == [1, 1, True]
    assert _read(tmp_path, "FailsFlow", "'KeyError' in run['caught'].task.data.failure.type") is True
    kept = _read(tmp_path, "FailsFlow", "run['broken'].task.stderr")
    assert ("ValueError: broken" in kept, "The task fails" in kept) == (True, False)
    resumed = _metaflow(tmp_path, str(FLOWS / "fails.py"), "--no-pylint", "resume", "--origin-run-id", RUN, FIXED="1")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    last = "run.parent.latest_successful_run"
    assert _read(tmp_path, "FailsFlow", f"[{last}.id != run.id, {last}.data.done]") == [True, 2]


def test_more_attempts_than_metaflow_counts(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "stubborn.py")
    assert operator.task("start").returncode == 0

    def work(attempt: int, **variables: str) -> subprocess.CompletedProcess[str]:
        # As Airflow gives them after the task was cleared again and again: one more try each time.
        given = {"TRY": str(attempt), "METAFLOW_MAX_USER_CODE_RETRIES": str(attempt), **variables}
        return operator.task("work", operator.path("start"), attempt=attempt, variables=given)

    for attempt in (*range(6), 8):
        failed = work(attempt, FAIL="1")
        assert failed.returncode == 1
        assert "ValueError: not yet" in failed.stderr
    about = "[run['work'].task.current_attempt, run['work'].task.successful, run['work'].task.stdout.strip()]"
    assert _read(tmp_path, "StubbornFlow", about) == [8, False, "try 8"]
    done = work(9)
    assert done.returncode == 0, done.stderr
    assert _read(tmp_path, "StubbornFlow", about) == [9, True, "try 9"]
    assert _read(tmp_path, "StubbornFlow", "[run['work'].task.data.tried, run['work'].task.data.attempt]") == [9, 9]
    # Airflow's eighth try of a step with one retry of the user's and one more for @catch: the last may only record.
    last = {"METAFLOW_MAX_USER_CODE_RETRIES": "6"}
    caught = operator.task("caught", operator.path("work"), attempt=7, variables=last)
    assert caught.returncode == 0, caught.stderr
    assert operator.task("end", operator.path("caught")).returncode == 0
    assert _read(tmp_path, "StubbornFlow", "[run.successful, run.data.seen]") == [True, 9]
    # `resume` looks no further than Metaflow counts, and finds the attempt that succeeded: the step is not run again.
    command = ("--no-pylint", "resume", "end", "--origin-run-id", RUN)
    resumed = _metaflow(tmp_path, str(FLOWS / "stubborn.py"), *command)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    newest = "run.parent.latest_successful_run"
    assert _read(tmp_path, "StubbornFlow", f"[{newest}.id != run.id, {newest}.data.seen]") == [True, 9]


def test_a_second_attempt_of_the_start_step_keeps_the_parameters(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "linear.py")
    assert operator.task("start", parameters={"needed": 1, "title": "first"}).returncode == 0
    again = operator.task("start", parameters={"needed": 2, "title": "second"}, attempt=1)
    assert (again.returncode, again.stdout.strip()) == (0, "title is first")
    assert _read(tmp_path, "LinearFlow", "[task.id for task in run['_parameters']]") == ["start-params"]


def test_the_first_attempt_of_a_start_step_may_never_have_begun(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "linear.py")
    again = operator.task("start", parameters={"needed": 2, "title": "second"}, attempt=1)
    assert (again.returncode, again.stdout.strip(), again.stderr) == (0, "title is second", "")


def test_a_card_is_kept_in_the_datastore(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "carded.py")
    done = operator.task("start")
    assert done.returncode == 0, done.stderr
    [card] = (tmp_path / "datastore" / ".metaflow" / "mf.cards").rglob("*.html")
    assert f"CardedFlow/runs/{RUN}/steps/start/tasks/start/cards/blank-" in card.as_posix()


def test_a_wrong_parameter_fails_the_task(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "linear.py")
    missing = operator.task("start")
    assert missing.returncode != 0
    assert "Missing option '--needed'" in missing.stderr
    wrong = operator.task("start", parameters={"needed": "four"})
    assert wrong.returncode != 0
    assert "four" in wrong.stderr


def test_configs_siblings_and_deploy_time_values(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "package_flow/flow.py", config_values={"words": {"hello": "moi"}})
    assert operator.package.parameters == {
        "info": {"who": "ann", "flow": "PackageFlow", "name": "info"},
        "rounds": 7,
    }
    started = operator.task("start", parameters=dict(operator.package.parameters))
    assert started.returncode == 0, started.stderr
    assert operator.task("end", operator.path("start")).returncode == 0
    about = "[run.data.words_seen, run.data.doubled, run.data.sign, run.data.info['who'], run.data.rounds]"
    assert _read(tmp_path, "PackageFlow", about) == ["moi", 42, "+", "ann", 7]


def test_an_included_file_travels(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "include_flow/flow.py")
    assert operator.task("start", parameters=dict(operator.package.parameters)).returncode == 0
    assert operator.task("end", operator.path("start")).returncode == 0
    assert _read(tmp_path, "IncludeFlow", "[run.data.table, run.data.lines]") == ["a,b\n1,2\n", 2]


def test_a_parameter_of_the_manifest_is_not_evaluated(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "package_flow/flow.py", parameters={"info": {"who": "manifest"}})
    assert operator.package.parameters == {"rounds": 7}


def test_modules_of_a_step_are_found_and_neither_those_nor_the_profile_of_the_worker(tmp_path: Path) -> None:
    """The PYTHONPATH of `@environment`, as in a run of Metaflow itself."""
    operator = _operator(tmp_path, CORPUS / "variables.py")
    workers = {"PYTHONPATH": "/opt/it's own", "METAFLOW_PROFILE": "theirs"}
    assert operator.task("start").returncode == 0
    ended = operator.task("end", operator.path("start"), variables=workers)
    assert ended.returncode == 0, ended.stderr
    found = [_read(tmp_path, "VariablesFlow", f"run['{step}'].task['has_modules'].data") for step in ("start", "end")]
    assert found == [True, False]


def test_a_step_with_kubernetes_runs_as_a_process(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "decorated.py")
    assert operator.task("start").returncode == 0
    fitted = operator.task("fit", operator.path("start"))
    assert fitted.returncode == 0, fitted.stderr
    assert operator.task("end", operator.path("fit")).returncode == 0
    assert "project:growth" in _read(tmp_path, "DecoratedFlow", "sorted(run.tags)")
    assert "project_branch:test.dev" in _read(tmp_path, "DecoratedFlow", "sorted(run.tags)")


def test_the_class_that_the_manifest_names_is_the_one_that_runs(tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    code = (FLOWS / "fan.py").read_text()
    (folder / "two.py").write_text(code + "\n\nclass OtherFlow(FanFlow):\n    pass\n")
    shutil.copy(FLOWS / "linear.py", folder)
    operator = _operator(tmp_path, str(folder / "two.py"), class_name="OtherFlow")
    assert operator.flow.name == "OtherFlow"
    done = operator.task("start", parameters={"count": 1})
    assert done.returncode == 0, done.stderr
    assert _read(tmp_path, "OtherFlow", "run['start'].task.data.items") == [0]


def test_a_task_keeps_its_logs_while_it_runs_and_when_it_is_told_to_end(tmp_path: Path) -> None:
    operator = _operator(tmp_path, "told.py")
    told = operator.task("start")
    assert (told.returncode, told.stderr) == (128 + signal.SIGTERM, "")
    logged = _read(tmp_path, "ToldFlow", "run['start'].task.stdout")
    assert logged == told.stdout == "said at once\nkept while it runs\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent ended")
@pytest.mark.parametrize("killed", ["started", "watching"])
def test_a_step_ends_with_the_process_that_started_its_task_or_watches_it(killed: str, tmp_path: Path) -> None:
    operator = _operator(tmp_path, "orphaned.py")
    ends = tmp_path / "ends"
    os.mkfifo(ends)
    reader = os.open(ends, os.O_RDONLY | os.O_NONBLOCK)
    # Returns when nobody holds its output any more.
    under = ("sh", "-c", '"$@"; exit', "sh")
    done = operator.task("start", under=under, variables={"KILLED": killed, "ENDS": str(ends)})
    assert done.returncode == (-signal.SIGKILL if killed == "started" else 128 + signal.SIGKILL), done.stderr
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # once the step's process has ended
    os.close(reader)
    assert not (tmp_path / "datastore" / "went-on").exists()


@pytest.mark.parametrize("where", ["manifest", "secret"])
def test_a_task_is_recorded_by_the_service_that_the_settings_name(where: str, tmp_path: Path) -> None:
    with metadata_service() as (url, recorded):
        # What a pod gets from a Kubernetes secret, and a process from its worker, is no variable of the DAG.
        given = {"METAFLOW_SERVICE_URL": url}
        settings = given if where == "manifest" else {"METAFLOW_DEFAULT_METADATA": "service"}
        one = deployment("linear.py", environment=local(tmp_path / "datastore", metaflow=settings))
        [package] = build_packages([one], upload=True, user="ann").values()
        operator = Operator(compile_flows([one]).flows[one.address], package, tmp_path / "work")
        assert operator.flow.environment.get("METAFLOW_SERVICE_URL") == (url if where == "manifest" else None)
        variables = {**({} if where == "manifest" else given), "no_proxy": "127.0.0.1"}
        done = operator.task("start", parameters={"needed": 1}, variables=variables)
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"/flows/LinearFlow/runs/{RUN}/steps/start/tasks/start/artifact" in recorded

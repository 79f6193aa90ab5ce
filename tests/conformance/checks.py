"""What is to be said of a case beyond data: one function for each, named as its flow's file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from tests.conformance.columns import Run


def retry_default(run: Run) -> None:
    assert [run.dag["tasks"][step]["retries"] for step in ("start", "end")] == [1, 3]


def retry_wait(run: Run) -> None:
    tasks = run.dag["tasks"]
    assert (tasks["start"]["retries"], tasks["start"]["retry_delay"]) == (1, 180)
    assert (tasks["end"]["retries"], tasks["end"]["retry_delay"]) == (4, 120)  # Metaflow's own default


def timed_out(run: Run) -> None:
    # Airflow's own limit is a net below Metaflow's, which lets @catch do its work.
    assert run.dag["tasks"]["start"]["execution_timeout"] > 2


def resources(run: Run) -> None:
    """A process has what the worker has; a pod gets what was asked for, the manifest's word over the code's."""
    if run.column.compute == "kubernetes":
        requests = {_step(pod): _base(pod)["resources"]["requests"] for pod in run.pods}
        assert {name: requests["start"][name] for name in ("cpu", "memory")} == {"cpu": "2", "memory": "5000M"}
        # Of @resources and the default of @kubernetes Metaflow takes the larger.
        assert {name: requests["end"][name] for name in ("cpu", "memory")} == {"cpu": "3", "memory": "4096M"}


def pod_attributes(run: Run) -> None:
    start, end = run.pods
    spec, container = start["manifest"]["spec"], _base(start)
    metadata = start["manifest"]["metadata"]
    # What the environment says of its pods is stronger than the code.
    assert metadata["namespace"] == "jobs"
    assert metadata["labels"]["team"] == "growth"
    assert metadata["annotations"]["note"] == "costs $(MONEY) {{ ds }}"
    assert spec["serviceAccountName"] == "trainer"
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert (container["image"], container["imagePullPolicy"]) == ("registry.example/flows:1", "Always")
    amounts = {"cpu": "2", "memory": "5000M", "ephemeral-storage": "2000M"}
    assert container["resources"] == {"requests": amounts, "limits": amounts}
    assert container["ports"] == [{"containerPort": 8080}]
    assert container["securityContext"] == {"runAsUser": 1000, "privileged": False}
    sizes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in spec["volumes"]}
    assert sizes == {"tmpfs-ephemeral-volume": "64Mi", "dhsm": "32Mi"}
    assert end["manifest"]["spec"]["tolerations"] == [{"key": "spot", "operator": "Exists"}]


def parameter_form(run: Run) -> None:
    params = run.dag["params"]
    kinds = {"text": "string", "whole": "integer", "real": "number", "flag": "boolean"}
    assert sorted(params) == sorted([*kinds, "document"])
    for name, kind in kinds.items():
        assert kind in params[name]["type"], name
    assert run.dag["help"]["text"] == "Any text: 'quoted' {{ ds }}"
    assert run.dag["defaults"]["document"] == {"a": 1}


def deploy_time(run: Run) -> None:
    first, second = (run.artifacts("start", number) for number in (0, 1))
    assert first["deployed"] == second["deployed"]
    assert first["deployed"].startswith("DeployTimeFlow.deployed by ada: ")
    assert first["process"] != second["process"]


def config_values(run: Run) -> None:
    assert run.dag["params"] == {}


def hourly(run: Run) -> None:
    times = _next_runs(run)
    assert {(time.minute, time.second) for time in times} == {(0, 0)}
    assert _gaps(times) == {timedelta(hours=1)}


def daily(run: Run) -> None:
    times = _next_runs(run)
    assert {(time.hour, time.minute) for time in times} == {(0, 0)}
    assert _gaps(times) == {timedelta(days=1)}


def weekly(run: Run) -> None:
    times = _next_runs(run)
    assert {(time.isoweekday(), time.hour, time.minute) for time in times} == {(7, 0, 0)}
    assert _gaps(times) == {timedelta(weeks=1)}


def unix_cron(run: Run) -> None:
    for time in _next_runs(run):
        assert (time.hour, time.minute) == (3, 15)
        assert time.isoweekday() <= 5


def aws_cron(run: Run) -> None:
    """The days of AWS begin with Sunday, which is 1: its 2-6 are Monday to Friday."""
    for time in _next_runs(run):
        assert (time.hour, time.minute, time.second) == (10, 0, 0)
        assert time.isoweekday() <= 5


def timezone(run: Run) -> None:
    for time in _next_runs(run):
        there = time.astimezone(ZoneInfo("Europe/Helsinki"))
        assert (there.hour, there.minute) == (6, 30)


def no_schedule(run: Run) -> None:
    assert run.dag["next_runs"]["runs"] == []


def limits(run: Run) -> None:
    assert run.dag["tasks"]["work"]["max_active_tis_per_dagrun"] == 40
    assert run.dag["max_active_tasks"] >= 40
    assert run.dag["max_active_runs"] == 2
    assert run.dag["dagrun_timeout"] == "2:00:00"
    assert run.dag["tasks"]["work"]["pool"] == "default_pool"


def identity(run: Run) -> None:
    """Each task is called the same by itself, by Metaflow's Client and on Airflow's page; two runs are two."""
    first, second = (one["id"] for one in run.runs)
    assert first != second
    assert first.startswith("airflow-")
    for number, one in enumerate(run.runs):
        shown = {
            (task["task_id"], task["map_index"]): task["rendered"]["metaflow_pathspec"]
            for task in run.outcomes[number]["tasks"]
        }
        for step in one["steps"]:
            for index, task in enumerate(run.tasks(step, number)):
                name = f"IdentityFlow/{one['id']}/{step}/{task['id']}"
                assert task["artifacts"]["named"] == name
                assert shown[step, index if step == "work" else -1] == name


def namespaces(run: Run) -> None:
    own = run.artifacts("start")["own"]
    assert own.startswith("production:namespacesflow.column-0-")
    code = "import sys; from metaflow import Flow, namespace; namespace(sys.argv[1]); print(*Flow('NamespacesFlow'))"
    found = subprocess.run([sys.executable, "-c", code, own], env=dict(run.reader), capture_output=True, text=True)
    assert found.stdout == f"Run('NamespacesFlow/{run.runs[0]['id']}')\n", found.stderr


def nested_two(run: Run) -> None:
    """Each item is shown by its index path and the values of all levels, on the way into the foreach and out of it."""
    shown: dict[str, list[str]] = {}
    for task in run.outcomes[0]["tasks"]:
        if task["item"] is not None:
            shown.setdefault(task["task_id"], []).append(task["item"])
    assert shown["spread"] == shown["after"] == ["0: 1", "1: 2"]
    assert shown["work"] == shown["polish"] == ["0.0: 1, 0.0", "1.0: 2, 1.0", "1.1: 2, 1.1"]


def cleared(run: Run) -> None:
    assert [task["try_number"] for task in run.outcomes[0]["tasks"] if task["task_id"] == "work"] == [2]


def resumed(run: Run) -> None:
    """On the user's machine, with the mended flow: what worked is used again."""
    folder = run.folder / "resumed"
    folder.mkdir()
    mended = folder / "resumed.py"
    mended.write_text(run.case.file.read_text().replace('int("2fail")', "2"))
    command = [sys.executable, str(mended), "--quiet", "resume", "--origin-run-id", run.runs[0]["id"]]
    done = subprocess.run(command, env=dict(run.reader), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    code = "from metaflow import Flow, namespace; namespace(None); run = Flow('ResumedFlow').latest_run; "
    code += "print(run.successful, run['work'].task.data.runs, run['work'].task.data.value)"
    read = subprocess.run([sys.executable, "-c", code], env=dict(run.reader), capture_output=True, text=True)
    assert read.stdout == "True ['airflow'] 2\n", read.stderr


def logs(run: Run) -> None:
    (start,) = run.tasks("start")
    assert "attempt 1 complains\n" in start["stderr"]
    (first,) = start["earlier"]
    assert "attempt 0 says ä漢 $HOME {{ ds }}\n" in first["stdout"]
    assert "attempt 0 complains\n" in first["stderr"]
    assert "ValueError: not yet" in first["stderr"]


def exit_hooks(run: Run) -> None:
    """A hook that fails is red and leaves the run as it is; so does one that works after a run that failed."""
    assert [outcome["state"] for outcome in run.outcomes] == ["success", "failed"]
    assert run.states("on-error-tell", 1) == ["success"]
    assert run.states("on-error-stumble", 1) == ["failed"]
    assert run.states("on-success-tell", 1) == run.states("on-success-stumble", 1) == ["skipped"]
    # What Airflow wrote, logs of tasks among it.
    log = (run.folder / "airflow" / "output.log").read_text()
    first, second = (one["id"] for one in run.runs)
    assert f"told of ExitHooksFlow/{first}, ['end', 'join', 'start', 'work']" in log
    assert f"told of ExitHooksFlow/{second}, ['start', 'work']" in log
    assert "ValueError: the hook stumbles" in log


def only_imports(run: Run) -> None:
    """The log says which key of the manifest packages what a task missed."""
    (miss,) = run.tasks("miss")
    assert "`package: {include: [lib/unused.py]}`" in miss["stderr"]


def _next_runs(run: Run) -> list[datetime]:
    """The first scheduled runs, none of them before the DAG came to be."""
    found = [datetime.fromisoformat(text) for text in run.dag["next_runs"]["runs"]]
    assert len(found) == 4
    assert found[0] >= datetime.fromisoformat(run.dag["start_date"])
    assert run.dag["catchup"] is False
    return found


def _gaps(times: list[datetime]) -> set[timedelta]:
    return {after - before for before, after in pairwise(times)}


def _step(pod: Mapping[str, Any]) -> str:
    return str(pod["manifest"]["metadata"]["annotations"]["metaflow/step_name"])


def _base(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The container that runs the step."""
    return next(dict(one) for one in pod["manifest"]["spec"]["containers"] if one["name"] == "base")

"""Rendered DAGs with local compute, run by real Airflows: what each task is given, and in which order."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.models.deployment import Deployment
from deployer.models.flow import Flow, Hook, Parameter, Retries, Step
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.names import dag_id
from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import Airflow, Home
from tests.renderer import flows
from tests.renderer.test_names import renamed

pytestmark = pytest.mark.airflow
RUNTIME = Path(__file__).parents[2] / "deployer" / "runtime"

HOSTILE = 'it\'s "quoted" $HOME $(id) `id` {{ ds }} {% if x %} \\ \n\t é 漢字 🚀 %s'
# More than one variable of a process can hold.
LONG = HOSTILE * 2500
# More than all variables of a process can hold.
HUGE = "é" * 1_500_000
# What the task of the huge value does beside the rest: the file with it is gone when the task has ended.
KEEP = ' && if [ -n "${MFDEPLOY_PARAMETERS:-}" ]; then cp "$MFDEPLOY_PARAMETERS" "$SEEN.json"; fi'
ORDERED = {"fit": 3, "load": {"z": 1, "a": [{"d": 1, "c": 2}]}, "clean": 2}
PARAMETERS = (
    Parameter("alpha", "number", 8, default=0.5),
    Parameter("text", "string", 8, default=HOSTILE),
    Parameter("flag", "boolean", 8, default=True),
    Parameter("settings", "json", 8, default={"b": [1, None], "a": HOSTILE}),
    Parameter("items", "json", 8, default=[1, "two", {"three": 3}]),
    Parameter("nothing", "string", 8),
    Parameter("needed", "integer", 8, required=True),
)
HOOKS = (Hook("page", "error"), Hook("tell", "success"))


# What a run of `params` is given beside a value for `needed`, and what is said of that.
REFUSED: Mapping[str, Mapping[str, Any]] = {
    "'txet', and TrainFlow has no such parameter: did you mean 'text'?": {"txet": "apac"},
    "'ALPHA', and TrainFlow has no such parameter: did you mean 'alpha'?": {"ALPHA": 1},
    "'METAFLOW_RUN_ID', and TrainFlow has no such parameter: its parameters are alpha, text,": {"METAFLOW_RUN_ID": "x"},
    "Invalid input for param needed: None is not of type 'integer'": {"needed": None},
    "Invalid input for param flag: 'yes' is not of type 'boolean'": {"flag": "yes"},
    "Invalid input for param alpha: 'half' is not of type 'number'": {"alpha": "half"},
    "Invalid input for param text: 7 is not of type 'string'": {"text": 7},
}


@dataclass
class Ran:
    """One DAG's run: Airflow's account of it, and the environments that its tasks saw."""

    outcome: Mapping[str, Any]
    seen: Mapping[str, Mapping[str, str]]

    def task(self, step: str, map_index: int = -1) -> Mapping[str, Any]:
        for task in self.outcome["tasks"]:
            if (task["task_id"], task["map_index"]) == (step, map_index):
                return dict(task)
        raise KeyError((step, map_index))

    def given(self, step: str, map_index: int = -1, attempt: int = 0) -> Mapping[str, str]:
        identity = self.task(step, map_index)["rendered"]["metaflow_task_id"]
        return self.seen[f"{step}.{identity}.{attempt}"]


def cases() -> dict[str, tuple[Deployment, Flow]]:
    """Every flow that is run, by the name of its manifest entry."""
    splits = {"SPLITS": "3"}
    values = {"VALUES": json.dumps({"0": "eu", "1": HOSTILE, "7": "no item"})}
    failing = {"FAILURES": "2"}
    retried = flows.with_step(flows.linear(), "start", retries=Retries(times=2), environment=failing)
    found = {
        "linear": flows.linear(),
        "single": flows.flow(Step("start", "end", 10)),
        "branches": flows.branches(),
        "fan": flows.with_step(flows.fan(), "start", environment={**splits, **values}),
        "long_names": flows.with_step(
            renamed(flows.fan(), start="s" * 220, fit="f" * 220), "s" * 220, environment=splits
        ),
        "wide": flows.with_step(flows.wide_fan(), "pick", environment={**splits, **values}),
        "retried": retried,
        "fallback": flows.with_step(flows.linear(), "start", retries=Retries(1, 0, 1), environment={"FAILURES": "2"}),
        "forbidden": flows.with_step(
            flows.linear(), "start", retries=Retries(times=2), environment={"FAILURES": "3", "CODE": "202"}
        ),
        "failing": flows.with_step(flows.branches(hooks=HOOKS), "up", environment=failing),
        "params": flows.linear(parameters=PARAMETERS),
        "hostile": flows.with_step(
            flows.linear(), "start", doc=HOSTILE, environment={"USER_TEXT": HOSTILE}, options=("--with", HOSTILE)
        ),
    }
    return {
        name: (
            flows.deployment(name=name, dag_id=name, description=HOSTILE, namespace=HOSTILE, show_items=name != "wide"),
            flow,
        )
        for name, flow in found.items()
    }


@dataclass
class Answers:
    """All runs of one process of an Airflow: the cases by DAG, those with values that are refused, and the output."""

    ran: Mapping[str, Ran]
    long: Ran
    refused: Mapping[str, Mapping[str, Any]]
    log: str


@pytest.fixture(scope="module")
def answers(airflow: Airflow, airflow_home: Callable[..., Home], tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """All cases, run by one process of each Airflow."""
    seen = tmp_path_factory.mktemp("seen")
    home = airflow_home(UNTRUSTED="{{ 7 * 7 }}")
    for name, (deployment, flow) in cases().items():
        assert check(deployment, flow) == []
        flow = dataclasses.replace(flow, environment={**flow.environment, "SEEN": str(seen / name)})
        text = render(deployment, flow, flows.package(flow, flows.SCRIPT + (KEEP if name == "params" else "")))
        (home.dags / f"{dag_id(deployment, flow)}.py").write_text(text)
    # The last one is what Airflow's TriggerDagRunOperator adds.
    conf: Mapping[str, Any] = {"needed": 7, "text": LONG, "openlineage": {"parentRunId": "x"}}
    # Airflow 2 keeps what it was given for the runs of the same process that come later.
    confs = [
        conf,
        {"needed": 7, "text": HUGE, "settings": ORDERED},
        *({"needed": 7, **given} for given in REFUSED.values()),
    ]
    asked: list[Mapping[str, Any]] = [{"dag_id": name} for name in cases() if name != "params"]
    asked += [{"dag_id": "params", "conf": given, "minute": number} for number, given in enumerate(confs)]
    answer = home.ask(asked)
    assert answer["import_errors"] == {}
    assert answer["warnings"] == []
    runs = [Ran(run, flows.seen(seen / run["dag_id"])) for run in answer["runs"]]
    ordinary, (long, *refused) = runs[: len(cases())], runs[len(cases()) :]
    return Answers(
        {run.outcome["dag_id"]: run for run in ordinary},
        long,
        dict(zip(REFUSED, (run.outcome for run in refused), strict=True)),
        home.log,
    )


@pytest.fixture(scope="module")
def ran(answers: Answers) -> Mapping[str, Ran]:
    return answers.ran


def input_paths(given: Mapping[str, str]) -> list[str]:
    """The pathspecs (run/step/task) that a task reads, as Metaflow takes the list apart."""
    from metaflow.util import decompress_list

    if "METAFLOW_JOINED_ITEMS" in given:
        code = "from mfdeploy_task.variables import input_paths; print(input_paths())"
        known = {**given, "PATH": os.environ["PATH"], "PYTHONPATH": str(RUNTIME)}
        done = subprocess.run([sys.executable, "-c", code], env=known, capture_output=True, text=True, check=True)
        return done.stdout.strip().split(",")
    text = given["METAFLOW_INPUT_PATHS"]
    return list(decompress_list(text)) if text else []


def pathspec(ran: Ran, step: str, map_index: int = -1) -> str:
    return str(ran.task(step, map_index)["rendered"]["metaflow_pathspec"]).split("/", 1)[1]


@pytest.mark.parametrize("name", [name for name in cases() if name not in ("failing", "forbidden")])
def test_the_run_succeeds(ran: Mapping[str, Ran], name: str) -> None:
    assert ran[name].outcome["state"] == "success", ran[name].outcome


def test_each_step_reads_the_one_before(ran: Mapping[str, Ran]) -> None:
    linear = ran["linear"]
    assert input_paths(linear.given("start")) == []
    assert input_paths(linear.given("end")) == [pathspec(linear, "start")]


def test_a_join_reads_all_branches(ran: Mapping[str, Ran]) -> None:
    branches = ran["branches"]
    assert input_paths(branches.given("join")) == [pathspec(branches, "up"), pathspec(branches, "down")]
    assert input_paths(branches.given("up")) == input_paths(branches.given("down")) == [pathspec(branches, "start")]


def test_a_foreach_runs_its_body_for_each_item(ran: Mapping[str, Ran]) -> None:
    fan = ran["fan"]
    for index in range(3):
        given = fan.given("fit", index)
        assert given["METAFLOW_SPLIT_INDEX"] == str(index)
        assert input_paths(given) == [pathspec(fan, "start")]
        assert fan.task("fit", index)["rendered"]["metaflow_index"] == str(index)
    assert input_paths(fan.given("join")) == [pathspec(fan, "fit", index) for index in range(3)]
    assert "METAFLOW_SPLIT_INDEX" not in fan.given("join")


def test_an_item_is_shown_by_its_index_and_its_value(ran: Mapping[str, Ran]) -> None:
    assert [ran["fan"].task("fit", index)["item"] for index in range(3)] == ["0: eu", f"1: {HOSTILE}", "2"]
    assert [ran["wide"].task("check", index)["item"] for index in range(3)] == ["0", "1", "2"]


def test_a_body_of_several_steps_stays_within_its_item(ran: Mapping[str, Ran]) -> None:
    wide = ran["wide"]
    for index in range(3):
        assert input_paths(wide.given("load", index)) == [pathspec(wide, "pick")]
        assert input_paths(wide.given("up", index)) == [pathspec(wide, "load", index)]
        assert input_paths(wide.given("meet", index)) == [pathspec(wide, "up", index), pathspec(wide, "down", index)]
        assert input_paths(wide.given("check", index)) == [pathspec(wide, "meet", index)]
        assert "METAFLOW_SPLIT_INDEX" not in wide.given("up", index)
    assert input_paths(wide.given("gather")) == [pathspec(wide, "check", index) for index in range(3)]


def test_a_group_with_a_shortened_id_is_mapped(ran: Mapping[str, Ran]) -> None:
    long = ran["long_names"]
    assert [long.task("f" * 220, index)["state"] for index in range(3)] == ["success"] * 3
    assert input_paths(long.given("join")) == [pathspec(long, "f" * 220, index) for index in range(3)]


def test_task_ids_are_unique(ran: Mapping[str, Ran]) -> None:
    wide = ran["wide"]
    found = [task["rendered"]["metaflow_pathspec"] for task in wide.outcome["tasks"]]
    assert len(set(found)) == len(found) == 4 + 5 * 3


def test_rendered_fields_are_what_the_task_got(ran: Mapping[str, Ran]) -> None:
    for one in ran.values():
        for task in one.outcome["tasks"]:
            if task["state"] != "success" or task["task_id"].startswith("on-"):
                continue
            rendered = task["rendered"]
            given = one.given(task["task_id"], task["map_index"], task["try_number"] - 1)
            assert given["METAFLOW_RUN_ID"] == rendered["metaflow_run_id"]
            assert given["METAFLOW_TASK_ID"] == rendered["metaflow_task_id"]
            assert rendered["metaflow_pathspec"] == "/".join(
                ["TrainFlow", rendered["metaflow_run_id"], task["task_id"], rendered["metaflow_task_id"]]
            )
            assert given["METAFLOW_STEP_NAME"] == task["task_id"]
            assert given["METAFLOW_AIRFLOW_DAG_RUN_ID"] == one.outcome["run_id"]


def test_retries_count_attempts(ran: Mapping[str, Ran]) -> None:
    retried = ran["retried"]
    for attempt in range(3):
        given = retried.given("start", attempt=attempt)
        assert given["METAFLOW_RETRY_COUNT"] == str(attempt)
        assert given["METAFLOW_MAX_USER_CODE_RETRIES"] == "2"
    assert retried.task("start")["try_number"] == 3


def test_an_exit_code_forbids_retries(ran: Mapping[str, Ran]) -> None:
    forbidden = ran["forbidden"]
    assert forbidden.outcome["state"] == "failed"
    start, end = forbidden.task("start"), forbidden.task("end")
    assert (start["state"], start["try_number"], end["state"]) == ("failed", 1, "upstream_failed")


def test_a_fallback_retry_is_one_beyond_the_users(ran: Mapping[str, Ran]) -> None:
    last = ran["fallback"].given("start", attempt=2)
    assert last["METAFLOW_MAX_USER_CODE_RETRIES"] == "1"


def test_a_failure_stops_what_follows_only(ran: Mapping[str, Ran]) -> None:
    failing = ran["failing"]
    assert failing.outcome["state"] == "failed"
    states = {task["task_id"]: task["state"] for task in failing.outcome["tasks"]}
    assert states == {
        "start": "success",
        "up": "failed",
        "down": "success",
        "join": "upstream_failed",
        "end": "upstream_failed",
        "on-error-page": "success",
        "on-success-tell": "skipped",
    }


def test_a_hook_is_given_its_function_and_the_run_and_nothing_of_a_step(ran: Mapping[str, Ran]) -> None:
    failing = ran["failing"]
    hooks = [given for name, given in failing.seen.items() if name.startswith("on-")]
    assert [given["MFDEPLOY_HOOK"] for given in hooks] == ["page"]
    assert hooks[0]["METAFLOW_RUN_ID"] == failing.given("start")["METAFLOW_RUN_ID"]
    assert not {"FAILURES", "METAFLOW_PARAMETERS", "METAFLOW_INPUT_PATHS"} & set(hooks[0])


def _values(given: Mapping[str, str]) -> dict[str, Any]:
    if "MFDEPLOY_PARAMETERS" in given:
        return dict(json.loads(Path(f"{given['SEEN']}.json").read_text(encoding="utf-8")))
    pieces = sorted(
        (name for name in given if name.startswith("METAFLOW_PARAMETERS_")), key=lambda name: int(name[20:])
    )
    return dict(json.loads("".join(given[name] for name in pieces)))


def test_parameters_arrive_unchanged(ran: Mapping[str, Ran]) -> None:
    params = ran["params"]
    assert "METAFLOW_PARAMETERS_1" in params.given("start")
    assert _values(params.given("start")) == {
        "alpha": 0.5,
        "text": LONG,
        "flag": True,
        "settings": {"b": [1, None], "a": HOSTILE},
        "items": [1, "two", {"three": 3}],
        "nothing": None,
        "needed": 7,
    }
    assert not [name for name in params.given("end") if name.startswith("METAFLOW_PARAMETERS")]


def test_a_value_keeps_the_order_of_its_keys(answers: Answers) -> None:
    for run, settings in ((answers.ran["params"], PARAMETERS[3].default), (answers.long, ORDERED)):
        values = _values(run.given("start"))
        assert json.dumps(values["settings"]) == json.dumps(settings)


def test_more_than_a_process_takes_arrives_in_a_file(answers: Answers) -> None:
    given = answers.long.given("start")
    assert _values(given)["text"] == HUGE
    assert not [name for name in given if name.startswith("METAFLOW_PARAMETERS")]
    assert not Path(given["MFDEPLOY_PARAMETERS"]).exists()


def test_what_a_run_cannot_be_given_fails_it_with_one_error(answers: Answers) -> None:
    """By Airflow before the run begins, where it is told the types, else in the task's log; and no second time."""
    for message, outcome in answers.refused.items():
        if "ParamValidationError" in outcome.get("error", ""):
            assert message in outcome["error"]
            continue
        assert outcome["state"] == "failed", message
        assert message in answers.log
        (start,) = [task for task in outcome["tasks"] if task["task_id"] == "start"]
        assert (start["state"], start["try_number"]) == ("failed", 1), message


def test_the_first_line_of_a_log_says_what_runs(answers: Answers) -> None:
    for index, item in ((0, " (item 0: eu)"), (2, " (item 2)")):
        shown = answers.ran["fan"].task("fit", index)["rendered"]["metaflow_pathspec"]
        assert f"{shown}{item}, attempt 1, prod/fan" in answers.log
    retried = answers.ran["retried"].task("start")["rendered"]["metaflow_pathspec"]
    for attempt in (1, 2, 3):
        assert f"{retried}, attempt {attempt}, prod/retried" in answers.log


def test_a_log_does_not_have_the_script(answers: Answers) -> None:
    assert 'eval "$MFDEPLOY_SCRIPT"' in answers.log
    assert "env -0" not in answers.log


def test_a_task_that_failed_for_good_says_how_to_resume(answers: Answers) -> None:
    for name in ("failing", "forbidden"):
        run = pathspec(answers.ran[name], "start").partition("/")[0]
        command = f'eval "$(mfdeploy env {name} --env prod)" && python flows/train.py resume --origin-run-id {run}'
        assert command in answers.log
    assert f"--origin-run-id {pathspec(answers.ran['retried'], 'start').partition('/')[0]}" not in answers.log


def test_what_users_write_is_no_template_and_no_shell(ran: Mapping[str, Ran]) -> None:
    given = ran["hostile"].given("start")
    assert given["USER_TEXT"] == HOSTILE
    assert given["METAFLOW_TASK_NAMESPACE"] == HOSTILE
    assert json.loads(given["METAFLOW_TASK_OPTIONS"]) == ["--with", HOSTILE]
    assert given["UNTRUSTED"] == "{{ 7 * 7 }}"


def test_a_task_finds_its_interpreter_and_leaves_nothing(ran: Mapping[str, Ran], airflow: Airflow) -> None:
    given = ran["fan"].given("start")
    assert Path(given["MFDEPLOY_PYTHON"]).samefile(airflow.python)
    assert not Path(given["MFDEPLOY_RESULT_FILE"]).parent.exists()
    assert given["METAFLOW_TAGS"] == '["env:prod", "mfdeploy", "team:growth"]'

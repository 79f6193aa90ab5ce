"""The table of what Metaflow can say and what becomes of it on Airflow: its rows, and the tests that show each.

A row is shown by the flows of the corpus that name it (``shows``) and by the `tests` that stand here: pytest node ids
in which ``{version}`` is an Airflow's version, and ``{place}`` the environment of `tests/computes` in which a compute's
tasks run. A test without them says the same of every Airflow, or compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.conformance.cases import COMPUTES, corpus
from tests.conformance.columns import Column

FORM = "tests/airflow/test_trigger_form.py::"
EXAMPLES = "tests/e2e/test_airflow.py::"
PODS = "tests/kubernetes/test_pods.py::"
EVENTS = "tests/live/test_events.py::"
AS_ARGO = "tests/kubernetes/test_triggers_as_argo.py::"
TOLD = "tests/airflow/test_notifications.py::"
_TOLD = (
    "test_a_failure_is_told_once_with_all_that_helps",
    "test_items_of_a_foreach_are_told_together",
    "test_a_retry_is_told_with_its_error",
    "test_a_success_is_told",
    "test_slack_gets_text_and_no_mention",
    "test_mail_is_html_that_shows_text",
)
RUNNING = "tests/scheduler/test_running.py::"
SENSORS = "tests/computes/test_computes.py::TestSensors::"
PACKAGES = "tests/computes/test_computes.py::TestPackages::"
STORED = "tests/e2e/test_datastores.py::"
PLACES = {"local": "worker", "kubernetes": "pods"}
# What the stock command does with many of them.
REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """`title` is unique. `stock` is what `python flow.py airflow create` does with it, where that was measured.

    `computes` are those that it means something on; `refused` where plan refuses it.
    """

    area: str
    title: str
    stock: str = ""
    tests: Sequence[str] = ()
    computes: Sequence[str] = COMPUTES
    refused: bool = False

    def shown_by(self, column: Column) -> list[str]:
        """The node ids of the tests that show it in a column."""
        if column.compute not in self.computes:
            return []
        cases = [case for case in corpus().values() if self.title in case.shows and column.compute in case.computes]
        tests = [test for test in self.tests if column.compute in _computes_of(test)]
        return [
            *(f"{column.file}::test_a_flow[{case.name}]" for case in cases),
            *(test.format(version=column.version, place=PLACES[column.compute]) for test in tests),
        ]


def _computes_of(test: str) -> Sequence[str]:
    """Which computes a test is about: those of one folder need a cluster, others a worker or nothing but its script."""
    if test.startswith(AS_ARGO):
        return COMPUTES
    if test.startswith(("tests/kubernetes/", "tests/airflow/test_kubernetes")) or "::TestPods::" in test:
        return ("kubernetes",)
    if test.startswith(STORED):
        return ("local",)
    if test.startswith(FORM):
        return COMPUTES
    return ("local",) if "{version}" in test and "{place}" not in test else COMPUTES


def _refused(
    area: str, title: str, stock: str, *cases: str, more: Sequence[str] = (), computes: Sequence[str] = COMPUTES
) -> Row:
    name = "tests/compiler/test_bad_flows.py::test_each_bad_flow_is_one_message_with_its_place"
    return Row(area, title, stock, (*(f"{name}[{case}]" for case in cases), *more), computes, refused=True)


ROWS: tuple[Row, ...] = (
    Row("graph", "linear"),
    Row("graph", "split and join", tests=(f"{EXAMPLES}test_a_split_is_joined[{{version}}]",)),
    Row("graph", "foreach", tests=(f"{PODS}TestGraph::test_a_foreach_has_a_pod_for_each_item[{{version}}]",)),
    Row("graph", "foreach with a body of several steps", REFUSED),
    Row("graph", "split inside a foreach", REFUSED),
    Row("graph", "foreach inside a split"),
    Row("graph", "nested foreach, two levels, ragged", REFUSED),
    Row("graph", "nested foreach, three levels, ragged", REFUSED),
    Row("graph", "splits and foreaches inside of each other", REFUSED),
    Row("graph", "empty foreach: the step fails, as by Metaflow itself"),
    Row("graph", "switch with branches of different length that merge", REFUSED),
    Row("graph", "switch inside a foreach", REFUSED),
    Row("graph", "switch inside a nested foreach", REFUSED),
    Row("graph", "foreach inside a switch", REFUSED),
    Row("graph", "single-step flow"),
    Row("graph", "start and end steps with names of their own"),
    Row(
        "graph",
        "any graph made of these, equal to Metaflow's own run",
        tests=("tests/graphs/test_random_graphs.py::test_random_graphs_run_as_by_metaflow[{version}]",),
        computes=("local",),
    ),
    _refused("graph", "recursion", REFUSED, "recursion"),
    Row(
        "graph",
        "`@parallel`: the step's process and its workers, with retries, and a join of all",
        REFUSED,
        tests=(
            "tests/compiler/test_parallel.py::test_a_worker_that_fails_fails_the_task",
            "tests/compiler/test_parallel.py::test_no_worker_is_left_where_the_task_is_stopped",
        ),
        computes=("local",),
    ),
    Row(
        "graph",
        "`@parallel` inside a foreach and a switch, with a computed number of nodes",
        REFUSED,
        computes=("local",),
    ),
    _refused("graph", "`@parallel` in pods", REFUSED, "parallel", computes=("kubernetes",)),
    _refused("graph", "`@torchrun` and `@deepspeed` of Metaflow's extensions", "", "torchrun"),
    Row("retries", "`@retry` with the real attempt number"),
    Row("retries", "`@retry(times=0)`"),
    Row("retries", "`minutes_between_retries`"),
    Row("retries", "the manifest's default for steps without their own", "by the flag `--with retry`"),
    Row("retries", "retries inside a foreach"),
    Row("retries", "`@catch` after the last attempt"),
    Row(
        "retries",
        "a step that ends with `sys.exit(0)` or `os._exit(0)` fails",
        "",
        (
            "tests/compiler/test_ends.py::test_an_exit_code_of_0_is_no_success",
            "tests/compiler/test_ends.py::test_a_step_that_does_not_go_on_fails",
        ),
    ),
    Row(
        "retries",
        "Metaflow's exit code that forbids retries",
        "",
        (
            "tests/airflow/test_local_dags.py::test_an_exit_code_forbids_retries[{version}]",
            f"{PODS}TestFailures::test_an_exit_code_forbids_retries[{{version}}]",
        ),
    ),
    Row("retries", "`@timeout`", tests=(f"{PODS}TestFailures::test_a_timeout_is_armed[{{version}}]",)),
    Row("compute", "`@resources`"),
    Row(
        "compute",
        "`@kubernetes`: every attribute that describes a pod",
        "drops tolerations, labels, annotations, image_pull_secrets, shared_memory, port and security_context without "
        "a word; refuses tmpfs, persistent volume claims and image_pull_policy",
        (
            "tests/airflow/test_kubernetes_dags.py::test_every_attribute_of_the_code_reaches_the_pod[{version}]",
            f"{PODS}TestPods::test_a_step_has_the_pod_that_it_asked_for[{{version}}]",
            f"{PODS}TestPods::test_volumes_are_where_the_step_looks[{{version}}]",
        ),
        ("kubernetes",),
    ),
    Row(
        "compute",
        "no pip install at pod start where the image has the packages",
        "installs boto3 and requests in each pod",
        (f"{PODS}TestPods::test_nothing_is_installed_where_it_is_there[{{version}}]",),
        ("kubernetes",),
    ),
    Row(
        "compute",
        "no secret in a DAG or a pod's manifest",
        "writes METAFLOW_SERVICE_HEADERS, with the service's API key, into the DAG",
        (f"{PODS}TestPods::test_no_secret_is_in_a_manifest[{{version}}]",),
        ("kubernetes",),
    ),
    _refused("compute", "`@batch`, `@slurm`", "refuses `@batch`", "refused"),
    Row("environment", "`@environment`"),
    Row("environment", "`@secrets`"),
    Row("environment", "`@card`"),
    Row("environment", "METAFLOW_* settings of the manifest reach the tasks"),
    Row(
        "environment",
        "a package beside the flow",
        tests=(f"{EXAMPLES}TestParameters::test_a_package_beside_the_flow_is_imported[{{version}}]",),
    ),
    Row("environment", "a package of what the flow imports"),
    Row("environment", "decorators for all steps, from the manifest", "by the flag `--with`"),
    Row("environment", "step decorators and flow mutators of your own"),
    Row("environment", "parameters and decorators that mutators add, change and remove"),
    Row(
        "environment",
        "a step sees the interpreter that `python flow.py` gives it",
        tests=("tests/compiler/test_as_python_does.py::test_a_step_sees_what_it_sees_in_a_run_of_metaflow",),
    ),
    Row("environment", "processes that a step starts by `multiprocessing`, with objects of the flow's own classes"),
    Row(
        "environment",
        "a flow that a step runs: by `Runner`, and by `python other.py run`",
        tests=("tests/compiler/test_as_python_does.py::test_a_step_starts_other_flows_and_itself",),
    ),
    Row(
        "environment",
        "`@conda`: each step with its packages, and with none of others",
        "",
        (
            f"{PACKAGES}test_each_step_runs_with_its_packages[{{version}}-{{place}}]",
            f"{PACKAGES}test_a_step_without_packages_runs_with_the_interpreter_that_is_there[{{version}}-{{place}}]",
        ),
    ),
    Row(
        "environment",
        "`@pypi`",
        "",
        (f"{PACKAGES}test_wheels_are_installed_on_top[{{version}}-{{place}}]",),
    ),
    Row(
        "environment",
        "uv: what a task is given",
        tests=("tests/compiler/test_packages.py::test_uv_gets_its_lock_and_runs_the_task",),
    ),
    Row("parameters", "str, int, float, bool, JSONType", "a bool becomes a text"),
    Row("parameters", "IncludeFile"),
    Row("parameters", "IncludeFile and Config with a path from the project's folder, or a file from the manifest"),
    Row("parameters", "`separator`"),
    Row("parameters", "required", REFUSED),
    Row("parameters", "default None", REFUSED),
    Row("parameters", "defaults that the manifest gives"),
    Row("parameters", "deploy-time functions"),
    Row("parameters", "types and help texts of parameters in Airflow", "a bool is a text"),
    Row(
        "parameters",
        "the trigger form gives back every default, and takes other values",
        "",
        (
            f"{FORM}test_trigger_gives_back_every_default[{{version}}]",
            f"{FORM}test_every_value_can_be_changed[{{version}}]",
            f"{FORM}test_what_is_required_is_asked_for[{{version}}]",
        ),
    ),
    Row(
        "parameters",
        "a value given at trigger time, unchanged",
        "a `$` or a backquote in a value is run by the shell",
        (f"{PODS}TestValues::test_parameters_arrive_unchanged[{{version}}]",),
    ),
    Row("parameters", "a value of more than 100 KB"),
    Row("parameters", "the order of keys in JSON parameters and Configs"),
    Row(
        "parameters",
        "a name that is no parameter fails the run at its start",
        tests=(
            "tests/airflow/test_local_dags.py::test_what_a_run_cannot_be_given_fails_it_with_one_error[{version}]",
            f"{PODS}TestValues::test_a_name_that_is_no_parameter_starts_no_pod[{{version}}]",
        ),
    ),
    Row("config", "`Config` with values from the manifest", "becomes a Param, and the pod does not get its value"),
    Row(
        "config",
        "`Config` with a file from the manifest",
        "becomes a Param, and the pod does not get its value",
        (f"{EXAMPLES}TestParameters::test_a_config_is_no_parameter[{{version}}]",),
    ),
    Row("config", "`config_expr`"),
    Row("schedule", "hourly"),
    Row("schedule", "daily"),
    Row("schedule", "weekly"),
    Row("schedule", "a cron of five fields"),
    Row(
        "schedule",
        "a cron of AWS, six fields",
        "the sixth field becomes seconds: the DAG fires at every second of a minute",
    ),
    Row("schedule", "`timezone`", REFUSED),
    Row("schedule", "a schedule of the manifest instead of the code's"),
    Row(
        "schedule",
        "several crons that one can say: the next runs are those of a plan",
        tests=("tests/airflow/test_several_crons.py::test_the_next_runs_are_those_of_a_plan[{version}-joined]",),
        computes=("local",),
    ),
    Row(
        "schedule",
        "no run of the past when a DAG first appears",
        "catchup is not set, and Airflow 2 has it on",
    ),
    _refused(
        "schedule",
        "crons of AWS that have no Unix form (a year, `L`, `W`, `#`)",
        "written as they are",
        more=("tests/renderer/test_schedule.py::test_refusals",),
    ),
    Row("project", "`@project`: branch and production from the environment"),
    Row("limits", "`max_workers` for each foreach of each run"),
    Row("limits", "a workflow timeout"),
    Row("limits", "a pool"),
    Row("identity", "run id, task id and pathspec"),
    Row("identity", "tags", "the file does not import on 2.11"),
    Row("identity", "`namespace()` finds the runs"),
    Row(
        "identity",
        "production tokens",
        "writes them",
        (
            "tests/e2e/test_identity.py::test_an_apply_says_the_namespace",
            "tests/e2e/test_identity.py::TestClearing::test_a_cleared_task_continues_its_run[{version}]",
        ),
    ),
    Row("identity", "logs of each attempt"),
    Row(
        "after a failure",
        "`resume` of a failed run, locally",
        tests=(f"{EXAMPLES}TestFailures::test_a_failed_run_is_resumed_locally[{{version}}]",),
    ),
    Row(
        "after a failure",
        "clearing a failed task continues the run",
        tests=("tests/e2e/test_identity.py::TestClearing::test_a_cleared_task_continues_its_run[{version}]",),
    ),
    Row(
        "after a failure",
        "killed tasks and a killed scheduler: the run finishes, and no result is lost",
        tests=(
            f"{RUNNING}TestKills::test_the_run_finishes[{{version}}]",
            f"{RUNNING}TestPods::test_no_attempt_is_started_twice[{{version}}]",
        ),
    ),
    Row(
        "sensors",
        "`@airflow_external_task_sensor`",
        "imports modules that are gone",
        (
            f"{SENSORS}test_a_run_waits_for_a_dag_a_task_and_keys[{{version}}-{{place}}]",
            "tests/airflow/test_sensors.py::test_states_are_those_of_the_decorator[{version}]",
        ),
    ),
    Row(
        "sensors",
        "`@airflow_s3_key_sensor`",
        "imports modules that are gone",
        (f"{SENSORS}test_a_run_waits_for_a_dag_a_task_and_keys[{{version}}-{{place}}]",),
    ),
    *(
        Row(
            "datastores",
            f"code packages and artifacts in {name}, by a task's own script outside of Airflow",
            tests=(
                f"{STORED}test_packages_are_stored_once_and_before_any_dag[{key}]",
                f"{STORED}test_tasks_fetch_the_package_and_run[{key}]",
            ),
        )
        for key, name in (("gs", "Google Cloud Storage"), ("azure", "Azure Blob Storage"))
    ),
    Row("events", "`@trigger`: values from the payload, and `current.trigger` in each step", REFUSED),
    Row(
        "events",
        "`@trigger_on_finish`: chains of flows, several flows, and the metadata that Metaflow writes",
        REFUSED,
        (f"{EVENTS}test_a_chain_of_flows_and_an_event_of_a_step[{{version}}]",),
        computes=("local",),
    ),
    Row(
        "events",
        "one run for each event of a burst, the same event once, and a schedule beside it",
        tests=(f"{EVENTS}test_each_event_of_a_burst_has_a_run_of_its_own[{{version}}]",),
        computes=("local",),
    ),
    Row(
        "events",
        "an event for a paused flow, and new versions of both flows before the run that it starts",
        tests=(f"{EVENTS}test_an_event_waits_for_a_paused_consumer_that_is_deployed_anew[{{version}}]",),
        computes=("local",),
    ),
    Row(
        "events",
        "50 events in 5 seconds and a scheduler that is killed meanwhile: 50 runs with 50 payloads",
        tests=(f"{EVENTS}test_no_event_is_lost_or_doubled_over_a_restart[{{version}}]",),
        computes=("local",),
    ),
    Row(
        "events",
        "several events, of which all must come",
        tests=(f"{EVENTS}test_several_events_come_together[{{version}}]",),
        computes=("local",),
    ),
    Row(
        "events",
        "`ArgoEvent` in a step, published when the step has succeeded",
        tests=(f"{EVENTS}test_a_chain_of_flows_and_an_event_of_a_step[{{version}}]",),
    ),
    Row(
        "events",
        "the names of events, parameters and conditions of `@trigger` and `@trigger_on_finish` are Metaflow's own",
        tests=(
            f"{AS_ARGO}test_events_and_parameters_are_those_of_argo",
            f"{AS_ARGO}test_a_run_waits_for_all_events_as_under_argo",
        ),
    ),
    _refused("events", "`options` of `@trigger` and `@trigger_on_finish`", REFUSED, "trigger_on_finish"),
    Row(
        "events",
        "`notify:` on failure, success and retry: once, with the task that failed, in Slack, by email and a webhook",
        tests=tuple(f"{TOLD}{test}[{{version}}]" for test in _TOLD),
        computes=("local",),
    ),
    Row("events", "`@exit_hook` on success: called with the run, which it does not change", REFUSED),
    Row("events", "`@exit_hook` on error: called with the run, which it does not change", REFUSED),
    _refused(
        "events", "`options` of `@exit_hook` other than `image`, and functions without a name", REFUSED, "exit_hook"
    ),
)

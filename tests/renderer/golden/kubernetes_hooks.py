"""TrainFlow on Airflow: prod/train of the project growth.

Rendered by mfdeploy. Do not edit it here: change the manifest or the flow, then plan and apply.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from datetime import datetime, timedelta, timezone

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

try:
    from airflow.sdk import DAG, Asset, task_group
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import task_group

try:
    from airflow.sdk.configuration import conf
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2, and the first of Airflow 3
    from airflow.configuration import conf
    from airflow.exceptions import AirflowFailException, AirflowSkipException

DOC = """\
Trains a model.

### When a run fails

The log of the task that failed ends with the error and with the command that resumes the run on your machine. To run it again here, clear the task with everything downstream.

### In the manifests of mfdeploy

`prod/train`, from `flows/train.py`:

```yaml
train:
  file: flows/train.py
  max_workers: 100
```
"""

FLOW = "TrainFlow"
# For the log of each task: where it comes from, and how a run that failed is resumed, up to its id.
DEPLOYED = "prod/train"
RESUME = 'eval "$(mfdeploy env train --env prod)" && python flows/train.py resume --origin-run-id'

# Published when a run has succeeded.
ENDED = Asset("metaflow.hooks.pods.end")

# What a task runs. Everything that differs between tasks comes to it in environment variables.
SCRIPT = "set -e && cd /metaflow && python -m mfdeploy_task train.py"

# For all steps; what a single one adds is written with it.
ENVIRONMENT = {
    "METAFLOW_CODE_SHA": "abcdef",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "METAFLOW_FLOW_FILENAME": "train.py",
    "METAFLOW_FLOW_NAME": "TrainFlow",
    "METAFLOW_KUBERNETES_WORKLOAD": "1",
    "METAFLOW_RUNTIME_ENVIRONMENT": "kubernetes",
    "METAFLOW_TAGS": '["env:prod", "mfdeploy", "team:growth"]',
    "METAFLOW_TASK_OPTIONS": "[]",
    "MFDEPLOY_RESULT_FILE": "/dev/termination-log",
    "MFDEPLOY_SHOW_ITEMS": "1",
}
POD_LABELS = {"app": "metaflow", "app.kubernetes.io/name": "metaflow-task", "app.kubernetes.io/part-of": "metaflow"}
POD_ANNOTATIONS = {"metaflow/flow_name": "TrainFlow", "metaflow/owner": "growth", "metaflow/user": "growth"}
POD_SPEC = {"activeDeadlineSeconds": 432000, "serviceAccountName": "metaflow"}
CONTAINER = {
    "image": "python:3.12",
    "resources": {"requests": {"cpu": "1", "ephemeral-storage": "10240M", "memory": "4096M"}},
}
POD_FIELDS = {
    "METAFLOW_KUBERNETES_NAMESPACE": "metadata.namespace",
    "METAFLOW_KUBERNETES_NODE_IP": "status.hostIP",
    "METAFLOW_KUBERNETES_POD_ID": "metadata.uid",
    "METAFLOW_KUBERNETES_POD_NAME": "metadata.name",
    "METAFLOW_KUBERNETES_POD_NAMESPACE": "metadata.namespace",
    "METAFLOW_KUBERNETES_SERVICE_ACCOUNT_NAME": "spec.serviceAccountName",
}
POD_ENVIRONMENT = [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": POD_FIELDS[name]}}} for name in POD_FIELDS]

# The exit code with which Metaflow forbids to retry a step: METAFLOW_EXIT_DISALLOW_RETRY of metaflow.exception.
NO_RETRY = 202


def metaflow_id(*parts):
    """Metaflow's ids follow from Airflow's: a task knows those of the tasks before it without asking."""
    digest = hashlib.sha256("-".join(parts).encode()).hexdigest()
    return f"airflow-{digest[:12]}"


def in_pieces(name, text, size=30_000):
    """A variable of a process holds 128 KiB at most: a longer text comes as NAME_0, NAME_1 and so on."""
    if len(text) <= size:
        return {name: text}
    return {f"{name}_{start // size}": text[start : start + size] for start in range(0, len(text), size)}


def run_parameters(values, given, known, most=50_000_000):
    """The values of a run's parameters as JSON. What the run was given is not to be lost without a word."""
    # Airflow's own operator for the trigger of a DAG adds the last one.
    unknown = [name for name in given if name not in known and name != "openlineage"]
    if unknown:
        raise AirflowFailException("; ".join(no_parameter(name[:100], known) for name in unknown[:5]))
    ignored = [name for name in known if json.dumps(given.get(name, values[name])) != json.dumps(values[name])]
    if ignored:
        raise AirflowFailException(
            f"the run was given a value for {ignored[0]!r}, and this Airflow takes none: "
            "set [core] dag_run_conf_overrides_params to True, and clear this task"
        )
    text = json.dumps({name: values[name] for name in known}, ensure_ascii=False)
    size = len(text.encode(errors="replace"))
    if size > most:
        _, largest = max((len(json.dumps(values[name])), name) for name in known)
        raise AirflowFailException(
            f"the parameters of the run have {size:,} bytes (most of them {largest}), and a task takes {most:,}: "
            "give the run the name of a file or an object, and read that in the flow"
        )
    return text


def no_parameter(name, known):
    lower = {each.lower(): each for each in known}
    near = [lower[each] for each in difflib.get_close_matches(name.lower(), lower, n=1)]
    names = f"its parameters are {', '.join(known[:20])}" if known else "it has none"
    hint = f"did you mean {near[0]!r}?" if near else names
    return f"the run was given a value for {name!r}, and {FLOW} has no such parameter: {hint}"


# The key under which a foreach says the values of its items, by index: those that are short and no secret.
ITEM_VALUES = "item_values"


def mappable(items, foreach):
    """The items of a foreach, unless there are more than Airflow maps a task over."""
    limit = conf.getint("core", "max_map_length", fallback=1024)
    if len(items) > limit:
        raise AirflowFailException(
            f"the foreach of {foreach} has {len(items)} items, and this Airflow takes {limit} at most. "
            f"Set AIRFLOW__CORE__MAX_MAP_LENGTH to {len(items)} or more for the scheduler, the workers and the API "
            "server, restart them, and clear this task with everything downstream."
        )
    return items


def as_it_is(text):
    """Kubernetes replaces $(NAME) in arguments and variables, and $$ by $."""
    return text.replace("$", "$$")


class MetaflowStep(KubernetesPodOperator):
    """Runs one step of the flow as a pod."""

    # These show on the page of rendered templates; nothing that a user wrote is ever a template.
    template_fields = (
        "metaflow_index",
        "metaflow_run_id",
        "metaflow_task_id",
        "metaflow_pathspec",
        "metaflow_input_paths",
    )
    template_ext = ()
    # Known when a task begins. Here, since Airflow is slow to set what belongs to each operator.
    metaflow_index = metaflow_run_id = metaflow_task_id = metaflow_pathspec = metaflow_input_paths = ""
    joined_items = metaflow_item = ""

    def render_template_fields(self, context, jinja_env=None):
        super().render_template_fields(context, jinja_env)  # gives the index
        run, index = context["run_id"], self.metaflow_index
        # What `map_index_template` shows, as a value: no item is ever a template.
        context["metaflow_item"] = self.metaflow_item = self.shown_item(context["ti"])
        # Not joined by a dash, which both may hold: two runs would be one.
        self.metaflow_run_id = metaflow_id(json.dumps([run, self.dag_id]))
        self.metaflow_task_id = self.task_id_of(self.task_id, run, index)
        self.metaflow_pathspec = f"{FLOW}/{self.metaflow_run_id}/{self.task_id}/{self.metaflow_task_id}"
        before = self.items_before(index, context["ti"])
        paths = [f"{step}/{self.task_id_of(step, run, item)}" for item, _ in before for step in self.inputs]
        # Metaflow reads `run/:a,b` as `run/a,run/b`.
        self.metaflow_input_paths = f"{self.metaflow_run_id}/:{','.join(paths)}" if paths else ""
        if self.joins_foreach and len(paths) == len(before) * len(self.inputs):
            # The paths of 100,000 items are more than a process takes: it makes the same list from this.
            joined = {"dag_id": self.dag_id, "steps": list(self.inputs), "index": index, "items": len(before)}
            self.joined_items = json.dumps(joined)

    def shown_item(self, ti):
        """The index of the item, and its value where the task that lists the items said it."""
        index = self.metaflow_index
        if not index:
            return ""
        value = (ti.xcom_pull(task_ids=self.items_of, key=ITEM_VALUES, map_indexes=-1) or {}).get(index)
        return f"{index}: {value}"[:200] if value else index

    def task_id_of(self, step, run, index):
        return metaflow_id(run, step, self.dag_id, *([index] if index else []))

    def variables(self, context):
        """The environment of one attempt."""
        ti = context["ti"]
        variables = {
            **ENVIRONMENT,
            **self.environment,
            "METAFLOW_STEP_NAME": self.task_id,
            "METAFLOW_RUN_ID": self.metaflow_run_id,
            "METAFLOW_TASK_ID": self.metaflow_task_id,
            **self.input_variables(),
            "METAFLOW_RETRY_COUNT": str(ti.try_number - 1),
            # Not `retries`: a task that was cleared counts on.
            "METAFLOW_MAX_USER_CODE_RETRIES": str(ti.max_tries),
            "METAFLOW_AIRFLOW_DAG_RUN_ID": context["run_id"],
            "METAFLOW_AIRFLOW_JOB_ID": f"{self.dag_id}.{self.task_id}",
        }
        if not self.inputs:
            values = run_parameters(context["params"], context["dag_run"].conf or {}, list(self.dag.params))
            variables.update(in_pieces("METAFLOW_PARAMETERS", values))
        if self.first_in_foreach:
            variables["METAFLOW_SPLIT_INDEX"] = self.metaflow_index.rpartition(".")[2]
        return variables

    def header(self, ti):
        """The first line of the log: what Metaflow calls this, and what was deployed."""
        item = f" (item {self.metaflow_item})" if self.metaflow_item else ""
        return f"{self.metaflow_pathspec}{item}, attempt {ti.try_number}, {DEPLOYED}"

    def failure(self, error, ti):
        """The error for Airflow. What helps a person stands before its traceback in the log."""
        if isinstance(error, AirflowSkipException):  # the operator's word for NO_RETRY
            error = AirflowFailException(
                f"step {self.task_id} ended with exit code {NO_RETRY}, by which Metaflow forbids a retry"
            )
        if ti.try_number > ti.max_tries or isinstance(error, AirflowFailException):
            self.log.error("Step %s failed. This resumes the run on your machine:", self.task_id)
            self.log.error("%s %s", RESUME, self.metaflow_run_id)
        return error

    def publish(self, context):
        """Starts what waits for the end of this flow."""
        if ENDED in self.outlets:
            context["outlet_events"][ENDED].extra = {
                "id": self.metaflow_pathspec,
                "pathspec": self.metaflow_pathspec,
                "flow_name": FLOW,
                "run_id": self.metaflow_run_id,
            }

    def input_variables(self):
        if self.joined_items:
            return {"METAFLOW_JOINED_ITEMS": self.joined_items}
        return in_pieces("METAFLOW_INPUT_PATHS", self.metaflow_input_paths)

    def items_before(self, index, ti):
        """The items of the tasks before this one, as (index, map index)."""
        if self.joins_foreach:
            above = f"{index}." if index else ""
            items = ti.xcom_pull(task_ids=self.joins_foreach, map_indexes=-1) or []
            return [(item, number) for number, item in enumerate(items) if item.startswith(above)]
        if self.first_in_foreach:
            return [(index.rpartition(".")[0], None)]
        return [(index, ti.map_index)]

    def result(self, written, ti):
        """What later tasks need to know of this one."""
        if self.is_foreach:
            above = f"{self.metaflow_index}." if self.metaflow_index else ""
            # One index for each item: the steps of the body are mapped over them.
            items = [f"{above}{number}" for number in range(written["splits"])]
            outer = self.metaflow_item.partition(": ")[2]
            values = {
                f"{above}{number}": f"{outer}, {value}" if outer else value
                for number, value in (written.get("values") or {}).items()
            }
            ti.xcom_push(key=ITEM_VALUES, value=values)
            return items if self.metaflow_index else mappable(items, self.task_id)
        return None

    def execute(self, context):
        self.log.info("%s", self.header(context["ti"]))
        variables = self.variables(context)
        self.env_vars = {name: as_it_is(value) for name, value in variables.items()}
        self.annotations |= {
            "metaflow/run_id": self.metaflow_run_id,
            "metaflow/step_name": self.task_id,
            "metaflow/task_id": self.metaflow_task_id,
            "metaflow/attempt": variables["METAFLOW_RETRY_COUNT"],
        }
        try:
            super().execute(context)
        except Exception as error:
            raise self.failure(error, context["ti"]) from None
        self.publish(context)
        if self.is_foreach:
            self.do_xcom_push = True  # not before: for the operator it means a second container
            return self.result(self.termination_message(), context["ti"])

    def termination_message(self):
        """What the step says as it ends; the API gives it with the state of the container."""
        for container in self.remote_pod.status.container_statuses or ():
            if container.name == "base" and container.state.terminated and container.state.terminated.message:
                return json.loads(container.state.terminated.message)
        raise RuntimeError("the pod ended without the termination message that tells which tasks follow")


def metaflow_step(
    *,
    inputs=(),  # the steps before this one
    metaflow_index=None,  # which item of a foreach this is
    is_foreach=False,
    first_in_foreach=False,
    joins_foreach=None,  # the task that lists the items which come together here
    items_of=None,  # the task that lists the items of which this is one
    operator=MetaflowStep,
    environment=None,
    script=SCRIPT,
    namespace="ml",
    on_finish_action="delete_pod",
    startup_timeout_seconds=3600,
    labels=None,
    annotations=None,
    pod_spec=None,
    container=None,
    **kwargs,
):
    """A step's task. Not a constructor: Airflow takes its time for each one that an operator inherits."""
    step = operator(
        namespace=namespace,
        on_finish_action=on_finish_action,
        startup_timeout_seconds=startup_timeout_seconds,
        cmds=["bash", "-c"],
        arguments=[as_it_is(script)],
        labels={**POD_LABELS, **(labels or {})},
        annotations={**POD_ANNOTATIONS, **(annotations or {})},
        pod_template_dict={
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": {
                **POD_SPEC,
                **(pod_spec or {}),
                "containers": [{"name": "base", "env": POD_ENVIRONMENT, **CONTAINER, **(container or {})}],
            },
        },
        do_xcom_push=False,
        deferrable=False,
        skip_on_exit_code=NO_RETRY,
        termination_message_policy="FallbackToLogsOnError",
        log_events_on_failure=True,
        log_pod_spec_on_failure=False,  # the pod's variables do not belong in the log
        **kwargs,
    )
    step.inputs = inputs
    step.is_foreach = is_foreach
    step.first_in_foreach = first_in_foreach
    step.joins_foreach = joins_foreach
    step.items_of = items_of
    if metaflow_index is not None:
        step.metaflow_index = metaflow_index
        step.map_index_template = "{{ metaflow_item }}"
    step.environment = environment or {}
    return step


class MetaflowHook(MetaflowStep):
    """Calls a function of the flow's @exit_hook, if the run ended in the way that it is for."""

    template_fields = ("metaflow_run_id",)  # no task of Metaflow

    def variables(self, context):
        state = self.state_of_end(context)
        ended = {"success": "success", "failed": "error", "upstream_failed": "error"}.get(state)
        if ended != self.on:
            raise AirflowSkipException(f"it is called on {self.on}, and the end step is in the state {state}")
        return {
            **ENVIRONMENT,
            **self.environment,
            "METAFLOW_STEP_NAME": self.task_id,
            "METAFLOW_RUN_ID": self.metaflow_run_id,
            "METAFLOW_TASK_ID": self.metaflow_task_id,
            "METAFLOW_RETRY_COUNT": str(context["ti"].try_number - 1),
            "METAFLOW_AIRFLOW_DAG_RUN_ID": context["run_id"],
            "METAFLOW_AIRFLOW_JOB_ID": f"{self.dag_id}.{self.task_id}",
            "MFDEPLOY_HOOK": self.function,
        }

    def state_of_end(self, context):
        ti = context["ti"]
        if hasattr(ti, "get_task_states"):
            run = context["run_id"]
            states = ti.get_task_states(dag_id=self.dag_id, task_ids=["end"], run_ids=[run])
            return states.get(run, {}).get("end")
        return context["dag_run"].get_task_instance("end").state  # Airflow 2

    def header(self, ti):
        return f"{self.function} for {FLOW}/{self.metaflow_run_id}, {DEPLOYED}"

    def failure(self, error, ti):
        return AirflowFailException(f"the exit hook {self.function} failed, which does not change the run: {error}")


def metaflow_hook(function, on, **kwargs):
    """A hook's task. As a teardown it runs whatever became of the steps, and decides nothing about the run."""
    hook = metaflow_step(operator=MetaflowHook, **kwargs)
    hook.function, hook.on = function, on
    # Not only after the last step: that has failed while a branch beside the one that failed still runs.
    hook.set_upstream([task for task in hook.dag.tasks if not isinstance(task, MetaflowHook)])
    return hook.as_teardown(on_failure_fail_dagrun=False)


with DAG(
    dag_id="hooks.pods",
    tags=["env:prod", "metaflow", "project:growth", "team:growth"],
    catchup=False,
    max_active_runs=16,
    max_active_tasks=1648,
    doc_md=DOC,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    default_args={"owner": "growth", "retries": 0, "execution_timeout": timedelta(minutes=7325)},
):
    start = metaflow_step(
        task_id="start",
        is_foreach=True,
        container={
            "envFrom": [{"secretRef": {"name": "slack"}}],
            "resources": {"requests": {"cpu": "1", "ephemeral-storage": "10240M", "memory": "32000M"}},
        },
    )

    @task_group(group_id="foreach-fit", prefix_group_id=False)
    def each_start(index):
        """For each item of start."""
        metaflow_step(
            task_id="fit",
            metaflow_index=index,
            inputs=["start"],
            first_in_foreach=True,
            max_active_tis_per_dagrun=100,
            items_of="start",
        )

    start_items = each_start.expand(index=start.output)
    join = metaflow_step(task_id="join", inputs=["fit"], joins_foreach="start")
    end = metaflow_step(task_id="end", inputs=["join"], outlets=[ENDED])

    start_items >> join >> end

    metaflow_hook(
        task_id="on-error-alerts.page",
        function="alerts.page",
        on="error",
        container={"envFrom": [{"secretRef": {"name": "slack"}}]},
    )
    metaflow_hook(
        task_id="on-error-tell",
        function="tell",
        on="error",
        container={"envFrom": [{"secretRef": {"name": "slack"}}]},
    )
    metaflow_hook(
        task_id="on-success-tell",
        function="tell",
        on="success",
        container={"envFrom": [{"secretRef": {"name": "slack"}}], "image": "acme/tell:1"},
    )

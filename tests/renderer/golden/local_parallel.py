"""TrainFlow on Airflow: prod/train of the project growth.

Rendered by mfdeploy. Do not edit it here: change the manifest or the flow, then plan and apply.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, Asset
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.operators.bash import BashOperator

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2, and the first of Airflow 3
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
ENDED = Asset("metaflow.parallel.end")

# What a task runs. Everything that differs between tasks comes to it in environment variables.
SCRIPT = "set -e && cd /metaflow && python -m mfdeploy_task train.py"

# For all steps; what a single one adds is written with it.
ENVIRONMENT = {
    "METAFLOW_CODE_SHA": "abcdef",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "METAFLOW_FLOW_NAME": "TrainFlow",
    "METAFLOW_TAGS": '["env:prod", "mfdeploy", "team:growth"]',
    "METAFLOW_TASK_OPTIONS": "[]",
}

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


class MetaflowStep(BashOperator):
    """Runs one step of the flow as a process on the worker, in a fresh folder."""

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

    def render_template_fields(self, context, jinja_env=None):
        super().render_template_fields(context, jinja_env)  # gives the index
        run, index = context["run_id"], self.metaflow_index
        # Not joined by a dash, which both may hold: two runs would be one.
        self.metaflow_run_id = metaflow_id(json.dumps([run, self.dag_id]))
        self.metaflow_task_id = self.task_id_of(self.task_id, run, index)
        self.metaflow_pathspec = f"{FLOW}/{self.metaflow_run_id}/{self.task_id}/{self.metaflow_task_id}"
        paths = [f"{step}/{self.task_id_of(step, run, index)}" for step in self.inputs]
        if self.joins_parallel:
            paths += [f"{path}_node_{node}" for path in paths for node in range(1, self.nodes(context["ti"]))]
        # Metaflow reads `run/:a,b` as `run/a,run/b`.
        self.metaflow_input_paths = f"{self.metaflow_run_id}/:{','.join(paths)}" if paths else ""

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
            **in_pieces("METAFLOW_INPUT_PATHS", self.metaflow_input_paths),
            "METAFLOW_RETRY_COUNT": str(ti.try_number - 1),
            # Not `retries`: a task that was cleared counts on.
            "METAFLOW_MAX_USER_CODE_RETRIES": str(ti.max_tries),
            "METAFLOW_AIRFLOW_DAG_RUN_ID": context["run_id"],
            "METAFLOW_AIRFLOW_JOB_ID": f"{self.dag_id}.{self.task_id}",
        }
        if not self.inputs:
            values = run_parameters(context["params"], context["dag_run"].conf or {}, list(self.dag.params))
            variables.update(in_pieces("METAFLOW_PARAMETERS", values))
        return variables

    def header(self, ti):
        """The first line of the log: what Metaflow calls this, and what was deployed."""
        return f"{self.metaflow_pathspec}, attempt {ti.try_number}, {DEPLOYED}"

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

    def nodes(self, ti):
        """How many processes ran the parallel step before this one: the task of Airflow, and workers of Metaflow's."""
        return ti.xcom_pull(task_ids=self.inputs[0], map_indexes=ti.map_index) or 1

    def result(self, written):
        """What later tasks need to know of this one."""
        if self.is_parallel:
            return written["nodes"]
        return None

    def execute(self, context):
        self.log.info("%s", self.header(context["ti"]))
        with tempfile.TemporaryDirectory(prefix="metaflow-") as folder:
            result_file = Path(folder, "result.json")
            self.env = {
                **self.variables(context),
                "MFDEPLOY_SCRIPT": self.script,
                "MFDEPLOY_PYTHON": sys.executable,
                "MFDEPLOY_RESULT_FILE": str(result_file),
            }
            try:
                super().execute(context)
            except Exception as error:
                raise self.failure(error, context["ti"]) from None
            self.publish(context)
            return self.result(json.loads(result_file.read_text())) if result_file.exists() else None


def metaflow_step(
    *,
    inputs=(),  # the steps before this one
    is_parallel=False,
    joins_parallel=False,
    environment=None,
    script=SCRIPT,
    **kwargs,
):
    """A step's task. Not a constructor: Airflow takes its time for each one that an operator inherits."""
    # The operator writes its command to the log: not the whole script.
    command = 'eval "$MFDEPLOY_SCRIPT"'
    step = MetaflowStep(bash_command=command, append_env=True, skip_on_exit_code=NO_RETRY, **kwargs)
    step.script = script
    step.inputs = inputs
    step.is_parallel = is_parallel
    step.joins_parallel = joins_parallel
    step.environment = environment or {}
    return step


with DAG(
    dag_id="parallel",
    tags=["env:prod", "metaflow", "project:growth", "team:growth"],
    catchup=False,
    max_active_runs=16,
    max_active_tasks=64,
    doc_md=DOC,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    default_args={"owner": "growth", "retries": 0, "execution_timeout": timedelta(days=5)},
):
    start = metaflow_step(task_id="start")
    fit = metaflow_step(
        task_id="fit",
        inputs=["start"],
        is_parallel=True,
        environment={"MFDEPLOY_PARALLEL": "0"},
    )
    join = metaflow_step(task_id="join", inputs=["fit"], joins_parallel=True)
    end = metaflow_step(task_id="end", inputs=["join"], outlets=[ENDED])

    start >> fit >> join >> end

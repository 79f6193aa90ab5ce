"""TrainFlow on Airflow: prod/train of the project growth.

Rendered by mfdeploy. Do not edit it here: change the manifest or the flow, then plan and apply.
"""

from __future__ import annotations

import difflib
import hashlib
import html
import importlib
import json
import logging
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

from airflow import __version__ as AIRFLOW_VERSION

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
ENDED = Asset("metaflow.notifying.end")

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


def metaflow_step(
    *,
    inputs=(),  # the steps before this one
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
    step.environment = environment or {}
    return step


# Who is told of what, and how: by connections of Airflow.
NOTIFY = {
    "failure": [
        {"slack": {"channel": "#ml", "connection": "slack_ml"}},
        {"pagerduty": {"connection": "pagerduty_ml", "severity": "critical"}},
        {"email": {"connection": "mail", "from": "airflow@example.com", "to": ["ml-team@example.com"]}},
    ],
    "late": [{"webhook": {"connection": "ml_hooks", "endpoint": "hooks/ml"}}],
    "retry": [{"webhook": {"connection": "ml_hooks", "endpoint": "hooks/ml"}}],
    "success": [{"slack_webhook": {"connection": "slack_hook"}}],
}
ADDRESS = "prod/train"
OWNER = "growth"
WORDS = {"failure": "failed", "success": "succeeded", "retry": "has a task that is tried again", "late": "is late"}
MOST_TEXT = 2_000
# As in (3, 3).
AIRFLOW = tuple(int(part) for part in AIRFLOW_VERSION.split(".")[:2])


def tell(event, context):
    """Tells everybody of an event, whoever else cannot be told."""
    said, missing = facts_of(event, context), []
    for notifier in NOTIFY[event]:
        for kind, given in notifier.items():
            try:
                send(kind, given, said, context)
            except Exception as error:
                logging.getLogger(__name__).exception("%s by %s: not sent", said["title"], kind)
                missing.append(f"{kind} by {given.get('connection', 'smtp_default')}: {type(error).__name__}: {error}")
    if missing:
        raise RuntimeError(f"not everybody was told that {said['title']}: {'; '.join(missing)}")


def send(kind, given, said, context):
    """Sends one message. Its text is no template: a notifier renders one only where Airflow itself calls it."""
    if kind == "slack":
        load("airflow.providers.slack.notifications.slack", "SlackNotifier")(
            slack_conn_id=given["connection"], channel=given["channel"], text=as_slack(said)
        ).notify(context)
    elif kind == "slack_webhook":
        load("airflow.providers.slack.notifications.slack_webhook", "SlackWebhookNotifier")(
            slack_webhook_conn_id=given["connection"], text=as_slack(said)
        ).notify(context)
    elif kind == "email":
        load("airflow.providers.smtp.notifications.smtp", "SmtpNotifier")(
            to=given["to"],
            from_email=given.get("from"),
            subject=said["title"],
            html_content=as_html(said),
            smtp_conn_id=given.get("connection", "smtp_default"),
        ).notify({"dag": context.get("dag")})
    elif kind == "pagerduty":
        load("airflow.providers.pagerduty.notifications.pagerduty", "PagerdutyNotifier")(
            summary=said["title"],
            severity=given.get("severity", "error"),
            source=ADDRESS,
            # What a run has raised, the next one that succeeds resolves.
            action="resolve" if said["event"] == "success" else "trigger",
            dedup_key=f"mfdeploy {said['dag_id']}"[:255],
            custom_details={name: text for name, text in said.items() if name != "title"},
            links=[{"href": said[name], "text": name} for name in ("run_url", "log_url") if name in said],
            pagerduty_events_conn_id=given["connection"],
        ).notify(context)
    else:
        hook = load("airflow.providers.http.hooks.http", "HttpHook")(method="POST", http_conn_id=given["connection"])
        content = {**said, "text": "\n".join(lines_of(said))}
        hook.run(endpoint=given.get("endpoint"), json=content, extra_options={"timeout": 30})


def load(module, name):
    """A class of a provider: imported when it is used, since a DAG is parsed all the time and runs without it too."""
    return getattr(importlib.import_module(module), name)


def facts_of(event, context):
    """What there is to say of a run, by name; what is not known is left out."""
    run = context.get("dag_run")
    run_id = run["dag_run_id"] if isinstance(run, dict) else context["run_id"]
    try:
        failed = failed_tasks(event, context, run_id)
    except Exception:  # a message that says less is better than none
        logging.getLogger(__name__).exception("the tasks that failed are not known")
        failed = []
    metaflow_run_id = metaflow_id(json.dumps([run_id, "notifying"]))
    found = {
        "title": f"{ADDRESS} {WORDS[event]}",
        "event": event,
        "flow": FLOW,
        "dag_id": "notifying",
        "run_id": run_id,
        "failed": [task["name"] for task in failed],
        "error": error_of(context),
        "reason": str(context.get("reason") or "")[:MOST_TEXT] if event == "failure" else "",
        "pathspec": pathspec_of(context, failed, run_id, metaflow_run_id),
        "deployed": DEPLOYED,
        "owner": OWNER,
        **pages_of("notifying", run_id, failed),
        "resume": f"{RESUME} {metaflow_run_id}" if event in ("failure", "retry") else "",
    }
    return {name: value for name, value in found.items() if value}


def failed_tasks(event, context, run_id):
    """The tasks that failed, each by its id, its place among the items of a foreach, and both in words."""
    ti, found = context.get("ti"), {}
    if event == "retry":
        found[ti.task_id, ti.map_index] = ti
    elif event == "failure" and ti is not None:
        if AIRFLOW < (3, 0):
            for each in context["dag_run"].get_task_instances(state=["failed"]):
                found[each.task_id, each.map_index] = each
        elif AIRFLOW < (3, 2):  # where nobody answers the question below: one of the tasks that failed has to do
            if ti.state == "failed":
                found[ti.task_id, ti.map_index] = ti
        else:
            states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[run_id]).get(run_id, {})
            for name in (name for name, state in states.items() if state == "failed"):
                # A task of a foreach is named by its place among the items as well.
                is_alone = name in ti.task.dag.task_dict
                task_id, _, item = (name, "", "-1") if is_alone else name.rpartition("_")
                found[task_id, int(item)] = None
    return [
        {
            "task_id": task_id,
            "map_index": item,
            "ti": found[task_id, item],
            "name": task_id if item < 0 else f"{task_id} (item {item})",
        }
        for task_id, item in sorted(found)[:20]
    ]


def error_of(context):
    return str(context.get("exception") or "")[:MOST_TEXT]


def pathspec_of(context, failed, run_id, metaflow_run_id):
    """What Metaflow calls the run, and the step or the task where one alone has failed."""
    steps, run = {task["task_id"] for task in failed}, f"{FLOW}/{metaflow_run_id}"
    if len(steps) != 1:
        return run
    (step,) = steps
    task = context["ti"].task.dag.task_dict.get(step)
    if not isinstance(task, MetaflowStep):
        return run
    if getattr(context.get("task"), "task_id", None) == step and getattr(context["task"], "metaflow_pathspec", ""):
        return context["task"].metaflow_pathspec
    # Which item of a foreach it is follows from what other tasks know.
    is_alone = len(failed) == 1 and failed[0]["map_index"] < 0
    return f"{run}/{step}/{metaflow_id(run_id, step, task.dag_id)}" if is_alone else f"{run}/{step}"


def pages_of(dag_id, run_id, failed):
    """The pages of the run and of the log, if Airflow knows its own address."""
    base = base_url()
    if not base:
        return {}
    if AIRFLOW < (3, 0):
        run = f"{base}/dags/{quote(dag_id)}/grid?dag_run_id={quote(run_id, safe='')}"
        return {"run_url": run, "log_url": failed[0]["ti"].log_url if failed else ""}
    run = f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}"
    if not failed:
        return {"run_url": run}
    item = f"/mapped/{failed[0]['map_index']}" if failed[0]["map_index"] >= 0 else ""
    return {"run_url": run, "log_url": f"{run}/tasks/{quote(failed[0]['task_id'])}{item}"}


def base_url():
    """The address of Airflow's pages without a slash at its end; empty if it does not know that."""
    try:
        from airflow.sdk.configuration import conf
    except ImportError:  # Airflow 2, and the first of Airflow 3
        from airflow.configuration import conf
    section = "webserver" if AIRFLOW < (3, 0) else "api"
    return (conf.get(section, "base_url", fallback="") or "").rstrip("/")


def lines_of(said):
    """A message, line by line."""
    named = (
        ("DAG", f"{said['dag_id']}, run {said['run_id']}"),
        ("Task" if said["event"] == "retry" else "Failed", ", ".join(said.get("failed", ()))),
        ("Error", said.get("error")),
        ("Airflow says", said.get("reason")),
        ("Metaflow", said["pathspec"]),
        ("Deployed", said["deployed"]),
        ("Owner", said["owner"]),
        ("Run", said.get("run_url")),
        ("Log", said.get("log_url")),
        ("Resume", said.get("resume")),
    )
    return [said["title"], *(f"{name}: {text}" for name, text in named if text)]


def as_slack(said):
    """A message for Slack, to which three characters mean more than they are."""
    text = "\n".join(lines_of(said))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_html(said):
    """A message as HTML."""
    lines = []
    for line in lines_of(said):
        name, _, address = line.partition(": ")
        if name in ("Run", "Log"):
            lines.append(f'{name}: <a href="{html.escape(address)}">{html.escape(address)}</a>')
        else:
            lines.append(html.escape(line))
    return f'<div style="white-space: pre-wrap">{"<br>".join(lines)}</div>'


def notify_failure(context):
    tell("failure", context)


def notify_success(context):
    tell("success", context)


def notify_retry(context):
    tell("retry", context)


def notify_late(context):
    tell("late", context)


# An Airflow before 3.3 does not find a function of a DAG file, and the first of them know no deadlines.
LATE = {}
if AIRFLOW >= (3, 3):
    from airflow.sdk import DeadlineAlert, DeadlineReference, SyncCallback

    LATE["deadline"] = DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(hours=2),
        callback=SyncCallback(notify_late),
    )


with DAG(
    dag_id="notifying",
    tags=["env:prod", "metaflow", "project:growth", "team:growth"],
    catchup=False,
    max_active_runs=16,
    max_active_tasks=80,
    doc_md=DOC,
    on_failure_callback=notify_failure,
    on_success_callback=notify_success,
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    **LATE,
    default_args={
        "owner": "growth",
        "retries": 0,
        "execution_timeout": timedelta(days=5),
        "on_retry_callback": notify_retry,
    },
):
    start = metaflow_step(task_id="start")
    up = metaflow_step(task_id="up", inputs=["start"])
    down = metaflow_step(task_id="down", inputs=["start"])
    join = metaflow_step(task_id="join", inputs=["up", "down"])
    end = metaflow_step(task_id="end", inputs=["join"], outlets=[ENDED])

    start >> [up, down] >> join >> end

"""Who is told of runs, under real schedulers: what arrives at a mail server, in Slack, and at a webhook."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deployer.manifest.notify_keys import NotifySettings
from deployer.models.flow import Flow, Retries
from deployer.orchestrators.airflow.check import check
from deployer.orchestrators.airflow.first_versions import is_older
from deployer.orchestrators.airflow.render import render
from tests.airflow.harness import PLAIN_VERSIONS, Airflow, notifiers
from tests.airflow.receivers import Received, Request, receiving
from tests.airflow.scheduler import RunningAirflow, running
from tests.renderer import flows

pytestmark = pytest.mark.airflow

OWNER = '<script>alert("{{ 1/0 }}")</script> & <!here> {% raise %}'
RESUME = 'eval "$(mfdeploy env train --env prod)" && python flows/train.py resume --origin-run-id '
HOOK = {"webhook": {"connection": "hooks", "endpoint": "hooks/ml"}}
EVERYBODY = [
    {"webhook": {"connection": "nowhere"}},
    {"slack": {"connection": "slack_ml", "channel": "#ml"}},
    {"slack_webhook": {"connection": "slack_hook"}},
    {"email": {"to": ["ml@example.com", "ada@example.com"], "connection": "mail"}},
    HOOK,
]
LATE = {"late": {"after": "1s", "notify": [HOOK]}}
NOTIFY: dict[str, dict[str, Any]] = {
    "fails": {"failure": EVERYBODY, "retry": [HOOK], **LATE},
    "fans": {"failure": [HOOK]},
    # Not run: a script calls what it would call.
    "pages": {"failure": [{"pagerduty": {"connection": "pd"}}], "success": [{"pagerduty": {"connection": "pd"}}]},
    "succeeds": {"failure": [HOOK], "success": [HOOK, {"email": {"to": ["ml@example.com"], "from": "me@example.com"}}]},
}
RUN = [dag for dag in NOTIFY if dag != "pages"]
# PagerDuty has one address for everybody, which no connection changes.
PAGES = """\
import runpy, sys
from pagerduty.events_api_v2_client import EventsApiV2Client

EventsApiV2Client.url = ""  # the client checks that it is https
EventsApiV2Client.default_base_url = property(lambda self: sys.argv[2])
dag = runpy.run_path(sys.argv[1])
for event in ("failure", "success"):
    dag[f"notify_{event}"]({"dag": None, "run_id": "r1", "reason": "timed_out"})
"""


def flow_of(dag: str, seen: Path) -> Flow:
    """What fails is tried again a few seconds later, so that the run is late meanwhile."""
    common = {"SEEN": str(seen)}
    if dag == "fans":
        flow = flows.with_step(flows.fan(environment=common), "start", environment={"SPLITS": "2"})
        return flows.with_step(flow, "fit", environment={"FAILURES": "9"})
    if dag == "fails":
        again = Retries(times=1, minutes_between=0.1)
        return flows.with_step(flows.linear(environment=common), "start", environment={"FAILURES": "9"}, retries=again)
    return flows.linear(environment=common)


@dataclass(frozen=True)
class Told:
    """A running Airflow in which all runs have ended, and what arrived by then."""

    airflow: RunningAirflow
    received: Received

    def of(self, dag: str, event: str) -> list[dict[str, Any]]:
        """What the webhook got."""
        contents = [request.content for request in self.received.at("/hooks/ml")]
        return [each for each in contents if (each["dag_id"], each["event"]) == (dag, event)]


@pytest.fixture(scope="module")
def told(airflow: Airflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("told")
    (folder / "dags").mkdir()
    for dag, notify in NOTIFY.items():
        flow = flow_of(dag, folder / "seen")
        deployment = flows.deployment(dag_id=dag, owner=OWNER, notify=NotifySettings.model_validate(notify))
        assert check(deployment, flow) == []
        (folder / "dags" / f"{dag}.py").write_text(render(deployment, flow, flows.package(flow)))
    with contextlib.ExitStack() as stack:
        received = stack.enter_context(receiving())
        settings = settings_of(airflow, received)
        found = stack.enter_context(running(airflow, folder / "airflow", folder / "dags", **settings))
        for dag in RUN:
            found.trigger(dag, f"run-of-{dag}")
        expected = 6 if is_older(airflow.version, "3.3") else 7
        found.until(lambda: len(received.mails) >= 2 and len(received.requests) >= expected, "messages", 200)
        yield Told(found, received)


def settings_of(airflow: Airflow, received: Received) -> dict[str, str]:
    here = f"http://127.0.0.1:{received.http}"
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": received.smtp}
    plain = {"disable_ssl": True, "disable_tls": True}
    connections = {
        "hooks": {"conn_type": "http", "host": here, "password": "pa55", "login": "ada"},
        "slack_ml": {"conn_type": "slack", "password": "xoxb-1", "extra": {"base_url": f"{here}/slack/"}},
        "slack_hook": {"conn_type": "slackwebhook", "host": f"{here}/services", "password": "T0/B0/X0"},
        "pd": {"conn_type": "pagerduty_events", "password": "R0"},
        "mail": {**mail, "extra": {**plain, "from_email": "airflow@example.com"}},
        "smtp_default": {**mail, "extra": plain},
    }
    return {
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(each) for name, each in connections.items()},
        "PYTHONPATH": str(notifiers(airflow)),
        "AIRFLOW__API__BASE_URL": "http://airflow.example",
        "AIRFLOW__WEBSERVER__BASE_URL": "http://airflow.example",
    }


def metaflow_id(*parts: str) -> str:
    return f"airflow-{hashlib.sha256('-'.join(parts).encode()).hexdigest()[:12]}"


def run_of(dag: str) -> str:
    return metaflow_id(json.dumps([f"run-of-{dag}", dag]))


def test_a_failure_is_told_once_with_all_that_helps(told: Told, airflow: Airflow) -> None:
    (content,) = told.of("fails", "failure")
    task = f"TrainFlow/{run_of('fails')}/start/{metaflow_id('run-of-fails', 'start', 'fails')}"
    pages = {
        "run_url": "http://airflow.example/dags/fails/runs/run-of-fails",
        "log_url": "http://airflow.example/dags/fails/runs/run-of-fails/tasks/start",
    }
    if airflow.is_2:
        pages["run_url"] = "http://airflow.example/dags/fails/grid?dag_run_id=run-of-fails"
        pages["log_url"] = content["log_url"]
        assert content["log_url"].startswith(
            "http://airflow.example/dags/fails/grid?dag_run_id=run-of-fails&task_id=start"
        )
    text = content.pop("text")
    assert content == {
        "title": "prod/train failed",
        "event": "failure",
        "flow": "TrainFlow",
        "dag_id": "fails",
        "run_id": "run-of-fails",
        "failed": ["start"],
        "reason": content["reason"],
        "pathspec": task,
        "deployed": "prod/train",
        "owner": OWNER,
        **pages,
        "resume": RESUME + run_of("fails"),
    }
    assert text.splitlines() == [
        "prod/train failed",
        "DAG: fails, run run-of-fails",
        "Failed: start",
        f"Airflow says: {content['reason']}",
        f"Metaflow: {task}",
        "Deployed: prod/train",
        f"Owner: {OWNER}",
        f"Run: {pages['run_url']}",
        f"Log: {pages['log_url']}",
        f"Resume: {RESUME}{run_of('fails')}",
    ]


def test_items_of_a_foreach_are_told_together(told: Told, airflow: Airflow) -> None:
    (content,) = told.of("fans", "failure")
    both = ["fit (item 0)", "fit (item 1)"]
    # The first of Airflow 3 name one task alone.
    names_one = not airflow.is_2 and is_older(airflow.version, "3.2")
    assert content["failed"] in ([[each] for each in both] if names_one else [both])
    assert content["pathspec"] == f"TrainFlow/{run_of('fans')}/fit"
    assert "fit" in content["log_url"]


def test_a_retry_is_told_with_its_error(told: Told) -> None:
    (content,) = told.of("fails", "retry")
    assert (content["title"], content["failed"]) == ("prod/train has a task that is tried again", ["start"])
    assert "exit code 3" in content["error"]
    assert content["pathspec"].startswith(f"TrainFlow/{run_of('fails')}/start/airflow-")


def test_a_success_is_told(told: Told) -> None:
    (content,) = told.of("succeeds", "success")
    assert (content["title"], content["pathspec"]) == ("prod/train succeeded", f"TrainFlow/{run_of('succeeds')}")
    assert not {"failed", "error", "resume"} & content.keys()
    assert told.of("succeeds", "failure") == []


def test_a_late_run_is_told_where_airflow_can(told: Told, airflow: Airflow) -> None:
    found = told.of("fails", "late")
    if is_older(airflow.version, "3.3"):
        assert found == []
        return
    (content,) = found
    assert (content["title"], content["run_id"]) == ("prod/train is late", "run-of-fails")
    assert content["pathspec"] == f"TrainFlow/{run_of('fails')}"


def test_slack_gets_text_and_no_mention(told: Told) -> None:
    (message,) = told.received.at("/slack/chat.postMessage")
    assert message.headers["Authorization"] == "Bearer xoxb-1"
    assert message.content["channel"] == "#ml"
    (webhook,) = told.received.at("/services/T0/B0/X0")
    for request in (message, webhook):
        assert owner_line(request) == (
            'Owner: &lt;script&gt;alert("{{ 1/0 }}")&lt;/script&gt; &amp; &lt;!here&gt; {% raise %}'
        )


def owner_line(request: Request) -> str:
    return next(line for line in str(request.content["text"]).splitlines() if line.startswith("Owner"))


def test_mail_is_html_that_shows_text(told: Told) -> None:
    mails = {str(mail["Subject"]): mail for mail in told.received.mails}
    failed, succeeded = mails["prod/train failed"], mails["prod/train succeeded"]
    assert (failed["To"], failed["From"]) == ("ml@example.com, ada@example.com", "airflow@example.com")
    assert (succeeded["To"], succeeded["From"]) == ("ml@example.com", "me@example.com")
    (part,) = [each for each in failed.walk() if each.get_content_type() == "text/html"]
    shown = part.get_content()
    assert (
        "Owner: &lt;script&gt;alert(&quot;{{ 1/0 }}&quot;)&lt;/script&gt; &amp; &lt;!here&gt; {% raise %}<br>" in shown
    )
    assert '<a href="http://airflow.example/dags/fails/' in shown
    assert "<script>" not in shown


def test_pagerduty_has_one_incident_that_a_success_resolves(told: Told, airflow: Airflow, tmp_path: Path) -> None:
    if airflow.version not in PLAIN_VERSIONS:
        pytest.skip("the provider of PagerDuty is for Airflow 2.11 and later")
    (tmp_path / "pages.py").write_text(PAGES)
    url = f"http://127.0.0.1:{told.received.http}"
    dag = told.airflow.folder.parent / "dags" / "pages.py"
    command = [str(airflow.python), str(tmp_path / "pages.py"), str(dag), url]
    done = subprocess.run(command, env=dict(told.airflow.environment), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    raised, resolved = (request.content for request in told.received.at("/v2/enqueue"))
    assert (raised["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert (
        (raised["routing_key"], raised["dedup_key"])
        == ("R0", "mfdeploy pages")
        == (*(resolved["routing_key"], resolved["dedup_key"]),)
    )
    assert raised["payload"]["summary"] == "prod/train failed"
    assert raised["payload"]["custom_details"]["owner"] == OWNER


def test_a_webhook_is_logged_in_to(told: Told) -> None:
    (first, *_) = told.received.at("/hooks/ml")
    assert first.headers["Authorization"].startswith("Basic ")
